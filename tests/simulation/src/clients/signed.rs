//! Requests that the API signed for S3.

use bytes::Bytes;
use http::Request;
use serde_json::Value;

/// Returns the request of an upload, with its body. `None` if it has no method or URL.
pub fn request(upload: &Value, file: &Bytes) -> Option<Request<Bytes>> {
    let mut request = Request::builder().method(upload["method"].as_str()?).uri(upload["url"].as_str()?);
    request = request.header("content-length", file.len());
    for (name, value) in upload["headers"].as_object()? {
        request = request.header(name, value.as_str()?);
    }
    request.body(file.clone()).ok()
}
