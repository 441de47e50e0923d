//! Access checks: a request and each of its `x-amz-*` headers must be signed.

use http::{HeaderMap, Uri, header};
use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    s3_error,
};

use super::members;

/// The one header that S3 accepts unsigned; it describes the body.
const UNSIGNED_ALLOWED: &str = "x-amz-content-sha256";

/// Rejects requests without a signature, and requests with unsigned headers. `s3s` has already verified the signature.
pub(super) struct Signed;

#[async_trait::async_trait]
impl S3Access for Signed {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        if request.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let unsigned = unsigned(request.uri(), request.headers());
        if unsigned.is_empty() {
            return Ok(());
        }
        let error = s3_error!(AccessDenied, "There were headers present in the request which were not signed");
        Err(members::with(error, "HeadersNotSigned", &unsigned.join(", ")))
    }
}

/// Returns the `x-amz-*` headers that the signature leaves out. S3: "any x-amz-* headers that you plan to add to the
/// request are also required for signature calculation".
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
fn unsigned<'a>(uri: &Uri, headers: &'a HeaderMap) -> Vec<&'a str> {
    let signed = signed_headers(uri, headers).unwrap_or_default();
    let is_signed = |name: &str| signed.split(';').any(|signed| signed.eq_ignore_ascii_case(name));
    let names = headers.keys().map(header::HeaderName::as_str);
    names.filter(|name| name.starts_with("x-amz-") && *name != UNSIGNED_ALLOWED && !is_signed(name)).collect()
}

/// Returns the list of signed headers from a presigned URL or from the header `Authorization`.
fn signed_headers(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let in_query = uri.query().and_then(|query| {
        let mut fields = query.split('&').filter_map(|field| field.split_once('='));
        let (_, list) = fields.find(|(name, _)| *name == "X-Amz-SignedHeaders")?;
        Some(list.replace("%3B", ";").replace("%3b", ";"))
    });
    in_query.or_else(|| {
        let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (_, rest) = authorization.split_once("SignedHeaders=")?;
        Some(rest.split(',').next().unwrap_or_default().trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn amz_headers_must_be_signed() {
        let mut headers = HeaderMap::new();
        for name in ["x-amz-date", "x-amz-acl", "x-amz-content-sha256", "content-type", "x-amzn-trace-id"] {
            headers.insert(name, HeaderValue::from_static("a"));
        }
        let presigned = Uri::from_static("/photos/a?X-Amz-SignedHeaders=host%3Bx-amz-date&X-Amz-Signature=0");
        assert_eq!(unsigned(&presigned, &headers), ["x-amz-acl"]);
        let authorization = "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host;x-amz-acl;x-amz-date, Signature=0";
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static(authorization));
        assert!(unsigned(&Uri::from_static("/photos/a"), &headers).is_empty());
    }
}
