//! A whole Darkroom on loopback for tests, which use HTTP, S3 and queues and none of its internals.

pub mod builder;
pub mod campaigns;
pub mod faults;
pub mod oracle;
pub mod processes;
pub mod proxy;
pub mod reference;
pub mod shop;
pub mod until;
pub mod walk;

use std::{collections::HashMap, io::Cursor, time::Duration};

use anyhow::{Context as _, Result, ensure};
use api_types::{DownloadView, FailedJobPage, QueueView, Queues};
use image::{ImageFormat, Rgb, RgbImage};
use local::{Options, System};
use local_aws::CapturedEmail;
use reqwest::{Method, Response, StatusCode};
use runtime::{clock::Clock, env::Env};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Names that other systems have lost or turned into folders: paths, devices, extensions that a system drops,
/// characters that reverse text, and names that some systems treat as equal.
pub const HOSTILE_NAMES: [&str; 24] = [
    "../../etc/passwd.jpg",
    "..\\..\\boot.jpg",
    "CON.jpg",
    "con.jpg",
    "a.jpg",
    "A.JPG",
    "a.jpg ",
    "x\r\ny.jpg",
    "\u{202e}gpj.exe",
    "trailing....",
    "/absolute.jpg",
    "C:\\x.jpg",
    "manifest.json",
    "Ünïcödé.jpg",
    "U\u{308}nïcödé.jpg",
    ".hidden.jpg",
    "*?<>|\":.jpg",
    "..",
    "CON",
    ".hidden",
    ".",
    "-rf",
    "東京.jpg",
    "😀.jpg",
];

/// A running system with a data folder of its own.
pub struct TestApp {
    /// The system; `None` while it is stopped.
    system: Option<System>,
    data: tempfile::TempDir,
    http: reqwest::Client,
    /// Created once per system: a client reads the machine's root certificates.
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
    options: Options,
}

/// A response, read completely.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Seconds of `Retry-After`.
    pub retry_after: Option<u64>,
    /// The body as JSON, or `null`.
    pub body: Value,
}

impl Answer {
    /// Returns the text at a JSON pointer.
    pub fn text(&self, pointer: &str) -> String {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The body as a view of the API.
    pub fn view<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.body.clone()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// An operator, who sees the failed jobs of all studios.
pub struct Operator<'a>(&'a TestApp);

impl Operator<'_> {
    /// Studio and role, as the local gateway reads them.
    const TOKEN: &'static str = "ops:operator";

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.0.get(Self::TOKEN, path).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.0.post(Self::TOKEN, path, body).await
    }

    /// POST with an Idempotency-Key.
    pub async fn post_keyed(&self, path: &str, key: &str, body: Value) -> Answer {
        self.0.post_keyed(Self::TOKEN, path, key, body).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.0.delete(Self::TOKEN, path).await
    }

    /// State of all queues.
    pub async fn queues(&self) -> Vec<QueueView> {
        self.get("/queues").await.view::<Queues>().queues
    }

    /// First page of a queue's failed jobs.
    pub async fn failed(&self, queue: &str) -> FailedJobPage {
        self.get(&format!("/queues/{queue}/failed")).await.view()
    }
}

/// Returns a JPEG of this size whose content depends on `seed`.
pub fn jpeg(seed: u32, width: u32, height: u32) -> Vec<u8> {
    encode(seed, width, height, ImageFormat::Jpeg)
}

/// Returns a picture in any format that `image` can write.
pub fn encode(seed: u32, width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let value = |n: u32| u8::try_from((x * (n + 1) + y * (seed + n)) % 256).unwrap_or(0);
        Rgb([value(0), value(1), value(2)])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("a picture in memory can be written");
    bytes.into_inner()
}

impl TestApp {
    /// Starts a new system.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a new system whose clock and jobs move only when the test says so.
    pub async fn by_hand() -> Self {
        Self::with(|options| {
            options.by_hand = true;
            options.clock = Clock::movable();
        })
        .await
    }

    /// Performs the waiting jobs of a system [by hand](Self::by_hand), and those that follow from them.
    pub async fn work(&self) {
        while self.system().step().await.expect("the step succeeds") {}
    }

