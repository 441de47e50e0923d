//! Security headers of every response.

use axum::Router;
use http::{
    HeaderName, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    },
};
use tower_http::set_header::SetResponseHeaderLayer;

/// Headers of a JSON API, after the OWASP REST security cheat sheet.
const HEADERS: [(HeaderName, &str); 5] = [
    // A client may store a response if it revalidates it before each use.
    (CACHE_CONTROL, "private, no-cache"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    // Browsers honour it over TLS only, so that it has no effect in local development.
    (STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Adds the headers to each response of the router, except those that the response has already.
pub fn secured<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    HEADERS.into_iter().fold(router, |router, (name, value)| {
        router.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)))
    })
}
