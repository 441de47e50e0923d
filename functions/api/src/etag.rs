//! Entity tags of single records: a client that knows the record is told that it is unchanged, in a few bytes.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ETAG, IF_NONE_MATCH},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::problem::ApiResult;

/// The record as JSON, or 304 where `headers` name it as it is. `fresh` stands for what changes of itself and is not
/// in `record`.
pub fn answer(headers: &HeaderMap, record: &impl Serialize, fresh: impl AsRef<[u8]>) -> ApiResult<Tagged> {
    let json = serde_json::to_vec(record).map_err(anyhow::Error::from)?;
    let hash = Sha256::new().chain_update(&json).chain_update(fresh).finalize();
    let tag = format!("W/\"{:032x}\"", hash.iter().take(16).fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte)));
    let known =
        headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| knows(value, &tag));
    Ok(Tagged { tag, known })
}

/// The tag of a record, and whether the client knows it.
pub struct Tagged {
    tag: String,
    known: bool,
}

impl Tagged {
    /// The body, or that it is unchanged.
    pub fn with(self, body: impl Serialize) -> Response {
        let mut response =
            if self.known { StatusCode::NOT_MODIFIED.into_response() } else { Json(body).into_response() };
        if let Ok(tag) = HeaderValue::try_from(self.tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }

    /// Is there nothing to be said?
    pub fn is_known(&self) -> bool {
        self.known
    }
}

/// RFC 9110 section 13.1.2: a list of tags, compared weakly, or `*`.
fn knows(list: &str, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.trim() == "*" || list.split(',').any(|known| opaque(known) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly_one_by_one() {
        assert!(knows("\"a\", W/\"b\"", "W/\"a\"") && knows("W/\"b\"", "W/\"b\"") && knows(" * ", "W/\"x\""));
        assert!(!knows("\"ab\"", "W/\"a\"") && !knows("", "W/\"a\""));
    }
}
