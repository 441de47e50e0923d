//! Uploads in parts: the client sends some parts, goes away, comes back, asks which parts S3 has, and sends the others.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Clients, signed::request};
use crate::faults::ServiceName;

/// Rounds of sending the missing parts.
const ROUNDS: u32 = 6;

/// Uploads the file of a photo in parts.
pub async fn upload(clients: &Clients, number: usize, id: Uuid, file: &Bytes, pause: Duration, comes_back: bool) {
    for round in 0..ROUNDS {
        if round == 1 {
            tokio::time::sleep(pause).await;
            if !comes_back {
                return;
            }
        }
        let path = format!("/photos/{id}/upload");
        let Some(known) = clients.request(Method::GET, path, None, Value::Null).await else { continue };
        if known.status != StatusCode::OK {
            // Its parts have expired, or the photo was deleted or has arrived.
            let body = json!({ "upload": "multipart" });
            let renewed = clients.request(Method::POST, format!("/photos/{id}/upload"), None, body).await;
            if renewed.is_some_and(|renewed| renewed.status != StatusCode::OK) {
                return;
            }
            continue;
        }
        let size = known.json["upload"]["part_size_bytes"].as_u64().and_then(|size| usize::try_from(size).ok());
        let (Some(size), Some(count)) = (size, known.json["upload"]["parts"].as_u64()) else { return };
        let stored = || known.json["uploaded"].as_array().into_iter().flatten();
        let missing: Vec<u64> =
            (1..=count).filter(|number| !stored().any(|part| part["part_number"] == *number)).collect();
        if missing.is_empty() {
            let named = |part: &Value| json!({ "part_number": part["part_number"], "etag": part["etag"] });
            let body = json!({ "parts": stored().map(named).collect::<Vec<_>>() });
            if let Some(photo) = clients.truth.facts().photos.get_mut(&number) {
                photo.uploaded = true;
            }
            let path = format!("/photos/{id}/upload/complete");
            let done = clients.request(Method::POST, path, None, body).await;
            if done.is_some_and(|done| done.status == StatusCode::OK) {
                return;
            }
            continue;
        }
        // The first round sends the first half.
        let sent = if round == 0 { missing.len().div_ceil(2) } else { missing.len() };
        let numbers = missing.iter().take(sent).map(u64::to_string).collect::<Vec<_>>().join(",");
        let path = format!("/photos/{id}/upload/parts?numbers={numbers}");
        let Some(urls) = clients.request(Method::GET, path, None, Value::Null).await else { continue };
        for part in urls.json["parts"].as_array().into_iter().flatten() {
            send(clients, part, size, file).await;
        }
    }
}

async fn send(clients: &Clients, part: &Value, size: usize, file: &Bytes) {
    let cloud = &clients.gateway.cloud;
    let (lost, takes) = {
        let mut state = cloud.state();
        let rate = state.faults.call;
        (state.random.f64() < rate, state.random.u64(10..20_000))
    };
    tokio::time::sleep(Duration::from_millis(takes)).await;
    let Some(number) = part["part_number"].as_u64().and_then(|number| usize::try_from(number).ok()) else { return };
    let start = (number - 1) * size;
    let bytes = file.slice(start.min(file.len())..(start + size).min(file.len()));
    let Some(request) = request(part, &bytes).filter(|_| !lost) else { return };
    let answer = cloud.apply("photographer", ServiceName::S3, &request);
    // 404: the photo was deleted, or the upload has expired. 403: the URL has expired.
    let status = answer.status();
    if !status.is_success() && ![403, 404].contains(&status.as_u16()) {
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        cloud.violated(format!("S3 answered a signed part with {status}: {text}"));
    }
}
