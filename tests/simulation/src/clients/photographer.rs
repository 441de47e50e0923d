//! Photographers: announce, upload, delete, process again.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Clients, parts, signed::request};
use crate::{faults::ServiceName, photo, story::Upload, truth::KnownPhoto};

/// Attempts of one upload.
const UPLOADS: u32 = 4;

pub async fn announce(clients: &Clients, key: &str, number: usize, size: usize, declares_hash: bool, upload: Upload) {
    let announced = photo::jpeg(number as u64, size);
    let is_wrong = upload == Upload::Wrong;
    // The same size, another content.
    let file = if is_wrong { photo::jpeg(1_000 + number as u64, size) } else { announced.clone() };
    let mut body = json!({
        "filename": format!("IMG_{number:04}.jpg"), "content_type": "image/jpeg", "size_bytes": announced.len(),
    });
    if let Upload::Parts { .. } = upload {
        body["upload"] = "multipart".into();
    }
    if declares_hash {
        body["sha256"] = hex::encode(Sha256::digest(&announced)).into();
    }
    let Some(answer) = clients.request(Method::POST, "/photos", Some(key), body).await else { return };
    let Some(id) = clients.id_in(&answer, "/photo/id") else { return };
    let known = KnownPhoto { id, file: file.clone(), uploaded: false, is_wrong: is_wrong && declares_hash };
    clients.truth.facts().photos.insert(number, known);
    let mut request = answer.json["upload"].clone();
    match upload {
        Upload::Never => return,
        Upload::Parts { pause, comes_back } => {
            return parts::upload(clients, number, id, &file, pause, comes_back).await;
        }
        Upload::Late(by) => {
            tokio::time::sleep(by).await;
            if by > Duration::from_secs(3_000) {
                let renewed = clients.request(Method::POST, format!("/photos/{id}/upload"), None, Value::Null).await;
                let Some(renewed) = renewed.filter(|renewed| renewed.status == StatusCode::OK) else { return };
                request = renewed.json["upload"].clone();
            }
        }
        Upload::Once | Upload::Twice | Upload::Wrong => {}
    }
    let puts = if upload == Upload::Twice { 2 } else { 1 };
    for _ in 0..puts {
        put(clients, number, &request, &file).await;
    }
}

/// Uploads the file by the request that the API signed, until S3 answers.
async fn put(clients: &Clients, number: usize, upload: &Value, file: &Bytes) {
    let cloud = &clients.gateway.cloud;
    for _ in 0..UPLOADS {
        let (lost, reply_lost, takes) = {
            let mut state = cloud.state();
            let rate = state.faults.call;
            (state.random.f64() < rate, state.random.f64() < rate, state.random.u64(10..20_000))
        };
        tokio::time::sleep(Duration::from_millis(takes)).await;
        if lost {
            continue;
        }
        if let Some(photo) = clients.truth.facts().photos.get_mut(&number) {
            photo.uploaded = true;
        }
        let Some(request) = request(upload, file) else { return };
        let answer = cloud.apply("photographer", ServiceName::S3, &request);
        if !reply_lost {
            let status = answer.status();
            let mut facts = clients.truth.facts();
            if let Some(photo) = facts.photos.get_mut(&number).filter(|photo| photo.is_wrong) {
                // S3 refuses what has another checksum than announced.
                photo.uploaded = false;
                assert_refused(clients, status);
                return;
            }
            drop(facts);
            // 412: an earlier upload has arrived. 403: the URL has expired.
            if !status.is_success() && ![412, 403].contains(&status.as_u16()) {
                let text = String::from_utf8_lossy(answer.body()).into_owned();
                cloud.violated(format!("S3 answered a signed upload with {status}: {text}"));
            }
            return;
        }
    }
}

/// Reports a wrong upload that S3 did not refuse by its checksum.
fn assert_refused(clients: &Clients, status: StatusCode) {
    if ![StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN].contains(&status) {
        clients
            .gateway
            .cloud
            .violated(format!("S3 answered an upload with another checksum than announced with {status}"));
    }
}

pub async fn delete(clients: &Clients, number: usize) {
    let Some(id) = clients.truth.facts().photos.get(&number).map(|photo| photo.id) else { return };
    {
        let mut facts = clients.truth.facts();
        facts.deletions.insert(id);
        let file = facts.photos.get(&number).map(|photo| photo.file.clone());
        facts
            .stored
            .values_mut()
            .filter(|stored| Some(&stored.file) == file.as_ref())
            .for_each(|it| it.deletion = true);
    }
    // A photo that is being processed can be deleted later.
    for _ in 0..3 {
        let Some(answer) = clients.request(Method::DELETE, format!("/photos/{id}"), None, Value::Null).await else {
            return;
        };
        if answer.status == StatusCode::NO_CONTENT {
            clients.truth.facts().deleted.insert(id);
            return;
        }
        if answer.status != StatusCode::CONFLICT || answer.json.get("order_id").is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
    }
}

pub async fn process(clients: &Clients, key: &str, number: usize, waits: bool) {
    let Some(id) = clients.truth.facts().photos.get(&number).map(|photo| photo.id) else { return };
    let body = if waits { json!({ "queue": false }) } else { Value::Null };
    clients.request(Method::POST, format!("/photos/{id}/process"), Some(key), body).await;
}

pub async fn process_all(clients: &Clients, key: &str) {
    clients.request(Method::POST, "/photos/process", Some(key), json!({ "which": "all" })).await;
}

pub async fn list(clients: &Clients) {
    for path in ["/photos?status=ready", "/photos", "/orders", "/downloads?active=true"] {
        clients.request(Method::GET, path, None, Value::Null).await;
    }
}
