//! Request bodies and ids, parsed once, at the edge, with errors that name the field.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{problem::Problem, state::State};

/// A JSON body of type `T`.
pub struct Body<T>(pub T);

/// An id in the path; one that is no UUID names nothing.
pub struct Id(pub Uuid);

impl<T: DeserializeOwned> FromRequest<State> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::new(rejection.status(), "unreadable-body", rejection.body_text()))?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            refused(path, error.inner())
        })?;
        json.end().map_err(|error| refused(".".into(), &error))?;
        Ok(Self(parsed))
    }
}

fn refused(path: String, error: &serde_json::Error) -> Problem {
    if error.is_data() {
        // serde names an unknown or missing field in its sentence, in backquotes, where the path ends above it.
        let detail = error.to_string();
        let named = detail.split('`').nth(1).filter(|_| detail.contains(" field `"));
        let field = match (path.as_str(), named) {
            (".", Some(name)) => name.to_owned(),
            (_, Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
            _ => path,
        };
        Problem::invalid(field, detail)
    } else {
        Problem::new(StatusCode::BAD_REQUEST, "malformed-json", format!("The body is not JSON: {error}"))
    }
}

impl FromRequestParts<State> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found("thing"))?;
        text.parse().map(Self).map_err(|_| Problem::not_found("thing"))
    }
}

/// Text of 1 to `max` characters, without line breaks and other control characters.
pub fn line(field: &str, text: &str, max: usize) -> Result<String, Problem> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Problem::invalid(field, "It must not be empty."));
    }
    if trimmed.chars().count() > max {
        return Err(Problem::invalid(field, format!("It must have at most {max} characters.")));
    }
    if trimmed.chars().any(char::is_control) {
        return Err(Problem::invalid(field, "It must be one line without control characters."));
    }
    Ok(trimmed.to_owned())
}

/// A BCP 47 tag, or `en`.
pub fn locale(field: &str, tag: Option<&str>) -> Result<String, Problem> {
    let tag = tag.unwrap_or("en");
    let subtag = |s: &str| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric());
    if tag.len() <= 35 && tag.split('-').all(subtag) {
        Ok(tag.to_owned())
    } else {
        Err(Problem::invalid(field, "It must be a language tag such as en or de-AT."))
    }
}
