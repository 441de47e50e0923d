//! A client of the public interfaces: the API, the presigned URLs, the mailbox and the link of an email.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header, redirect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Doors;

/// The bytes of a file per read.
const CHUNK_BYTES: usize = 256 * 1024;
/// The number of chunks buffered between disk and network: 1 MiB per transfer.
const CHUNKS_AHEAD: usize = 4;
/// The time without data after which a connection counts as dead. Under `--sync` a response follows its whole job.
const READ_TIMEOUT: Duration = Duration::from_mins(10);

/// The failure of one file, or one call.
#[derive(Clone, Debug, Serialize)]
pub struct Trouble {
    /// A short code for programs.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// The field that the API rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The HTTP status, where there was a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
}

impl Trouble {
    /// Returns a failure on this side.
    pub fn here(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), field: None, http_status: None }
    }

    /// Returns whether the other side refused the request, as opposed to failing.
    pub fn is_refusal(&self) -> bool {
        self.http_status.is_some_and(|status| (400..500).contains(&status))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        match (&self.field, self.http_status) {
            (Some(field), Some(status)) => write!(f, " ({field}, {status})"),
            (None, Some(status)) => write!(f, " ({status})"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        // The URL is left out: a presigned URL gives access to the object.
        Self::here("connection", format!("{:#}", anyhow::Error::new(error.without_url())))
    }
}

/// A problem document (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    title: String,
    detail: Option<String>,
    field: Option<String>,
}

/// The response to a registered photo.
#[derive(Debug, Deserialize)]
pub struct Registered {
    /// The new record.
    pub photo: Photo,
    /// The request that uploads its bytes; `None` if they have arrived.
    pub upload: Option<Upload>,
}

/// A presigned request.
#[derive(Debug, Deserialize)]
pub struct Upload {
    /// The method, PUT.
    pub method: String,
    /// The URL, with the signature in its query.
    pub url: String,
    /// The signed headers, which must be sent unchanged.
    pub headers: std::collections::BTreeMap<String, String>,
}

/// The fields of a photo that the demo reads.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Photo {
    /// The id.
    pub id: String,
    /// The status: `awaiting_upload`, .., `ready` or `failed`.
    pub status: String,
    /// Code and message of a failed photo.
    pub error: Option<Fault>,
    /// Width of the upright image, in pixels.
    pub width: Option<u32>,
    /// Height of the upright image, in pixels.
    pub height: Option<u32>,
    /// The metadata as the API returns it.
    pub exif: Value,
    /// The original's hash as the service computed it.
    pub sha256: Option<String>,
}

/// Code and message of a failed record.
#[derive(Clone, Debug, Deserialize)]
pub struct Fault {
    /// A code for programs.
    pub code: String,
    /// A sentence for people.
    #[serde(default)]
    pub message: String,
}

/// An email in the local mailbox.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CapturedEmail {
    /// The id that the email service assigned.
    pub message_id: String,
    /// All other fields, copied to the report unchanged.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, Value>,
}

impl CapturedEmail {
    /// Returns a text field, or an empty string where it is missing.
    pub fn text(&self, field: &str) -> &str {
        self.rest.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the links in the email's text.
    pub fn links(&self) -> impl Iterator<Item = &str> {
        self.text("text")
            .split(|it: char| it.is_whitespace() || matches!(it, '<' | '>' | '"' | '(' | ')'))
            .map(|word| word.trim_end_matches(['.', ',', ';']))
            .filter(|word| word.starts_with("http://") || word.starts_with("https://"))
    }
}

/// An HTTP client of one studio.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    api: String,
    bearer: String,
}

impl Client {
    /// Creates the client; sends nothing.
    pub fn new(doors: &Doors) -> Result<Self> {
        let http = reqwest::Client::builder()
            // The 303 of a link is a step of its own here, and loopback needs no proxy.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .read_timeout(READ_TIMEOUT)
            .build()
            .context("Failed to build the HTTP client")?;
        Ok(Self {
            http,
            api: doors.api.trim_end_matches('/').to_owned(),
            bearer: format!("Bearer dev:{}", doors.studio),
        })
    }

