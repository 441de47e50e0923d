//! Who asks: the studio, from the JWT that API Gateway has verified, and from nowhere else.

use std::collections::HashMap;

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
        studio_of(claims(parts), &state.studio_claim).map(Self)
    }
}

impl FromRequestParts<State> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let Caller(studio) = Caller::from_request_parts(parts, state).await?;
        let OperatorClaim { name, value } = &state.operator_claim;
        if claims(parts).is_some_and(|claims| claims.get(name) == Some(value)) {
            Ok(Self(studio))
        } else {
            Err(Problem::new(Kind::OperatorsOnly, "This is for operators only."))
        }
    }
}

/// What the token says, which API Gateway has verified.
fn claims(parts: &Parts) -> Option<&HashMap<String, String>> {
    let Some(RequestContext::ApiGatewayV2(context)) = parts.request_context_ref() else { return None };
    context.authorizer.as_ref()?.jwt.as_ref().map(|jwt| &jwt.claims)
}

fn studio_of(claims: Option<&HashMap<String, String>>, name: &str) -> Result<Studio, Problem> {
    let no_studio = |detail| Problem::new(Kind::NoStudio, detail);
    let Some(claims) = claims else {
        return Err(Problem::new(Kind::Unauthorized, "A valid bearer token is required."));
    };
    // The access tokens of Cognito lack what its ID tokens bear.
    let studio = claims.get(name).ok_or_else(|| {
        no_studio(format!("The token has no claim {name}. Is it an access token? ID tokens bear it."))
    })?;
    studio.parse().map_err(|_| no_studio(format!("The token's claim {name} names no studio.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_without_the_claim_is_told_from_no_token() {
        let of = |claims: Option<&HashMap<String, String>>| {
            studio_of(claims, "studio").map(|studio| studio.to_string()).map_err(|problem| format!("{problem:?}"))
        };
        let claims = |name: &str, value: &str| HashMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(of(Some(&claims("studio", "anna"))).as_deref(), Ok("anna"));
        assert!(of(None).unwrap_err().contains("Unauthorized"));
        let without = of(Some(&claims("sub", "anna"))).unwrap_err();
        assert!(without.contains("NoStudio") && without.contains("no claim studio"), "{without}");
        let wrong = of(Some(&claims("studio", "An na"))).unwrap_err();
        assert!(wrong.contains("NoStudio") && wrong.contains("names no studio"), "{wrong}");
    }
}
