//! Signature Version 4 of requests, in the header `Authorization` and in presigned URLs.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::Offset};
use sha2::{Digest as _, Sha256};

use super::{encoding, refusal::Refusal, request::Parsed};

/// S3: at most seven days (sigv4-query-string-auth, X-Amz-Expires).
const MAX_EXPIRES: i64 = 604_800;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// S3 accepts this header unsigned; it describes the body.
const UNSIGNED_ALLOWED: &str = "x-amz-content-sha256";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Verifier of signatures.
#[derive(Default)]
pub struct Verifier {
    /// Signing key of the last scope, with the secret.
    last: Option<(String, [u8; 32])>,
}

/// Credentials and clock of the verification.
pub struct Terms<'a> {
    /// Secrets by access key.
    pub secrets: &'a BTreeMap<String, String>,
    /// Largest difference between a request's date and the current time; `None` for any.
    pub max_skew: Option<SignedDuration>,
    /// Current time.
    pub now: Timestamp,
}

/// Signature of a request and what it covers.
struct Signature {
    access_key: String,
    /// Date, region, service and `aws4_request`.
    scope: String,
    /// Date and time, as in the request.
    date: String,
    signed: Vec<String>,
    /// Signature in hexadecimal.
    value: String,
    presigned: bool,
}

impl Verifier {
    /// Returns an error unless the request is signed by a known key, the signature is current, and it covers all
    /// `x-amz-*` headers.
    pub fn check(&mut self, request: &Parsed<'_>, terms: &Terms<'_>) -> Result<(), Refusal> {
        let signature = match (request.field("X-Amz-Algorithm"), request.header("authorization")) {
            (Some(_), _) => Signature::in_query(request)?,
            (None, Some(header)) => Signature::in_header(request, header)?,
            (None, None) => return Err(Refusal::forbidden("AccessDenied", "Access Denied")),
        };
        signature.check_time(request, terms)?;
        let Some(secret) = terms.secrets.get(&signature.access_key) else {
            let message = "The AWS Access Key Id you provided does not exist in our records.";
            return Err(Refusal::forbidden("InvalidAccessKeyId", message));
        };
        signature.check_coverage(request)?;
        let key = self.signing_key(secret, &signature.scope);
        let text = format!(
            "{ALGORITHM}\n{}\n{}\n{}",
            signature.date,
            signature.scope,
            hex::encode(Sha256::digest(signature.canonical(request)))
        );
        if hex::encode(hmac(&key, text.as_bytes())) == signature.value {
            return Ok(());
        }
        let message = "The request signature we calculated does not match the signature you provided. Check your key \
            and signing method.";
        Err(Refusal::forbidden("SignatureDoesNotMatch", message))
    }

    fn signing_key(&mut self, secret: &str, scope: &str) -> [u8; 32] {
        let name = format!("{secret}\n{scope}");
        if let Some((last, key)) = &self.last
            && *last == name
        {
            return *key;
        }
        let first = format!("AWS4{secret}").into_bytes();
        let mut key = [0; 32];
        for (place, part) in scope.split('/').enumerate() {
            key = hmac(if place == 0 { &first } else { &key }, part.as_bytes());
        }
        self.last = Some((name, key));
        key
    }
}

