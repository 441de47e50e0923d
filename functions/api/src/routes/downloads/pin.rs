//! PIN of a download's page.

use api_types::DownloadView;
use axum::{Json, extract::State as Shared};
use serde::Deserialize;
use utoipa::ToSchema;

use super::checked_pin;
use crate::{
    app::downloads,
    extract::{Body, Id},
    identity::Caller,
    problem::{ApiResult, ProblemView},
    state::State,
};

/// A PIN.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPin {
    /// PIN of 6 to 8 digits; `null` removes it.
    #[schema(pattern = "^[0-9]{6,8}$", write_only, required = true)]
    #[serde(deserialize_with = "Option::deserialize")]
    pin: Option<String>,
}

/// Set the PIN of a download
///
/// The page asks for it. A page refuses further tries for an hour after 10 wrong ones, and altogether after 100: setting a
/// PIN lifts both. Pages that are open ask for the new PIN.
#[utoipa::path(
    put, path = "/downloads/{id}/pin", tag = "downloads", operation_id = "set_pin",
    params(("id" = Uuid, Path, description = "Id of the download")),
    request_body(content = NewPin),
    responses(
        (status = 200, description = "The PIN is set or removed", body = DownloadView),
        (status = 422, description = "The value of a field is invalid", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn set_pin(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    Body(new): Body<NewPin>,
) -> ApiResult<Json<DownloadView>> {
    if let Some(pin) = &new.pin {
        checked_pin(pin)?;
    }
    let download = downloads::set_pin(&state, &studio, id, new.pin.as_deref()).await?;
    Ok(Json(DownloadView::new(&download, state.clock.now())))
}