    /// Sends a GET request for a JSON resource.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        read(self.request(Method::GET, path)).await
    }

    /// Sends a POST request with a JSON body.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Trouble> {
        read(self.request(Method::POST, path).json(body)).await
    }

    /// Returns an error unless the API is up.
    pub async fn health(&self) -> Result<()> {
        let answer = self.request(Method::GET, "/health").send().await;
        let status = answer.with_context(|| format!("No API answers at {}", self.api))?.status();
        if !status.is_success() {
            bail!("The API at {} answers {status} to /health", self.api);
        }
        Ok(())
    }

    /// Registers a photo.
    pub async fn register(
        &self,
        filename: &str,
        content_type: &str,
        size_bytes: u64,
        sha256: &str,
    ) -> Result<Registered, Trouble> {
        let body = json!({
            "filename": filename, "content_type": content_type, "size_bytes": size_bytes, "sha256": sha256,
        });
        self.post("/photos", &body).await
    }

    /// Uploads a file to a presigned URL as a stream.
    pub async fn upload(&self, upload: &Upload, path: &Path, size_bytes: u64) -> Result<(), Trouble> {
        let method = upload.method.parse().unwrap_or(Method::PUT);
        let mut request = self.http.request(method, &upload.url);
        for (name, value) in &upload.headers {
            request = request.header(name, value);
        }
        // Without this header a stream is sent chunked, which S3 rejects.
        request = request.header(header::CONTENT_LENGTH, size_bytes);
        let answer = request.body(reqwest::Body::wrap_stream(chunks_of(path))).send().await?;
        // 412: an earlier upload has arrived, and its answer was lost.
        if answer.status().is_success() || answer.status() == StatusCode::PRECONDITION_FAILED {
            return Ok(());
        }
        let status = answer.status();
        let body = answer.text().await.unwrap_or_default();
        Err(Trouble {
            code: xml_text(&body, "Code").unwrap_or("upload_refused").to_owned(),
            message: xml_text(&body, "Message").unwrap_or("The storage refused the upload").to_owned(),
            field: None,
            http_status: Some(status.as_u16()),
        })
    }

    /// Returns all emails so far.
    pub async fn emails(&self) -> Result<Vec<CapturedEmail>, Trouble> {
        read(self.http.get(format!("{}/_local/mail.json", self.api))).await
    }

    /// Opens an emailed link as a customer does: loads the page, then requests the file. Returns the file's URL.
    pub async fn open_link(&self, link: &str) -> Result<String> {
        let page = self.http.get(link).send().await.context("Failed to open the emailed link")?;
        let kind = page.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        if page.status() != StatusCode::OK || !kind.starts_with("text/html") {
            bail!("The emailed link answers {} with {kind:?}, not a page", page.status());
        }
        let ticket = redirect(self.http.post(link), "The page's form").await?;
        redirect(self.http.get(ticket), "The ticket").await
    }

    /// Downloads a URL into a file, and reports the bytes so far to `progress`. Returns the number of bytes.
    pub async fn fetch(&self, url: &str, path: &Path, mut progress: impl FnMut(u64)) -> Result<u64> {
        let answer = self.http.get(url).send().await.map_err(reqwest::Error::without_url);
        let mut answer = answer.context("Failed to ask for the archive")?;
        if answer.status() != StatusCode::OK {
            bail!("The archive's URL answers {}", answer.status());
        }
        let mut file = File::create(path).with_context(|| format!("Failed to create {}", path.display()))?;
        let (sender, mut chunks) = mpsc::channel::<Bytes>(CHUNKS_AHEAD);
        let writer = tokio::task::spawn_blocking(move || -> io::Result<()> {
            while let Some(chunk) = chunks.blocking_recv() {
                file.write_all(&chunk)?;
            }
            file.flush()
        });
        let mut received = 0;
        while let Some(chunk) =
            answer.chunk().await.map_err(reqwest::Error::without_url).context("The archive broke off")?
        {
            received += chunk.len() as u64;
            if sender.send(chunk).await.is_err() {
                // The writer has ended early; it returns its own error.
                break;
            }
            progress(received);
        }
        drop(sender);
        writer.await?.with_context(|| format!("Failed to write {}", path.display()))?;
        Ok(received)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.api)).header(header::AUTHORIZATION, &self.bearer)
    }
}

