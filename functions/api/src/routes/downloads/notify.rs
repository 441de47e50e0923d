//! Another email about a download.

use api_types::NotifyMade;
use axum::{Json, extract::State as Shared};
use domain::{email_address::EmailAddress, queue_config::QueueName};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::{
        notify::{self, Told},
        pauses,
    },
    extract::{BodyOrNone, Id},
    idempotency::IdempotentRequest,
    identity::Caller,
    openapi::{Erased, Limited},
    problem::{ApiResult, ProblemView},
    state::State,
};

/// Address of the email, and how it is sent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewNotification {
    /// Address that emails about the download go to from now on. By default the address stays.
    #[schema(value_type = Option<String>, format = Email, max_length = 254, example = "eva@example.com")]
    to: Option<EmailAddress>,
    /// `false`: sends the email before the response (synchronous). Default `true`.
    queue: Option<bool>,
}

/// Email the link of a download again
///
/// Sends `download_ready`, for instance to another address after `undelivered_at` was set, which this clears. For a download
/// that is not ready yet only the address is replaced: its email is sent when it is ready.
#[utoipa::path(
    post, path = "/downloads/{id}/notify", tag = "downloads", operation_id = "notify_customer",
    params(("id" = Uuid, Path, description = "Id of the download")),
    request_body(content = Option<NewNotification>),
    responses(
        (status = 201, description = "With `\"queue\": false`: the email was sent, or has failed for good with an error", body = NotifyMade),
        (status = 202, description = "The job is on the queue, or the download is not ready", body = NotifyMade),
        (status = 409, description = "The link does not open: the download has failed, expired or was revoked, or no downloads are left; or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
        Erased,
        Limited,
    ),
)]
pub async fn notify(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    request: IdempotentRequest,
    BodyOrNone(new): BodyOrNone<NewNotification>,
) -> ApiResult<(StatusCode, Json<NotifyMade>)> {
    pauses::refuse_to_wait(&state, QueueName::Emails, new.queue == Some(false) && !request.again).await?;
    let email = match notify::notify(&state, &studio, id, request, new.to).await? {
        Told::Later => return Ok((StatusCode::ACCEPTED, Json(NotifyMade { email: None }))),
        Told::Now(email) => *email,
    };
    if request.answered {
        return Ok((StatusCode::ACCEPTED, Json(NotifyMade { email: Some((&email).into()) })));
    }
    let (email, finished) = state.workers.dispatch(&state.emails, email, new.queue == Some(false), request).await?;
    let status = if finished { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    Ok((status, Json(NotifyMade { email: Some((&email).into()) })))
}
