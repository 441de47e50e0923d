//! Responses that many routes have.
#![expect(dead_code, clippy::large_enum_variant, reason = "the types only describe responses")]

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::problem::ProblemView;

/// Response of API Gateway itself.
#[derive(Serialize, ToSchema)]
pub struct GatewayMessage {
    message: String,
}

/// Responses of all routes.
#[derive(IntoResponses)]
pub enum Always {
    /// Too many requests
    #[response(status = 429)]
    Throttled(GatewayMessage),
    /// Internal error
    #[response(status = 500, content_type = "application/problem+json")]
    Failed(ProblemView),
    /// A dependency is throttling requests; retry after `Retry-After`
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(ProblemView),
}

/// Responses of routes that need a token.
#[derive(IntoResponses)]
pub enum Authenticated {
    /// The token is missing, has expired, or is not from the issuer
    #[response(status = 401)]
    Unauthorized(GatewayMessage),
    /// The token names no studio
    #[response(status = 403, content_type = "application/problem+json")]
    NoStudio(ProblemView),
}

/// The token names no studio, or does not belong to an operator
#[derive(IntoResponses)]
#[response(status = 403, content_type = "application/problem+json")]
pub struct ForOperators(ProblemView);

/// The record does not exist, or belongs to another studio
#[derive(IntoResponses)]
#[response(status = 404, content_type = "application/problem+json")]
pub struct OfRecord(ProblemView);

/// Responses of routes that take a body.
#[derive(IntoResponses)]
pub enum TakesBody {
    /// The body is not JSON
    #[response(status = 400, content_type = "application/problem+json")]
    MalformedJson(ProblemView),
    /// The body is larger than 1 MiB
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemView),
}

/// The value of a parameter is invalid
#[derive(IntoResponses)]
#[response(status = 422, content_type = "application/problem+json")]
pub struct TakesQuery(ProblemView);

/// Responses of routes that accept an `Idempotency-Key`.
#[derive(IntoResponses)]
pub enum Keyed {
    /// A request with this Idempotency-Key is under way
    #[response(status = 409, content_type = "application/problem+json")]
    InFlight(ProblemView),
    /// The record that the request with this Idempotency-Key created was deleted
    #[response(status = 410, content_type = "application/problem+json")]
    Gone(ProblemView),
    /// The value of a field is invalid, or the Idempotency-Key was used for another request
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemView),
}

/// Unchanged
#[derive(IntoResponses)]
#[response(status = 304, headers(("ETag" = String, description = "Entity tag of the current record")))]
pub struct Unchanged;

/// The order was erased
#[derive(IntoResponses)]
#[response(status = 410, content_type = "application/problem+json")]
pub struct Erased(ProblemView);

/// A limit of the studio is reached: `limit` names it. Or too many requests, by API Gateway, whose body has a `message` only.
/// Both can be sent again after `Retry-After`, or later
#[derive(IntoResponses)]
#[response(status = 429, content_type = "application/problem+json")]
pub struct Limited(ProblemView);
