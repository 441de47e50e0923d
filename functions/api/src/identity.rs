//! Who asks: the studio, from the JWT that API Gateway has verified, and from nowhere else.

use axum::extract::FromRequestParts;
use http::request::Parts;
use lambda_http::{RequestExt as _, request::RequestContext};
use shared::{Studio, env::EnvError};

use crate::{
    problem::{Kind, Problem},
    state::State,
};

/// The studio that asks.
pub struct Caller(pub Studio);

/// An operator, whose studio it is that asks: operators see the failures of all studios.
pub struct Operator(pub Studio);

/// The claim that marks operators.
pub struct OperatorClaim {
    name: String,
    value: String,
}

impl OperatorClaim {
    /// From the variable `OPERATOR_CLAIM`, which is of the form `name=value`.
    pub fn parse(text: &str) -> Result<Self, EnvError> {
        let invalid = || EnvError::Invalid { name: "OPERATOR_CLAIM".into(), reason: "it is not name=value".into() };
        let (name, value) = text.split_once('=').ok_or_else(invalid)?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let claim = claim(parts, &state.studio_claim).ok_or_else(unauthorized)?;
        claim.parse().map(Self).map_err(|_| {
            let detail = format!("The token's claim {} names no studio.", state.studio_claim);
            Problem::new(Kind::NoStudio, detail)
        })
    }
}

impl FromRequestParts<State> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let Caller(studio) = Caller::from_request_parts(parts, state).await?;
        let OperatorClaim { name, value } = &state.operator_claim;
        if claim(parts, name).as_ref() == Some(value) {
            Ok(Self(studio))
        } else {
            Err(Problem::new(Kind::OperatorsOnly, "This is for operators only."))
        }
    }
}

fn claim(parts: &Parts, name: &str) -> Option<String> {
    let context = parts.request_context_ref();
    let Some(RequestContext::ApiGatewayV2(context)) = context else { return None };
    let jwt = context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref());
    jwt.and_then(|jwt| jwt.claims.get(name).cloned())
}

fn unauthorized() -> Problem {
    Problem::new(Kind::Unauthorized, "A valid bearer token is required.")
}