    /// Starts a new system with other options.
    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let data = tempfile::tempdir().expect("a folder for the test");
        let mut options = Options::new(data.path()).expect("the table of workers reads");
        change(&mut options);
        let system = System::start(options.clone()).await.expect("the system starts");
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let (sqs, s3) = clients(&system);
        Self { system: Some(system), data, http: http.expect("a client"), sqs, s3, options }
    }

    /// Stops the system as a crash would, without a shutdown, then starts it again on the same data.
    pub async fn restart(&mut self, change: impl FnOnce(&mut Options)) {
        drop(self.system.take());
        tokio::time::sleep(Duration::from_millis(200)).await;
        change(&mut self.options);
        let system = System::start(self.options.clone()).await.expect("the system starts again");
        (self.sqs, self.s3) = clients(&system);
        self.system = Some(system);
    }

    /// An operator of this system.
    pub fn operator(&self) -> Operator<'_> {
        Operator(self)
    }

    /// Returns the system itself, for tests that control its time and steps.
    pub fn system(&self) -> &System {
        self.system.as_ref().expect("the system runs")
    }

    /// Returns the API's base URL.
    pub fn api(&self) -> &str {
        &self.system().api
    }

    /// Returns the data folder.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Returns a client of the tables.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let env = self.env();
        let config = runtime::aws::config(&env, runtime::aws::Patience::Job).expect("a configuration");
        runtime::aws::dynamodb(&env, &config)
    }

    /// Returns the environment of the functions, for a test's own SDK clients.
    pub fn env(&self) -> Env {
        Env::of(self.environment())
    }

    /// Returns the environment's variables.
    pub fn environment(&self) -> HashMap<String, String> {
        self.system().environment.clone()
    }

    /// Returns an SQS client.
    pub fn sqs(&self) -> &aws_sdk_sqs::Client {
        &self.sqs
    }

    /// Returns an S3 client.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    /// Returns a queue's URL.
    pub fn queue_url(&self, queue: &str) -> String {
        format!("{}/000000000000/{queue}", self.env().required("AWS_ENDPOINT_URL").expect("set"))
    }

    /// Returns a plain HTTP client that follows no redirect.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a request to the API as a studio.
    pub async fn call(&self, studio: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.api()));
        request = request.header("authorization", format!("Bearer dev:{studio}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        read(request.send().await.expect("the API answers")).await
    }

    /// Sends a GET request as a studio.
    pub async fn get(&self, studio: &str, path: &str) -> Answer {
        self.call(studio, Method::GET, path, None).await
    }

    /// Sends a POST request as a studio.
    pub async fn post(&self, studio: &str, path: &str, body: Value) -> Answer {
        self.call(studio, Method::POST, path, Some(body)).await
    }

    /// Sends a POST request as a studio, with an Idempotency-Key.
    pub async fn post_keyed(&self, studio: &str, path: &str, key: &str, body: Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.api())).header("idempotency-key", key).json(&body);
        let request = request.header("authorization", format!("Bearer dev:{studio}"));
        read(request.send().await.expect("the API answers")).await
    }

    /// Sends a DELETE request as a studio.
    pub async fn delete(&self, studio: &str, path: &str) -> Answer {
        self.call(studio, Method::DELETE, path, None).await
    }

    /// Registers a photo, uploads its bytes by the presigned URL, and returns its id.
    pub async fn upload(&self, studio: &str, filename: &str, content_type: &str, bytes: &[u8]) -> Result<String> {
        let new = json!({ "filename": filename, "content_type": content_type, "size_bytes": bytes.len() });
        let made = self.post(studio, "/photos", new).await;
        ensure!(made.status == StatusCode::CREATED, "{made:?}");
        let put = self.put(&made.body["upload"], bytes.to_vec()).await?;
        ensure!(put == StatusCode::OK, "the upload was answered {put}");
        Ok(made.text("/photo/id"))
    }

    /// Uploads bytes as an upload instruction says.
    pub async fn put(&self, upload: &Value, bytes: Vec<u8>) -> Result<StatusCode> {
        let mut request = self.http.put(upload["url"].as_str().context("no url")?);
        for (name, value) in upload["headers"].as_object().context("no headers")? {
            request = request.header(name, value.as_str().context("a header's value")?);
        }
        Ok(request.body(bytes).send().await?.status())
    }

    /// Uploads a photo and waits until it is processed.
    pub async fn ready_photo(&self, studio: &str, filename: &str, bytes: &[u8]) -> String {
        let id = self.upload(studio, filename, "image/jpeg", bytes).await.expect("uploads");
        let photo = self.until(studio, &format!("/photos/{id}"), &["ready", "failed"]).await.expect("ends");
        assert_eq!(photo["status"], "ready", "{photo}");
        id
    }

    /// Uploads photos that are large enough to be copied (TIFF does not compress) and small ones, and waits until they
    /// are processed. Returns name, bytes and id of each.
    pub async fn large_and_small(&self, studio: &str, pattern: &str) -> Vec<(String, Vec<u8>, String)> {
        let mut photos = Vec::new();
        for (n, kind) in (1_u32..).zip(pattern.chars()) {
            let (name, content_type, bytes) = match kind {
                'L' => (format!("{n}.tif"), "image/tiff", encode(n, 1_500, 1_200 + n, ImageFormat::Tiff)),
                _ => (format!("{n}.jpg"), "image/jpeg", jpeg(n, 300, 200)),
            };
            let id = self.upload(studio, &name, content_type, &bytes).await.expect("uploads");
            photos.push((name, bytes, id));
        }
        for (_, _, id) in &photos {
            let photo = self.until(studio, &format!("/photos/{id}"), &["ready", "failed"]).await.expect("ends");
            assert_eq!(photo["status"], "ready", "{photo}");
        }
        photos
    }

    /// Returns the keys with this prefix in the downloads bucket, and the unfinished uploads of such keys.
    pub async fn left_behind(&self, prefix: &str) -> (Vec<String>, Vec<String>) {
        let s3 = self.s3();
        let objects = s3.list_objects_v2().bucket("downloads").prefix(prefix).send().await.expect("lists");
        let uploads = s3.list_multipart_uploads().bucket("downloads").prefix(prefix).send().await.expect("lists");
        let objects = objects.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
        let uploads = uploads.uploads.unwrap_or_default().into_iter().filter_map(|upload| upload.key);
        (objects.collect(), uploads.collect())
    }

    /// Creates an order of these photos, and returns its id.
    pub async fn order(&self, studio: &str, reference: &str, photos: &[String]) -> String {
        let customer = json!({ "name": "Eva Beispiel", "email": "eva@example.com" });
        let new = json!({ "reference": reference, "customer": customer, "photo_ids": photos });
        let made = self.post(studio, "/orders", new).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        made.text("/id")
    }

    /// Requests a download and waits until it is ready or failed. Returns it with its link.
    pub async fn download(&self, studio: &str, order: &str, terms: Value) -> (DownloadView, String) {
        let made = self.post(studio, &format!("/orders/{order}/downloads"), terms).await;
        assert!(made.status.is_success(), "{made:?}");
        let path = format!("/downloads/{}", made.text("/download/id"));
        (self.until_view(studio, &path, &["ready", "failed"]).await, made.text("/link"))
    }

    /// Submits a customer's link, as a program does, and returns the URL with the ticket.
    pub async fn ticket(&self, link: &str) -> Result<String> {
        location(&self.http.post(link).send().await?)
    }

    /// Submits a customer's link and returns the signed URL of the file. This counts as a download.
    pub async fn file_url(&self, link: &str) -> Result<String> {
        location(&self.http.get(self.ticket(link).await?).send().await?)
    }

    /// Submits a customer's link and follows it to the file.
    pub async fn fetch(&self, link: &str) -> Result<Vec<u8>> {
        let file = self.http.get(self.file_url(link).await?).send().await?.error_for_status()?;
        Ok(file.bytes().await?.to_vec())
    }

    /// Returns all captured emails, oldest first.
    pub async fn emails(&self) -> Vec<CapturedEmail> {
        let answer = self.http.get(format!("{}/_local/mail.json", self.api())).send().await.expect("answers");
        answer.json().await.expect("a list")
    }

    /// Sends a body to a queue.
    pub async fn send(&self, queue: &str, body: &str) {
        let url = self.queue_url(queue);
        self.sqs().send_message().queue_url(url).message_body(body).send().await.expect("is taken");
    }
}

fn clients(system: &System) -> (aws_sdk_sqs::Client, aws_sdk_s3::Client) {
    let env = Env::of(system.environment.clone());
    let config = runtime::aws::config(&env, runtime::aws::Patience::Job).expect("complete");
    (runtime::aws::sqs(&config), runtime::aws::s3(&env, &config))
}

/// Returns where a response redirects to.
fn location(answer: &Response) -> Result<String> {
    ensure!(answer.status() == StatusCode::SEE_OTHER, "the link was answered {}", answer.status());
    Ok(answer.headers().get("location").context("no location")?.to_str()?.to_owned())
}

async fn read(response: Response) -> Answer {
    let status = response.status();
    let retry_after = response.headers().get("retry-after").and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let bytes = response.bytes().await.unwrap_or_default();
    Answer { status, retry_after, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

/// Returns the files of a ZIP by name, as any reader finds them.
pub fn unzip(archive: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    use std::io::Read as _;
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).expect("a ZIP");
    (0..archive.len())
        .map(|n| {
            let mut file = archive.by_index(n).expect("an entry");
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("whole");
            (file.name().expect("a name").to_string(), bytes)
        })
        .collect()
}
