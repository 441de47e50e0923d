//! Parts of a request: bucket, key, query and headers.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use super::{encoding, refusal::Refusal};

/// S3: at most 1,024 bytes of key (userguide, object-keys).
const MAX_KEY: usize = 1_024;

/// A request with path-style addressing, decoded.
pub struct Parsed<'a> {
    /// The request as received.
    pub request: &'a Request<Bytes>,
    /// Name of the bucket.
    pub bucket: String,
    /// Key of the object; empty for requests about the bucket.
    pub key: String,
    /// Fields of the query, decoded, in the order of the URL.
    pub query: Vec<(String, String)>,
}

impl<'a> Parsed<'a> {
    /// Parses a request.
    pub fn new(request: &'a Request<Bytes>) -> Result<Self, Refusal> {
        let invalid = || Refusal::bad("InvalidURI", "Couldn't parse the specified URI.");
        let path = request.uri().path();
        let path = path.strip_prefix('/').ok_or_else(invalid)?;
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let decode = |text: &str| encoding::decode(text).ok_or_else(invalid);
        let (bucket, key) = (decode(bucket)?, decode(key)?);
        if key.len() > MAX_KEY {
            return Err(Refusal::bad("KeyTooLongError", "Your key is too long"));
        }
        let fields = request.uri().query().unwrap_or_default().split('&').filter(|field| !field.is_empty());
        let query = fields.map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            Ok((decode(name)?, decode(value)?))
        });
        let query = query.collect::<Result<_, Refusal>>()?;
        Ok(Self { request, bucket, key, query })
    }

    /// Returns the method.
    pub fn method(&self) -> &'a Method {
        self.request.method()
    }

    /// Returns the body as received.
    pub fn body(&self) -> &'a Bytes {
        self.request.body()
    }

    /// Returns a field of the query.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Returns a field of the query as a number.
    pub fn number(&self, name: &'static str) -> Result<Option<u32>, Refusal> {
        let parse = |value: &str| {
            value
                .parse()
                .map_err(|_| Refusal::argument(format!("Provided {name} not an integer or within integer range")))
        };
        self.field(name).map(parse).transpose()
    }

    /// Returns a header's text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.request.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the headers that S3 stores with an object.
    pub fn attributes(&self) -> Attributes {
        Attributes::of(self.request.headers())
    }

    /// Returns an error if the request has one of these fields or headers, which this model does not know.
    pub fn refuse(&self, fields: &[&str], headers: &[&str]) -> Result<(), Refusal> {
        let field = fields.iter().find(|name| self.field(name).is_some());
        match field.or_else(|| headers.iter().find(|name| self.request.headers().contains_key(**name))) {
            Some(name) => Err(Refusal::unknown(name)),
            None => Ok(()),
        }
    }
}

/// Stored headers of an object.
#[derive(Debug, Clone, Default)]
pub struct Attributes(Vec<(HeaderName, HeaderValue)>);

/// Headers that S3 stores and returns, besides `x-amz-meta-*`.
const STORED: [&str; 6] =
    ["content-type", "content-disposition", "content-encoding", "content-language", "cache-control", "expires"];

impl Attributes {
    fn of(headers: &HeaderMap) -> Self {
        let stored = headers
            .iter()
            .filter(|(name, _)| STORED.contains(&name.as_str()) || name.as_str().starts_with("x-amz-meta-"));
        let stored = stored.filter_map(|(name, value)| {
            let value = if name == http::header::CONTENT_ENCODING { without_chunking(value)? } else { value.clone() };
            Some((name.clone(), value))
        });
        Self(stored.collect())
    }

    /// Returns attributes with a content type and no others.
    pub fn of_type(content_type: HeaderValue) -> Self {
        Self(vec![(http::header::CONTENT_TYPE, content_type)])
    }

    /// Adds the headers to a response. S3: the default type is `binary/octet-stream`.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("binary/octet-stream"));
        for (name, value) in &self.0 {
            headers.insert(name, value.clone());
        }
    }
}

/// Removes `aws-chunked` from an encoding: it describes the transfer, not the object.
fn without_chunking(encoding: &HeaderValue) -> Option<HeaderValue> {
    let parts = encoding.to_str().ok()?.split(',').map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty() && *part != "aws-chunked").collect();
    if parts.is_empty() { None } else { HeaderValue::try_from(parts.join(",")).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_are_decoded() {
        let request =
            Request::get("http://s3/photos//a%20b+%2B%C3%BC/?list-type=2&prefix=a%2Fb").body(Bytes::new()).unwrap();
        let parsed = Parsed::new(&request).unwrap();
        assert_eq!((parsed.bucket.as_str(), parsed.key.as_str()), ("photos", "/a b++ü/"));
        assert_eq!((parsed.field("prefix"), parsed.number("list-type").unwrap()), (Some("a/b"), Some(2)));
        assert!(parsed.number("prefix").is_err());
    }

    #[test]
    fn too_long_and_undecodable_keys_are_refused() {
        let code = |path: &str| {
            let request = Request::get(path).body(Bytes::new()).unwrap();
            Parsed::new(&request).err().map(|refusal| refusal.code())
        };
        assert_eq!(code(&format!("http://s3/photos/{}", "a".repeat(MAX_KEY + 1))), Some("KeyTooLongError"));
        assert_eq!(code("http://s3/photos/%FF"), Some("InvalidURI"));
        assert_eq!(code(&format!("http://s3/photos/{}", "a".repeat(MAX_KEY))), None);
    }

    #[test]
    fn transfer_encoding_is_not_stored() {
        let stored = |text: &'static str| without_chunking(&HeaderValue::from_static(text));
        assert_eq!(stored("aws-chunked"), None);
        assert_eq!(stored("gzip, aws-chunked").unwrap(), "gzip");
    }
}
