//! Addresses that a studio's emails no longer go to. For operators.

use api_types::SuppressionLifted;
use axum::{
    Json,
    extract::{Path, State as Shared},
};
use domain::email_address::EmailAddress;
use serde::Deserialize;
use utoipa::ToSchema;

use super::limits::named;
use crate::{
    app::suppressions,
    extract::Body,
    identity::Operator,
    problem::{ApiResult, ProblemView},
    state::State,
};

/// Address whose suppression is lifted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuppressedAddress {
    /// Address, without regard to upper and lower case.
    #[schema(value_type = String, format = Email, max_length = 254, example = "eva@example.com")]
    email: EmailAddress,
}

/// Lift the suppression of an address
///
/// Emails of the studio go to the address again. An address is suppressed after an email to it bounced for good, or its owner
/// marked one as spam; a later report suppresses it again. The address is removed from the suppression list of the SES
/// account too, which applies to all studios. Emails that were not sent are not sent now.
#[utoipa::path(
    post, path = "/studios/{studio}/suppressions/lift", tag = "studios", operation_id = "lift_suppression",
    params(("studio" = String, Path, description = "Id of the studio", pattern = "^[a-z0-9-]{1,63}$")),
    request_body = SuppressedAddress,
    responses(
        (status = 200, description = "The address is not suppressed any more, or never was", body = SuppressionLifted),
        (status = 422, description = "The value of a field is invalid", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn lift(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Path(studio): Path<String>,
    Body(address): Body<SuppressedAddress>,
) -> ApiResult<Json<SuppressionLifted>> {
    Ok(Json(suppressions::lift(&state, &named(&studio)?, &address.email).await?))
}
