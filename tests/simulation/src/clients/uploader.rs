//! S3 clients of photographers, which know nothing of the API: they store files under `incoming/`, some again and again.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::Value;

use super::Clients;
use crate::{
    photo,
    truth::{KnownPhoto, StoredFile},
};

/// Folder of all files.
const FOLDER: &str = "trip";
/// Wait between two looks for the photo.
const LOOK_EVERY: Duration = Duration::from_secs(300);
/// Number of these looks.
const LOOKS: u32 = 24;

/// Returns the file of a content: content 0 is no photo.
fn file(content: usize) -> Bytes {
    if content == 0 { Bytes::from_static(b"milk, eggs") } else { photo::jpeg(2_000 + content as u64, 700 * content) }
}

/// Stores the file, and looks by the API for the photo that it becomes.
pub async fn store(clients: &Clients, number: usize, upload: (usize, usize), times: usize, every: Duration) {
    let (path, content) = upload;
    let filename = format!("IMG_{path}.jpg");
    let (key, file) = (format!("incoming/{}/{FOLDER}/{filename}", super::STUDIO), file(content));
    for n in 0..times {
        if n > 0 {
            tokio::time::sleep(every).await;
        }
        let stored = StoredFile { key: key.clone(), file: file.clone(), deletion: false };
        clients.truth.facts().stored.insert(upload, stored);
        clients.gateway.cloud.store("uploader", "photos", &key, file.clone());
    }
    for _ in 0..LOOKS {
        tokio::time::sleep(LOOK_EVERY).await;
        let path = format!("/photos?folder={FOLDER}");
        let Some(answer) = clients.request(Method::GET, path, None, Value::Null).await else { return };
        let items = answer.json["items"].as_array().into_iter().flatten();
        let mut same = items.filter(|photo| photo["filename"] == filename && photo["size_bytes"] == file.len());
        if let Some(id) = same.find_map(|photo| photo["id"].as_str()?.parse().ok()) {
            let known = KnownPhoto { id, file, uploaded: true, is_wrong: false };
            clients.truth.facts().photos.insert(number, known);
            return;
        }
    }
}
