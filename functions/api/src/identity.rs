//! Who asks: the studio, from the JWT that API Gateway has verified, and from nowhere else.

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};
use lambda_http::{RequestExt as _, request::RequestContext};
use shared::Studio;

use crate::{problem::Problem, state::State};

/// The studio that asks.
pub struct Caller(pub Studio);

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let context = parts.request_context_ref();
        let Some(RequestContext::ApiGatewayV2(context)) = context else {
            return Err(unauthorized());
        };
        let claims = context.authorizer.as_ref().and_then(|a| a.jwt.as_ref()).map(|jwt| &jwt.claims);
        let claim = claims.and_then(|claims| claims.get(&state.studio_claim)).ok_or_else(unauthorized)?;
        claim.parse().map(Self).map_err(|_| {
            let detail = format!("The token's claim {} names no studio.", state.studio_claim);
            Problem::new(StatusCode::FORBIDDEN, "no-studio", detail)
        })
    }
}

fn unauthorized() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "A valid bearer token is required.")
}
