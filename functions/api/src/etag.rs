//! Entity tags of single records. A client that has the current version receives a short 304 response.

use axum::{
    Json,
    response::{IntoResponse, IntoResponseParts, Response},
};
use headers::{ETag, HeaderMapExt as _, IfNoneMatch};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::problem::ApiResult;

/// Computes the record's entity tag and compares it with `If-None-Match`, weakly (RFC 9110, section 13.1.2).
///
/// `fresh` covers what changes without a change of `record`.
pub fn answer(headers: &HeaderMap, record: &impl Serialize, fresh: impl AsRef<[u8]>) -> ApiResult<Tagged> {
    let json = serde_json::to_vec(record).map_err(anyhow::Error::from)?;
    let hash = Sha256::new().chain_update(&json).chain_update(fresh).finalize();
    let hash = hash.iter().take(16).fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
    let tag: ETag = format!("W/\"{hash:032x}\"").parse().map_err(anyhow::Error::from)?;
    let known = headers.typed_get::<IfNoneMatch>().is_some_and(|known| !known.precondition_passes(&tag));
    Ok(Tagged { tag, known })
}

/// Entity tag of a record, and whether the client has it.
pub struct Tagged {
    tag: ETag,
    known: bool,
}

impl Tagged {
    /// Builds the response: the body, or 304 if the client has it already.
    pub fn with(self, body: impl Serialize) -> Response {
        self.with_response(|| Json(body), ())
    }

    /// Builds the response: what `full` returns, or 304 if the client has it already, with these headers either way.
    pub fn with_response<R: IntoResponse>(self, full: impl FnOnce() -> R, headers: impl IntoResponseParts) -> Response {
        let full = if self.known { StatusCode::NOT_MODIFIED.into_response() } else { full().into_response() };
        let mut response = (headers, full).into_response();
        response.headers_mut().typed_insert(self.tag);
        response
    }

    /// Returns whether the client has the current version.
    pub fn is_known(&self) -> bool {
        self.known
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::IF_NONE_MATCH};

    use super::*;

    #[test]
    fn tags_are_compared_weakly_one_by_one() {
        let tag = |headers: &HeaderMap| answer(headers, &"record", []).unwrap_or_else(|_| panic!("no tag"));
        let plain = tag(&HeaderMap::new()).with("record").headers()["etag"].to_str().unwrap().to_owned();
        let strong = plain.trim_start_matches("W/").to_owned();
        let known = |lists: &[&str]| {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(IF_NONE_MATCH, HeaderValue::from_str(list).unwrap());
            }
            tag(&headers).is_known()
        };
        for lists in [&[plain.as_str()][..], &[&strong], &["*"], &["\"a\"", &plain]] {
            assert!(known(lists), "{lists:?}");
        }
        assert!(known(&[&format!("\"a\", {strong}")]));
        for lists in [&["\"a\""][..], &[""], &[&strong[..20]], &["no tag"]] {
            assert!(!known(lists), "{lists:?}");
        }
    }
}
