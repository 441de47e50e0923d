//! A client of the API: JSON in both directions, a bearer token, and problem documents separated from other failures.
//!
//! HTTPS uses `hyper-rustls`, as the AWS clients do. Certificates are loaded for HTTPS only: the API of this machine
//! needs none. (`reqwest` with TLS would require a process-wide choice of cryptography, and certificates for every
//! client, in every crate of the same build.)

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;

use super::table::printable;

/// API Gateway responds within 30 s, possibly with an error.
const PATIENCE: Duration = Duration::from_secs(40);
/// Longest time for storing up to 32 MiB in S3: 27 kB/s.
const STORE_PATIENCE: Duration = Duration::from_secs(1200);
/// Name of an operator for the stand-in for API Gateway.
const LOCAL_OPERATOR: &str = "operator:operator";

/// A client of one API, for one operator.
pub struct Client {
    base: Url,
    bearer: HeaderValue,
    transport: Transport,
}

enum Transport {
    Plain(Http<HttpConnector, Full<Bytes>>),
    Tls(Http<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// A response, as text and parsed.
pub struct Answer<T> {
    /// The body.
    pub text: String,
    /// The parsed body.
    pub value: T,
}

/// S3's response to a request that stores something.
pub struct Stored {
    /// The HTTP status.
    pub status: StatusCode,
    /// The ETag, with quotes.
    pub etag: Option<String>,
    /// The body.
    pub text: String,
}

/// The reasons for a missing response.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The API refused the request.
    #[error("{problem}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The problem document.
        problem: Problem,
        /// The body as received.
        body: String,
    },
    /// The response was not understood, or none arrived.
    #[error("{0:#}")]
    Met(#[from] anyhow::Error),
}

/// A problem document (RFC 9457), or the shorter error of API Gateway itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    #[serde(alias = "message")]
    title: String,
    detail: Option<String>,
    field: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.title))?;
        if let Some(detail) = &self.detail {
            write!(f, ": {}", printable(detail))?;
        }
        if let Some(field) = &self.field {
            write!(f, " (field: {})", printable(field))?;
        }
        Ok(())
    }
}

impl Trouble {
    /// Returns whether the same request may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Met(_) => true,
        }
    }
}

impl Client {
    /// Creates a client for the API at `url`. Without a token only the API of this machine is allowed, as this studio, or
    /// as an operator.
    pub fn new(url: &str, token: Option<&str>, studio: Option<&str>) -> anyhow::Result<Self> {
        let base: Url = url.parse().with_context(|| format!("{url:?} is no URL"))?;
        let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let token = match token.filter(|token| !token.is_empty()) {
            Some(token) => token.to_owned(),
            None if is_here => format!("dev:{}", studio.unwrap_or(LOCAL_OPERATOR)),
            None if studio.is_some() => return Err(anyhow!("{url} wants a studio's token: set DARKROOM_TOKEN")),
            None => return Err(anyhow!("{url} wants an operator's token: set DARKROOM_TOKEN")),
        };
        let bearer = HeaderValue::try_from(format!("Bearer {token}"));
        // The source error is dropped: the message must not contain the token.
        let mut bearer = bearer.map_err(|_| anyhow!("DARKROOM_TOKEN holds characters that no token has"))?;
        bearer.set_sensitive(true);
        let transport = match base.scheme() {
            "http" => Transport::Plain(Http::builder(TokioExecutor::new()).build_http()),
            "https" => {
                let tls = HttpsConnectorBuilder::new()
                    .with_native_roots()
                    .context("This machine has no certificates to know the API by")?
                    .https_only()
                    .enable_http1()
                    .build();
                Transport::Tls(Http::builder(TokioExecutor::new()).build(tls))
            }
            _ => return Err(anyhow!("{url:?} is no http or https URL")),
        };
        Ok(Self { base, bearer, transport })
    }

