//! Members of error responses besides `Code` and `Message`. `s3s` serializes only those two, so the others are carried
//! in an internal header until the response is complete.

use std::borrow::Cow;

use http::{HeaderValue, header};
use s3s::{Body, S3Error};

/// The internal header. [`write`] removes it.
const MEMBERS: &str = "x-error-members";
const END: &[u8] = b"</Error>";

/// Returns the error with an added member.
pub(super) fn with(mut error: S3Error, name: &str, value: &str) -> S3Error {
    let member = hex::encode(format!("<{name}>{}</{name}>", escaped(value)));
    let mut headers = error.headers().cloned().unwrap_or_default();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(member) = HeaderValue::try_from(member) {
        headers.append(MEMBERS, member);
    }
    error.set_headers(headers);
    error
}

/// Returns the error with an added header.
pub(super) fn with_header(mut error: S3Error, name: &'static str, value: &str) -> S3Error {
    let mut headers = error.headers().cloned().unwrap_or_default();
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
    error.set_headers(headers);
    error
}

/// Moves the members of an error from its header into its body.
pub(super) fn write(response: &mut s3s::HttpResponse) {
    let members: Vec<u8> = response
        .headers()
        .get_all(MEMBERS)
        .iter()
        .flat_map(|member| hex::decode(member.as_bytes()).unwrap_or_default())
        .collect();
    if response.headers_mut().remove(MEMBERS).is_none() {
        return;
    }
    let body = response.body().bytes().unwrap_or_default();
    if let Some(start) = body.strip_suffix(END) {
        *response.body_mut() = Body::from([start, &members, END].concat());
    }
}

fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains(['&', '<', '>']) {
        return text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use s3s::s3_error;

    use super::*;

    #[test]
    fn members_are_written_into_the_body() {
        let error = with(s3_error!(NoSuchUpload, "None."), "UploadId", "a<b>&");
        let mut response = with(error, "Key", "c").to_http_response().unwrap();
        write(&mut response);
        let body = response.body().bytes().unwrap();
        let expected = "<Error><Code>NoSuchUpload</Code><Message>None.</Message>\
            <UploadId>a&lt;b&gt;&amp;</UploadId><Key>c</Key></Error>";
        assert!(String::from_utf8_lossy(&body).ends_with(expected), "{body:?}");
        assert!(!response.headers().contains_key(MEMBERS));
        assert_eq!(response.headers()["content-type"], "application/xml");
    }
}
