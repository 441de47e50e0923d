//! Headers that every answer bears.

use axum::response::Response;
use http::{
    HeaderName, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    },
};

/// Those of a JSON API, after the OWASP REST security cheat sheet; a page that has its own keeps them.
const HEADERS: [(HeaderName, &str); 5] = [
    // A client may keep an answer if it asks each time whether it is still true.
    (CACHE_CONTROL, "private, no-cache"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    // Browsers mind it over TLS only, so that it does no harm on one machine.
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Adds those that are not there.
pub async fn secured(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
