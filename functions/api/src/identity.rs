//! Identity of the caller: the studio, read only from the JWT that API Gateway has verified. For a machine's token, the
//! deployment's table of clients names the studio.

use std::{collections::HashMap, sync::Arc};

use axum::extract::{FromRef, FromRequestParts};
use domain::Studio;
use http::request::Parts;
use lambda_http::{RequestExt as _, request::RequestContext};
use runtime::env::{Env, EnvError};

use crate::problem::{Kind, Problem};

/// Studio of the caller.
pub struct Caller(pub Studio);

/// An operator, with the studio of the token. Operators see the failures of all studios.
pub struct Operator(pub Studio);

/// Rules by which tokens name studios and operators. Cheap to clone.
#[derive(Clone)]
pub struct Identities(Arc<Inner>);

struct Inner {
    /// Name of the JWT claim that contains the studio.
    studio_claim: String,
    operator_claim: OperatorClaim,
    machine_clients: MachineClients,
}

impl Identities {
    /// Reads the function's environment.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self(Arc::new(Inner {
            studio_claim: env.required("STUDIO_CLAIM")?,
            operator_claim: OperatorClaim::parse(&env.required("OPERATOR_CLAIM")?)?,
            machine_clients: MachineClients::parse(env.optional("MACHINE_CLIENTS").as_deref())?,
        })))
    }

    /// Returns the studio that a request's token names.
    pub fn caller(&self, parts: &Parts) -> Result<Caller, Problem> {
        studio_of(claims(parts), &self.0.studio_claim, &self.0.machine_clients).map(Caller)
    }

    fn operator(&self, parts: &Parts) -> Result<Operator, Problem> {
        let Caller(studio) = self.caller(parts)?;
        let OperatorClaim { name, value } = &self.0.operator_claim;
        if claims(parts).is_some_and(|claims| claims.get(name) == Some(value)) {
            Ok(Operator(studio))
        } else {
            Err(Problem::new(Kind::OperatorsOnly, "This route is for operators only."))
        }
    }
}

/// Claim that marks operators.
struct OperatorClaim {
    name: String,
    value: String,
}

