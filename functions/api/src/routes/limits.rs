//! Limits of studios. For operators.

use api_types::LimitsView;
use axum::{
    Json,
    extract::{Path, State as Shared},
};
use domain::{Studio, studio_limits::Limits};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::limits,
    extract::{Body, integer},
    identity::Operator,
    openapi::examples,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
};

/// Largest limit of bytes. JavaScript represents no larger integers exactly.
const MAX_BYTES: u64 = (1 << 53) - 1;

/// All limits of a studio. One that is absent or `null` does not exist; with 0 nothing is allowed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLimits {
    /// Emails that `POST /emails` sends on a day (UTC). The emails that follow from downloads are not limited.
    #[serde(default, deserialize_with = "integer")]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 4_294_967_295_u32, example = 500)]
    emails_a_day: Option<u32>,
    /// Bytes of the originals of all photos. Checked when photos are announced; files stored under `incoming/` are always
    /// taken in, and count.
    #[serde(default, deserialize_with = "integer")]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 9_007_199_254_740_991_u64, example = 1_000_000_000_000_u64)]
    bytes: Option<u64>,
    /// Archives that `POST /orders/{id}/downloads` orders on a day (UTC). Retries and renewals are not limited.
    #[serde(default, deserialize_with = "integer")]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 4_294_967_295_u32, example = 100)]
    archives_a_day: Option<u32>,
    /// Operations that process photos again, and run at the same time. Erasures are not limited.
    #[serde(default, deserialize_with = "integer")]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 4_294_967_295_u32, example = 2)]
    concurrent_operations: Option<u32>,
}

/// Get a studio's limits
///
/// With what the studio has used of them.
#[utoipa::path(
    get, path = "/studios/{studio}/limits", tag = "studios", operation_id = "get_limits",
    params(("studio" = String, Path, description = "Id of the studio", pattern = "^[a-z0-9-]{1,63}$")),
    responses((status = 200, description = "The limits", body = LimitsView, example = json!(examples::limits()))),
)]
pub async fn show(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Path(studio): Path<String>,
) -> ApiResult<Json<LimitsView>> {
    let limits = limits::find(&state, named(&studio)?).await?;
    Ok(Json(LimitsView::new(&limits, state.clock.now())))
}

/// Replace a studio's limits
///
/// Sets all limits at once: one that is absent or `null` does not exist. A request of the studio that would exceed one is
/// refused with `/problems/limit-reached`, whose `limit` is its name. What the studio has already is not touched.
#[utoipa::path(
    put, path = "/studios/{studio}/limits", tag = "studios", operation_id = "replace_limits",
    params(("studio" = String, Path, description = "Id of the studio", pattern = "^[a-z0-9-]{1,63}$")),
    request_body(content = NewLimits, example = json!(examples::new_limits())),
    responses(
        (status = 200, description = "The new limits", body = LimitsView, example = json!(examples::limits())),
        (status = 422, description = "The value of a field is invalid", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn replace(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Path(studio): Path<String>,
    Body(new): Body<NewLimits>,
) -> ApiResult<Json<LimitsView>> {
    let NewLimits { emails_a_day, bytes, archives_a_day, concurrent_operations } = new;
    if bytes.is_some_and(|bytes| bytes > MAX_BYTES) {
        return Err(Problem::invalid("bytes", format!("It must be at most {MAX_BYTES}.")).into());
    }
    let new = Limits { emails_a_day, bytes, archives_a_day, concurrent_operations };
    let limits = limits::replace(&state, named(&studio)?, new).await?;
    Ok(Json(LimitsView::new(&limits, state.clock.now())))
}

/// Parses the studio in the path. No other name is one of a studio, so there is no such thing.
pub(super) fn named(studio: &str) -> Result<Studio, Problem> {
    studio.parse().map_err(|_| Problem::not_found("studio"))
}