    /// Sends a GET request for a path, given as segments.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, Option<&str>)],
    ) -> Result<Answer<T>, Trouble> {
        self.ask(Method::GET, path, query, None, None).await
    }

    /// Sends a POST request.
    pub async fn post<T: DeserializeOwned>(&self, path: &[&str], body: &Value) -> Result<Answer<T>, Trouble> {
        self.ask(Method::POST, path, &[], None, Some(body)).await
    }

    /// Sends a POST request with an Idempotency-Key.
    pub async fn post_keyed<T: DeserializeOwned>(
        &self,
        path: &[&str],
        key: &str,
        body: &Value,
    ) -> Result<Answer<T>, Trouble> {
        self.ask(Method::POST, path, &[], Some(key), Some(body)).await
    }

    /// Stores bytes in S3 by a request that the API signed.
    pub async fn store(&self, url: &str, headers: &BTreeMap<String, String>, bytes: Bytes) -> anyhow::Result<Stored> {
        let mut request = Request::put(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(bytes)).context("The request can't be made")?;
        let answer = tokio::time::timeout(STORE_PATIENCE, self.respond(request)).await;
        let answer = answer.map_err(|_| anyhow!("no answer within {} s", STORE_PATIENCE.as_secs())).flatten();
        let (status, headers, text) = answer.context("Failed to send to S3")?;
        let etag = headers.get(header::ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        Ok(Stored { status, etag, text })
    }

    /// Sends a DELETE request.
    pub async fn delete<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, Option<&str>)],
    ) -> Result<Answer<T>, Trouble> {
        self.ask(Method::DELETE, path, query, None, None).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, Option<&str>)],
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer<T>, Trouble> {
        let url = self.url(path, query)?;
        let body = body.map(|body| Bytes::from(body.to_string()));
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(header::AUTHORIZATION, &self.bearer)
            .header(header::USER_AGENT, concat!("darkroom/", env!("CARGO_PKG_VERSION")));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::from(body.unwrap_or_default())).context("The request can't be made")?;
        let answer = tokio::time::timeout(PATIENCE, self.respond(request)).await;
        let answer = answer.map_err(|_| anyhow!("no answer within {} s", PATIENCE.as_secs())).flatten();
        let (status, _, text) = answer.with_context(|| format!("Failed to ask {}", self.base))?;
        if !status.is_success() {
            return Err(refusal(status, text));
        }
        let value = serde_json::from_str(&text).context("The answer is not what was agreed")?;
        Ok(Answer { text, value })
    }

    fn url(&self, path: &[&str], query: &[(&str, Option<&str>)]) -> anyhow::Result<Url> {
        let mut url = self.base.clone();
        let segments = url.path_segments_mut();
        segments.map_err(|()| anyhow!("{} has no paths", self.base))?.pop_if_empty().extend(path);
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        Ok(url)
    }

    async fn respond(&self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, HeaderMap, String)> {
        let answer = match &self.transport {
            Transport::Plain(http) => http.request(request).await?,
            Transport::Tls(http) => http.request(request).await?,
        };
        let (parts, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok((parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned()))
    }
}

fn refusal(status: StatusCode, body: String) -> Trouble {
    let mut problem: Problem = serde_json::from_str(&body).unwrap_or_default();
    if problem.title.is_empty() {
        problem.title = status.to_string();
    }
    if status == StatusCode::UNAUTHORIZED && problem.detail.is_none() {
        problem.detail = Some("the API does not take the token in DARKROOM_TOKEN or --token".to_owned());
    }
    Trouble::Refused { status, problem, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_generated_for_localhost_only() {
        for here in ["http://localhost:8080", "http://127.0.0.1:1/", "http://[::1]:8080"] {
            assert_eq!(Client::new(here, None, None).unwrap().bearer, "Bearer dev:operator:operator");
        }
        assert_eq!(Client::new("http://localhost:8080", None, Some("anna")).unwrap().bearer, "Bearer dev:anna");
        for elsewhere in ["https://api.example", "http://localhost.example:8080", "http://10.0.0.1"] {
            let error = Client::new(elsewhere, Some(""), None).err().unwrap().to_string();
            assert!(error.contains("DARKROOM_TOKEN"), "{error}");
        }
        assert!(Client::new("ftp://localhost", None, None).is_err());
    }

    #[test]
    fn typed_input_stays_one_segment_or_value() {
        let client = Client::new("http://localhost:8080/stage/", None, None).unwrap();
        let url = client.url(&["queues", "a/../b?"], &[("error", Some("x&all=true")), ("studio", None)]).unwrap();
        assert_eq!(url.as_str(), "http://localhost:8080/stage/queues/a%2F..%2Fb%3F?error=x%26all%3Dtrue");
    }

    #[test]
    fn problem_shows_title_detail_and_field() {
        let told = |status, body: &str| refusal(StatusCode::from_u16(status).unwrap(), body.to_owned()).to_string();
        let body = r#"{"type":"/problems/invalid-field","title":"Unprocessable Entity","status":422,
            "detail":"At most 100 ids.","field":"ids"}"#;
        assert_eq!(told(422, body), "Unprocessable Entity: At most 100 ids. (field: ids)");
        assert!(told(401, r#"{"message":"Unauthorized"}"#).starts_with("Unauthorized: the API does not take"));
        assert_eq!(told(502, "<html>"), "502 Bad Gateway");
    }
}