impl OperatorClaim {
    /// Parses the variable `OPERATOR_CLAIM`, which has the form `name=value`.
    fn parse(text: &str) -> Result<Self, EnvError> {
        let invalid = || EnvError::Invalid { name: "OPERATOR_CLAIM".into(), reason: "it is not name=value".into() };
        let (name, value) = text.split_once('=').ok_or_else(invalid)?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// Clients that sign in without a user, each with the studio that it acts for.
///
/// Cognito's client-credentials tokens carry no claims that an administrator could set, so the deployment names the
/// studio.
#[derive(Default)]
struct MachineClients(HashMap<String, Studio>);

impl MachineClients {
    /// Parses the variable `MACHINE_CLIENTS`, a JSON object of client ids and studios. Returns an empty table if it is
    /// unset.
    fn parse(text: Option<&str>) -> Result<Self, EnvError> {
        let Some(text) = text else { return Ok(Self::default()) };
        serde_json::from_str(text)
            .map(Self)
            .map_err(|error| EnvError::Invalid { name: "MACHINE_CLIENTS".into(), reason: error.to_string() })
    }

    /// Returns the studio of the client that the token was issued to, if it is a machine's token.
    ///
    /// A user's access token names its client too, but also the user, and never acts for the client's studio.
    fn studio(&self, claims: &HashMap<String, String>) -> Option<&Studio> {
        let is_machine =
            claims.get("token_use").is_some_and(|token_use| token_use == "access") && !claims.contains_key("username");
        claims.get("client_id").filter(|_| is_machine).and_then(|client| self.0.get(client))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Identities: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Identities::from_ref(state).caller(parts)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator
where
    Identities: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Identities::from_ref(state).operator(parts)
    }
}

/// Returns the claims of the token, which API Gateway has verified.
fn claims(parts: &Parts) -> Option<&HashMap<String, String>> {
    let Some(RequestContext::ApiGatewayV2(context)) = parts.request_context_ref() else { return None };
    context.authorizer.as_ref()?.jwt.as_ref().map(|jwt| &jwt.claims)
}

fn studio_of(
    claims: Option<&HashMap<String, String>>,
    name: &str,
    machines: &MachineClients,
) -> Result<Studio, Problem> {
    let no_studio = |detail| Problem::new(Kind::NoStudio, detail);
    let Some(claims) = claims else {
        return Err(Problem::new(Kind::Unauthorized, "A valid bearer token is required."));
    };
    if let Some(studio) = machines.studio(claims) {
        return Ok(studio.clone());
    }
    // Cognito's access tokens lack custom claims; its ID tokens contain them.
    let studio = claims.get(name).ok_or_else(|| {
        no_studio(format!("The token has no claim {name}. Is it an access token? ID tokens bear it."))
    })?;
    studio.parse().map_err(|_| no_studio(format!("The token's claim {name} names no studio.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_claim_and_missing_token_differ() {
        let of = |claims: Option<&HashMap<String, String>>| {
            let none = MachineClients::default();
            studio_of(claims, "studio", &none)
                .map(|studio| studio.to_string())
                .map_err(|problem| format!("{problem:?}"))
        };
        let claims = |name: &str, value: &str| HashMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(of(Some(&claims("studio", "anna"))).as_deref(), Ok("anna"));
        assert!(of(None).unwrap_err().contains("Unauthorized"));
        let without = of(Some(&claims("sub", "anna"))).unwrap_err();
        assert!(without.contains("NoStudio") && without.contains("no claim studio"), "{without}");
        let wrong = of(Some(&claims("studio", "An na"))).unwrap_err();
        assert!(wrong.contains("NoStudio") && wrong.contains("names no studio"), "{wrong}");
    }
    /// Returns the studio of a token with these claims, where the client `shop` acts for studio anna.
    fn studio_with(claims: &[(&str, &str)]) -> Option<String> {
        let machines = MachineClients::parse(Some(r#"{"shop":"anna"}"#)).expect("reads");
        let claims = claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        studio_of(Some(&claims), "studio", &machines).ok().map(|studio| studio.to_string())
    }

    #[test]
    fn machine_client_token_acts_for_its_studio() {
        let machine = [("token_use", "access"), ("client_id", "shop"), ("sub", "shop"), ("scope", "darkroom/studio")];
        assert_eq!(studio_with(&machine).as_deref(), Some("anna"));
        let with_claim = [("token_use", "access"), ("client_id", "shop"), ("studio", "berta")];
        assert_eq!(studio_with(&with_claim).as_deref(), Some("anna"));
    }

    #[test]
    fn other_tokens_never_act_for_a_client() {
        for claims in [
            [("token_use", "access"), ("client_id", "another"), ("sub", "another")],
            [("token_use", "id"), ("client_id", "shop"), ("sub", "shop")],
            [("token_use", "access"), ("aud", "shop"), ("sub", "shop")],
            [("token_use", "access"), ("client_id", "shop"), ("username", "eva")],
            [("client_id", "shop"), ("sub", "shop"), ("scope", "darkroom/studio")],
        ] {
            assert_eq!(studio_with(&claims), None, "{claims:?}");
        }
        let id_token = [("token_use", "id"), ("client_id", "shop"), ("studio", "berta")];
        assert_eq!(studio_with(&id_token).as_deref(), Some("berta"));
    }

    #[test]
    fn malformed_machine_clients_are_named() {
        for text in ["shop", "[]", r#"{"shop":"An na"}"#, r#"{"shop":1}"#] {
            let error = MachineClients::parse(Some(text)).err().map(|error| error.to_string());
            assert!(error.is_some_and(|error| error.contains("MACHINE_CLIENTS")), "{text}");
        }
        assert!(MachineClients::parse(None).is_ok_and(|machines| machines.0.is_empty()));
    }
}
