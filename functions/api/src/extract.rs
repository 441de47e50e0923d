//! Extractors that parse a request once, at the edge, with errors that name the field.

use std::{fmt, marker::PhantomData};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
};
use http::request::Parts;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};
use serde_path_to_error::Track;
use uuid::Uuid;

use crate::problem::{Kind, Problem};

/// Largest body: 1 MiB. An order of 10,000 photos, the largest request, has 390 KB.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// Longest language tag: RFC 5646 needs 35 characters for well-formed tags.
pub const MAX_LOCALE: usize = 35;

/// A JSON body of type `T`.
pub struct Body<T>(pub T);

/// A JSON body of type `T`, whose fields are all optional. An empty body, `null` and `[]` (PHP's empty array) count as
/// `{}`.
pub struct BodyOrNone<T>(pub T);

/// A query string of type `T`.
pub struct Query<T>(pub T);

/// An id in the path. An id that is not a UUID counts as unknown.
pub struct Id(pub Uuid);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        typed(json(&read(request, state).await?)?).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for BodyOrNone<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = read(request, state).await?;
        let json = if bytes.is_empty() { Value::Null } else { json(&bytes)? };
        let empty = json.is_null() || json.as_array().is_some_and(Vec::is_empty);
        typed(if empty { Value::Object(Map::new()) } else { json }).map(Self)
    }
}

/// Reads the body, up to [`MAX_BODY_BYTES`].
pub async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(Kind::TooLarge, format!("The body has more than {MAX_BODY_BYTES} bytes."))
        } else {
            Problem::new(Kind::UnreadableBody, rejection.body_text())
        }
    })
}

/// Parses JSON. A separate step, because serde_json alone does not always distinguish invalid JSON from JSON of another
/// shape.
fn json(bytes: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(Kind::MalformedJson, format!("The body is not JSON: {error}")))
}

/// Converts JSON to type `T`.
fn typed<T: DeserializeOwned>(json: Value) -> Result<T, Problem> {
    let mut track = Track::new();
    object(serde_path_to_error::Deserializer::new(json, &mut track))
        .map_err(|error: serde_json::Error| refused(track.path().to_string(), error.to_string()))
}

/// Returns the problem for JSON of the wrong shape. For an unknown or missing field, serde's path ends above the field,
/// and its message names the field in backquotes.
fn refused(path: String, detail: String) -> Problem {
    let named = detail.split('`').nth(1).filter(|_| detail.contains(" field `"));
    let field = match (path.as_str(), named) {
        (".", Some(name)) => name.to_owned(),
        (_, Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
        _ => path,
    };
    Problem::invalid(field, detail)
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            let path = error.path().to_string();
            refused(path, error.into_inner().to_string())
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found("thing"))?;
        text.parse().map(Self).map_err(|_| Problem::not_found("thing"))
    }
}

/// Deserializes a JSON object. Without this check serde also accepts an array of the fields' values for a struct.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// Deserializes an integer, also in the form `560.0`, which is an integer in JSON Schema.
pub fn integer<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    /// Largest integer below which every integer has its own f64 value.
    const EXACT: f64 = 9_007_199_254_740_991.0;
    let number = Value::deserialize(deserializer)?;
    let whole =
        number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && (0.0..=EXACT).contains(float));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number, within bounds")]
    let number = whole.map_or(number, |float| Value::from(float as u64));
    T::deserialize(number).map_err(D::Error::custom)
}

/// Checks text of 1 to `max` characters without line breaks or other control characters.
pub fn line(field: &str, text: &str, max: usize) -> Result<String, Problem> {
    if text.chars().count() > max {
        return Err(Problem::invalid(field, format!("It must have at most {max} characters.")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(field, "It must be one line without control characters."));
    }
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Problem::invalid(field, "It must not be empty."));
    }
    Ok(trimmed.to_owned())
}

/// Checks text of 1 to `max` characters, possibly several lines, without control characters other than tabs and line
/// breaks. Line breaks become `\n`.
pub fn text(field: &str, text: &str, max: usize) -> Result<String, Problem> {
    if text.chars().count() > max {
        return Err(Problem::invalid(field, format!("It must have at most {max} characters.")));
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if text.chars().any(|char| char.is_control() && !['\t', '\n'].contains(&char)) {
        return Err(Problem::invalid(field, "It must be plain text without control characters."));
    }
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Problem::invalid(field, "It must not be empty."));
    }
    Ok(trimmed.to_owned())
}

/// Returns a BCP 47 language tag, `en` by default. Underscores, as in locales of Unix and Java (`pt_BR`), become
/// hyphens.
pub fn locale(field: &str, tag: Option<&str>) -> Result<String, Problem> {
    let tag = tag.unwrap_or("en").replace('_', "-");
    let subtag = |s: &str| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric());
    if tag.len() <= MAX_LOCALE && tag.split('-').all(subtag) {
        Ok(tag)
    } else {
        Err(Problem::invalid(field, "It must be a language tag such as en or de-AT."))
    }
}
