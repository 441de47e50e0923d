//! Presigned URLs, each changed in one point.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::{targets::Target, transcript::Transcript};

const BUCKET: &str = "presigned";
const TYPE: &str = "image/jpeg";
const TEXT: &str = "12345";
const DISPOSITION: &str = "attachment; filename=\"a b.jpg\"";
/// Headers of the requests that an upload URL is signed for.
const HEADERS: [(&str, &str); 2] = [("content-type", TYPE), ("if-none-match", "*")];

/// Sends requests with presigned URLs.
pub async fn case(target: &Target) -> Transcript {
    let mut said = Transcript::default();
    target.s3().create_bucket().bucket(BUCKET).send().await.unwrap();
    uploads(target, &mut said).await;
    downloads(target, &mut said).await;
    said
}

fn lives(seconds: u64, age: u64) -> PresigningConfig {
    let start = SystemTime::now() - Duration::from_secs(age);
    PresigningConfig::builder().expires_in(Duration::from_secs(seconds)).start_time(start).build().unwrap()
}

/// Signs an upload of [`TEXT`], `age` seconds ago for a minute.
async fn sign(target: &Target, key: &str, age: u64, sha256: Option<&str>) -> String {
    let put = target.s3().put_object().bucket(BUCKET).key(key).content_type(TYPE).content_length(5).if_none_match("*");
    let put = put.set_checksum_sha256(sha256.map(str::to_owned));
    put.presigned(lives(60, age)).await.unwrap().uri().to_owned()
}

async fn send(
    target: &Target,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> http::Response<Bytes> {
    let request = headers
        .iter()
        .fold(http::Request::builder().method(method).uri(url), |request, (name, value)| request.header(*name, *value));
    target.send(request.body(Bytes::from_static(body.as_bytes())).unwrap()).await
}

async fn uploads(target: &Target, said: &mut Transcript) {
    let put =
        async |url: &str, headers: &[(&str, &str)], body: &'static str| send(target, "PUT", url, headers, body).await;
    let url = sign(target, "a", 0, None).await;
    said.response("presigned put", &put(&url, &HEADERS, TEXT).await);
    said.response("presigned put: again", &put(&url, &HEADERS, TEXT).await);
    let url = sign(target, "b", 0, None).await;
    said.response("presigned put: shorter", &put(&url, &HEADERS, "1234").await);
    said.response("presigned put: longer", &put(&url, &HEADERS, "123456").await);
    said.response("presigned put: empty", &put(&url, &HEADERS, "").await);
    said.response("presigned put: other type", &put(&url, &[("content-type", "a/b"), HEADERS[1]], TEXT).await);
    said.response("presigned put: no type", &put(&url, &HEADERS[1..], TEXT).await);
    said.response("presigned put: no If-None-Match", &put(&url, &HEADERS[..1], TEXT).await);
    said.response("presigned put: other If-None-Match", &put(&url, &[HEADERS[0], ("if-none-match", "a")], TEXT).await);
    let other = url.replace("/b?", "/c?");
    said.response("presigned put: other key", &put(&other, &HEADERS, TEXT).await);
    said.response("presigned put: other expiry", &put(&url.replace("Expires=60", "Expires=90"), &HEADERS, TEXT).await);
    said.response("presigned put: more query", &put(&format!("{url}&versionId=null"), &HEADERS, TEXT).await);
    said.response("presigned put: as POST", &send(target, "POST", &url, &HEADERS, TEXT).await);
    let expired = sign(target, "b", 120, None).await;
    said.response("presigned put: expired", &put(&expired, &HEADERS, TEXT).await);
    for (name, value) in [
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-a", "b"),
        ("x-amz-storage-class", "GLACIER"),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-copy-source", "presigned/a"),
    ] {
        let response = put(&url, &[HEADERS[0], HEADERS[1], (name, value)], TEXT).await;
        said.response(&format!("presigned put: unsigned {name}"), &response);
    }
    let payload = [HEADERS[0], HEADERS[1], ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
    said.response("presigned put: unsigned x-amz-content-sha256", &put(&url, &payload, TEXT).await);
    let hash = STANDARD.encode(Sha256::digest(TEXT));
    let url = sign(target, "hashed", 0, Some(&hash)).await;
    let hashed = [HEADERS[0], HEADERS[1], ("x-amz-checksum-sha256", hash.as_str())];
    said.response("presigned put: other content than hashed", &put(&url, &hashed, "12346").await);
    said.response("presigned put: no hash", &put(&url, &HEADERS, TEXT).await);
    let other = STANDARD.encode(Sha256::digest("12346"));
    let changed = [HEADERS[0], HEADERS[1], ("x-amz-checksum-sha256", other.as_str())];
    said.response("presigned put: other hash", &put(&url, &changed, "12346").await);
    said.response("presigned put: hashed", &put(&url, &hashed, TEXT).await);
    let stored = target.s3().head_object().bucket(BUCKET).key("a").send().await;
    said.record("presigned put: stored", stored, |head| {
        format!("{:?} {:?}", head.content_length(), head.content_type())
    });
}

async fn downloads(target: &Target, said: &mut Transcript) {
    let get = async |age: u64, key: &str| -> PresignedRequest {
        let get = target.s3().get_object().bucket(BUCKET).key(key).response_content_disposition(DISPOSITION);
        get.presigned(lives(60, age)).await.unwrap()
    };
    let url = get(0, "a").await.uri().to_owned();
    let got = send(target, "GET", &url, &[], "").await;
    said.note("presigned get: disposition", format!("{:?}", got.headers().get("content-disposition")));
    said.note("presigned get: body", (got.body() == TEXT).to_string());
    let ranged = send(target, "GET", &url, &[("range", "bytes=1-2")], "").await;
    said.note("presigned get: range", format!("{} {:?}", ranged.status(), ranged.body()));
    said.response("presigned get: If-None-Match *", &send(target, "GET", &url, &[("if-none-match", "*")], "").await);
    said.response("presigned get: as HEAD", &send(target, "HEAD", &url, &[], "").await);
    said.response("presigned get: as DELETE", &send(target, "DELETE", &url, &[], "").await);
    let other = url.replace("a%20b.jpg", "c.jpg");
    assert_ne!(other, url);
    said.response("presigned get: other disposition", &send(target, "GET", &other, &[], "").await);
    let (unsigned, _) = url.split_once('?').unwrap();
    said.response("presigned get: no signature", &send(target, "GET", unsigned, &[], "").await);
    let expired = get(120, "a").await.uri().to_owned();
    said.response("presigned get: expired", &send(target, "GET", &expired, &[], "").await);
    let missing = get(0, "none").await.uri().to_owned();
    said.response("presigned get: missing", &send(target, "GET", &missing, &[], "").await);
    let unknown = url.replace("Credential=test", "Credential=nobody");
    said.response("presigned get: unknown access key", &send(target, "GET", &unknown, &[], "").await);
    let head = target.s3().head_object().bucket(BUCKET).key("a").presigned(lives(60, 0)).await.unwrap();
    said.response("presigned head", &send(target, "HEAD", head.uri(), &[], "").await);
}