/// Returns where the response to a request leads to. The error says which part of the link answered otherwise.
async fn redirect(request: RequestBuilder, part: &str) -> Result<String> {
    let answer = request.send().await.with_context(|| format!("{part} was not answered"))?;
    if answer.status() != StatusCode::SEE_OTHER {
        bail!("{part} returned {} instead of 303", answer.status());
    }
    let location = answer.headers().get(header::LOCATION).and_then(|it| it.to_str().ok());
    let location = location.with_context(|| format!("{part} returned 303 without a Location"))?;
    Ok(answer.url().join(location).context("The Location is no URL")?.into())
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Trouble> {
    let answer = request.send().await?;
    let status = answer.status();
    if !status.is_success() {
        return Err(refusal(answer).await);
    }
    let body = answer.bytes().await?;
    serde_json::from_slice(&body).map_err(|error| Trouble {
        http_status: Some(status.as_u16()),
        ..Trouble::here("unexpected_answer", format!("The answer is not what was agreed: {error}"))
    })
}

async fn refusal(answer: Response) -> Trouble {
    let status = answer.status();
    let body = answer.bytes().await.unwrap_or_default();
    let Ok(problem) = serde_json::from_slice::<Problem>(&body) else {
        let message = format!("The service answered {status}");
        return Trouble { http_status: Some(status.as_u16()), ..Trouble::here("refused", message) };
    };
    // The last part of the type's URI is the code; `about:blank` has none.
    let code = problem.kind.rsplit(['/', '#', ':']).next().filter(|it| !it.is_empty() && *it != "blank");
    Trouble {
        code: code.unwrap_or("refused").to_owned(),
        message: problem.detail.unwrap_or(problem.title),
        field: problem.field,
        http_status: Some(status.as_u16()),
    }
}

/// Returns a file as a stream of chunks, which a thread of its own reads.
fn chunks_of(path: &Path) -> impl futures::Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let sent = read_chunks(&path, |chunk| sender.blocking_send(Ok(chunk)).is_ok());
        if let Err(error) = sent {
            // The receiver is gone: the request has already failed with its own error.
            drop(sender.blocking_send(Err(error)));
        }
    });
    futures::stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|it| (it, receiver)) })
}

fn read_chunks(path: &Path, mut send: impl FnMut(Bytes) -> bool) -> io::Result<()> {
    let mut file = File::open(path)?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        if Read::by_ref(&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk)? == 0 || !send(chunk.into()) {
            return Ok(());
        }
    }
}

/// Returns the text of the first `name` element. S3's errors are XML, flat and without attributes.
fn xml_text<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_email_text() {
        let text = "Your photos: http://127.0.0.1:1/d/abc.\n\n<https://x.test/d/def>";
        let email: CapturedEmail = serde_json::from_value(json!({"message_id": "1", "text": text})).unwrap();
        assert_eq!(email.links().collect::<Vec<_>>(), ["http://127.0.0.1:1/d/abc", "https://x.test/d/def"]);
    }

    #[test]
    fn storage_error_text_is_extracted() {
        let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>No</Message></Error>";
        assert_eq!(xml_text(body, "Code"), Some("AccessDenied"));
        assert_eq!(xml_text(body, "Key"), None);
    }
}
