//! Kinds of problems.

use http::StatusCode;

/// Kinds of problems. Their types, `/problems/{slug}`, are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The body is not JSON.
    MalformedJson,
    /// The body was not received completely.
    UnreadableBody,
    /// The token is missing.
    Unauthorized,
    /// The token names no studio.
    NoStudio,
    /// The token does not belong to an operator.
    OperatorsOnly,
    /// The record does not exist, or belongs to another studio.
    NotFound,
    /// The route does not support the method.
    MethodNotAllowed,
    /// The photo's original is stored already.
    AlreadyUploaded,
    /// The photo has no original yet.
    NotUploaded,
    /// An order contains the photo.
    PhotoOrdered,
    /// The folder has another number of photos than expected.
    CountDiffers,
    /// A worker or another request is processing the record.
    UnderWay,
    /// The photo has no open multipart upload.
    NoMultipartUpload,
    /// The download was revoked.
    Revoked,
    /// The link of the download does not open.
    LinkClosed,
    /// Photos of the order are not ready.
    PhotosNotReady,
    /// The studio has as many webhooks as it may.
    TooManyWebhooks,
    /// The webhook is disabled.
    WebhookDisabled,
    /// An operator has paused the queue.
    QueuePaused,
    /// The queue can't be paused.
    NeverPaused,
    /// A request with this key is under way.
    RequestInFlight,
    /// The record that the first request with this key created was deleted.
    Gone,
    /// The order was erased.
    Erased,
    /// The body is too large.
    TooLarge,
    /// The value of a field is invalid.
    InvalidField,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// The job cannot be done.
    Refused,
    /// The job takes too long to run synchronously.
    TooLargeToWait,
    /// A limit of the studio is reached.
    LimitReached,
    /// A dependency is throttling requests.
    Busy,
    /// An internal error.
    Internal,
}

impl Kind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 31] = [
        Self::MalformedJson,
        Self::UnreadableBody,
        Self::Unauthorized,
        Self::NoStudio,
        Self::OperatorsOnly,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::AlreadyUploaded,
        Self::NotUploaded,
        Self::NoMultipartUpload,
        Self::PhotoOrdered,
        Self::CountDiffers,
        Self::UnderWay,
        Self::Revoked,
        Self::LinkClosed,
        Self::PhotosNotReady,
        Self::TooManyWebhooks,
        Self::WebhookDisabled,
        Self::QueuePaused,
        Self::NeverPaused,
        Self::RequestInFlight,
        Self::Gone,
        Self::Erased,
        Self::TooLarge,
        Self::InvalidField,
        Self::IdempotencyKeyReused,
        Self::Refused,
        Self::TooLargeToWait,
        Self::LimitReached,
        Self::Busy,
        Self::Internal,
    ];

    /// Returns the HTTP status, the stable last part of the type, and a description.
    pub fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedJson => (S::BAD_REQUEST, "malformed-json", "The body is not JSON."),
            Self::UnreadableBody => (S::BAD_REQUEST, "unreadable-body", "The body was not received completely."),
            Self::Unauthorized => (S::UNAUTHORIZED, "unauthorized", "A valid bearer token is required."),
            Self::NoStudio => (S::FORBIDDEN, "no-studio", "The token's claim names no studio."),
            Self::OperatorsOnly => {
                (S::FORBIDDEN, "operators-only", "The route is for operators, and the token does not belong to one.")
            }
            Self::NotFound => (
                S::NOT_FOUND,
                "not-found",
                "The record or route does not exist, or the record belongs to another studio.",
            ),
            Self::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "The route does not support the method: see `Allow`.")
            }
            Self::AlreadyUploaded => (S::CONFLICT, "already-uploaded", "The photo's original is stored already."),
            Self::NotUploaded => (S::CONFLICT, "not-uploaded", "The photo's original has not been uploaded yet."),
            Self::NoMultipartUpload => (
                S::CONFLICT,
                "no-multipart-upload",
                "The photo has no open multipart upload: it has none, or it was aborted or has expired.",
            ),
            Self::PhotoOrdered => (S::CONFLICT, "photo-ordered", "An order (`order_id`) contains the photo."),
            Self::CountDiffers => {
                (S::CONFLICT, "count-differs", "The folder has another number of photos than expected: see `detail`.")
            }
            Self::UnderWay => {
                (S::CONFLICT, "under-way", "The record is being processed. Retry after that has finished.")
            }
            Self::Revoked => (S::CONFLICT, "revoked", "The download was revoked."),
            Self::LinkClosed => (
                S::CONFLICT,
                "link-closed",
                "The link does not open: the download has failed or expired, or no downloads are left.",
            ),
            Self::PhotosNotReady => {
                (S::CONFLICT, "photos-not-ready", "Photos of the order are not ready: `photos` names them.")
            }
            Self::TooManyWebhooks => {
                (S::CONFLICT, "too-many-webhooks", "The studio has 10 webhooks. Delete one of them.")
            }
            Self::WebhookDisabled => (S::CONFLICT, "webhook-disabled", "The webhook is disabled. Enable it first."),
            Self::QueuePaused => (
                S::CONFLICT,
                "queue-paused",
                "An operator has paused the queue, and a request can't wait for its jobs. Omit `queue`.",
            ),
            Self::NeverPaused => (S::CONFLICT, "never-paused", "The default queue can't be paused."),
            Self::RequestInFlight => (
                S::CONFLICT,
                "request-in-flight",
                "A request with this Idempotency-Key is under way: see `Retry-After`.",
            ),
            Self::Gone => {
                (S::GONE, "gone", "The record that the request with this Idempotency-Key created was deleted.")
            }
            Self::Erased => (S::GONE, "erased", "The order and its personal data were erased."),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too-large", "The body is larger than 1 MiB."),
            Self::InvalidField => (
                S::UNPROCESSABLE_ENTITY,
                "invalid-field",
                "A field of the body, the query or the headers is invalid: `field` names it.",
            ),
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The Idempotency-Key was used for a request with another body or route.",
            ),
            Self::Refused => (
                S::UNPROCESSABLE_ENTITY,
                "refused",
                "The job cannot be done: `code` is the error code, as on a failed record.",
            ),
            Self::TooLargeToWait => (
                S::UNPROCESSABLE_ENTITY,
                "too-large-to-wait",
                "With `\"queue\": false` the job would take longer than a request may. Omit `queue`.",
            ),
            Self::LimitReached => (
                S::TOO_MANY_REQUESTS,
                "limit-reached",
                "A limit of the studio is reached: `limit` names it. See `Retry-After`.",
            ),
            Self::Busy => {
                (S::SERVICE_UNAVAILABLE, "busy", "A dependency is throttling requests. Retry after `Retry-After`.")
            }
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "An internal error. It is logged."),
        }
    }
}
