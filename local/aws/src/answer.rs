//! JSON responses of the smaller services.

use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

/// Returns a JSON response with the media type of the protocol.
pub(super) fn json(media_type: &'static str, status: StatusCode, body: &Value) -> s3s::HttpResponse {
    let mut response = s3s::HttpResponse::new(s3s::Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