impl Signature {
    fn in_query(request: &Parsed<'_>) -> Result<Self, Refusal> {
        let error = || {
            let message = "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
            Refusal::bad("AuthorizationQueryParametersError", message)
        };
        let field = |name: &str| request.field(name).ok_or_else(error);
        if field("X-Amz-Algorithm")? != ALGORITHM {
            return Err(error());
        }
        let (access_key, scope) = field("X-Amz-Credential")?.split_once('/').ok_or_else(error)?;
        Ok(Self {
            access_key: access_key.to_owned(),
            scope: scope.to_owned(),
            date: field("X-Amz-Date")?.to_owned(),
            signed: field("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect(),
            value: field("X-Amz-Signature")?.to_owned(),
            presigned: true,
        })
    }

    fn in_header(request: &Parsed<'_>, header: &str) -> Result<Self, Refusal> {
        let error = || Refusal::bad("AuthorizationHeaderMalformed", "The authorization header is malformed.");
        let fields = header.strip_prefix(ALGORITHM).ok_or_else(error)?;
        let field = |name: &str| {
            let mut fields = fields.split(',').filter_map(|field| field.trim().split_once('='));
            fields.find(|(found, _)| *found == name).map(|(_, value)| value).ok_or_else(error)
        };
        let (access_key, scope) = field("Credential")?.split_once('/').ok_or_else(error)?;
        Ok(Self {
            access_key: access_key.to_owned(),
            scope: scope.to_owned(),
            date: request.header("x-amz-date").ok_or_else(error)?.to_owned(),
            signed: field("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            value: field("Signature")?.to_owned(),
            presigned: false,
        })
    }

    fn check_time(&self, request: &Parsed<'_>, terms: &Terms<'_>) -> Result<(), Refusal> {
        let denied = |message: &str| Refusal::forbidden("AccessDenied", message);
        let date = DateTime::strptime("%Y%m%dT%H%M%SZ", &self.date)
            .and_then(|date| Offset::UTC.to_timestamp(date))
            .map_err(|_| denied("AWS authentication requires a valid Date or x-amz-date header"))?;
        let skew = terms.max_skew.unwrap_or(SignedDuration::MAX);
        if !self.presigned {
            if terms.now.duration_since(date).abs() > skew {
                let message = "The difference between the request time and the server's time is too large.";
                return Err(Refusal::forbidden("RequestTimeTooSkewed", message));
            }
            return Ok(());
        }
        let expires = request.field("X-Amz-Expires").and_then(|seconds| seconds.parse::<i64>().ok());
        let Some(expires) = expires.filter(|seconds| (0..=MAX_EXPIRES).contains(seconds)) else {
            let message = "X-Amz-Expires must be a number of seconds, at least 0 and less than a week";
            return Err(Refusal::bad("AuthorizationQueryParametersError", message));
        };
        if date.duration_since(terms.now) > skew {
            return Err(denied("Request is not yet valid"));
        }
        let end = date + SignedDuration::from_secs(expires);
        if terms.now > end {
            let refusal = denied("Request has expired").with("X-Amz-Expires", expires.to_string());
            return Err(refusal.with("Expires", end.to_string()).with("ServerTime", terms.now.to_string()));
        }
        Ok(())
    }

    /// Returns an error if the signature leaves out an `x-amz-*` header. S3: "any x-amz-* headers that you plan to add
    /// to the request are also required for signature calculation".
    fn check_coverage(&self, request: &Parsed<'_>) -> Result<(), Refusal> {
        let names = request.request.headers().keys().map(header::HeaderName::as_str);
        let unsigned: Vec<&str> = names
            .filter(|name| name.starts_with("x-amz-") && *name != UNSIGNED_ALLOWED)
            .filter(|name| !self.signed.iter().any(|signed| signed == name))
            .collect();
        if unsigned.is_empty() {
            return Ok(());
        }
        let message = "There were headers present in the request which were not signed";
        Err(Refusal::forbidden("AccessDenied", message).with("HeadersNotSigned", unsigned.join(", ")))
    }

    /// Returns the canonical request. An absent signed header counts as empty, so the signature does not match.
    fn canonical(&self, request: &Parsed<'_>) -> String {
        let mut text = String::with_capacity(1_024);
        text.push_str(request.method().as_str());
        text.push_str("\n/");
        encoding::encode_into(&mut text, &request.bucket, b"");
        if request.request.uri().path()[1..].contains('/') {
            text.push('/');
            encoding::encode_into(&mut text, &request.key, b"/");
        }
        text.push('\n');
        let fields = request.query.iter().filter(|(name, _)| name != "X-Amz-Signature");
        let mut fields: Vec<String> = fields
            .map(|(name, value)| {
                let mut field = String::new();
                encoding::encode_into(&mut field, name, b"");
                field.push('=');
                encoding::encode_into(&mut field, value, b"");
                field
            })
            .collect();
        fields.sort_unstable();
        text.push_str(&fields.join("&"));
        text.push('\n');
        for name in &self.signed {
            text.push_str(name);
            text.push(':');
            text.push_str(&header_value(request, name));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.signed.join(";"));
        text.push('\n');
        let payload = request.header(UNSIGNED_ALLOWED).filter(|_| !self.presigned).unwrap_or(UNSIGNED_PAYLOAD);
        text.push_str(payload);
        text
    }
}

/// Returns a header's value as it is signed. The length is that of the body, whatever the header says.
fn header_value(request: &Parsed<'_>, name: &str) -> String {
    if name == "content-length" {
        return request.body().len().to_string();
    }
    let values = request.request.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
    let values: Vec<String> =
        values.map(|value| value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")).collect();
    if values.is_empty() && name == "host" {
        return request.request.uri().authority().map(ToString::to_string).unwrap_or_default();
    }
    values.join(",")
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&<_>::default()));
    hmac.update(text);
    hmac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;

    use super::*;

    /// Example of a signing key in AWS's documentation (IAM userguide, signing).
    #[test]
    fn key_of_documented_scope_is_derived() {
        let mut verifier = Verifier::default();
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let key = verifier.signing_key(secret, "20150830/us-east-1/iam/aws4_request");
        assert_eq!(hex::encode(key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
        assert_eq!(verifier.signing_key(secret, "20150830/us-east-1/iam/aws4_request"), key);
    }

    /// The example of a presigned URL in S3's documentation (sigv4-query-string-auth), without its virtual host.
    #[test]
    fn documented_presigned_url_is_accepted_until_it_expires() {
        let url = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
            &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
            &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned();
        let secrets = BTreeMap::from([("AKIAIOSFODNN7EXAMPLE".to_owned(), secret)]);
        let check = |method: &str, url: &str, now: &str, header: Option<&str>| {
            let mut request = Request::builder().method(method).uri(url);
            if let Some(name) = header {
                request = request.header(name, "a");
            }
            let request = request.body(Bytes::new()).unwrap();
            let terms = Terms { secrets: &secrets, max_skew: None, now: now.parse().unwrap() };
            Verifier::default().check(&Parsed::new(&request).unwrap(), &terms).err().map(|refusal| refusal.code())
        };
        let now = "2013-05-24T23:59:59Z";
        assert_eq!(check("GET", url, now, None), None);
        assert_eq!(check("GET", url, "2013-05-25T00:00:01Z", None), Some("AccessDenied"));
        assert_eq!(check("HEAD", url, now, None), Some("SignatureDoesNotMatch"));
        assert_eq!(check("GET", &url.replace("test.txt", "text.txt"), now, None), Some("SignatureDoesNotMatch"));
        assert_eq!(check("GET", url, now, Some("x-amz-acl")), Some("AccessDenied"));
        assert_eq!(check("GET", url, now, Some(UNSIGNED_ALLOWED)), None);
        assert_eq!(check("GET", &url.replace("IOSFOD", "OTHERS"), now, None), Some("InvalidAccessKeyId"));
        assert_eq!(check("GET", "https://s3/b/k", now, None), Some("AccessDenied"));
    }
}
