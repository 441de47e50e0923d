//! Upload of one file: announced under a key of its own, sent by one PUT or in parts, repeated until S3 has it.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, anyhow};
use api_types::{MultipartUpload, PartUploads, PhotoView, PhotoWithUpload, PutUpload, Upload, UploadProgress};
use domain::{
    incoming::file_and_folder,
    photo::{FileType, MAX_UPLOAD_BYTES},
};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::files::LocalFile;
use crate::client::{Client, Trouble};

/// Size from which a file is sent in parts.
const PARTS_FROM: u64 = 32 << 20;
/// API: at most 100 parts per request.
const MAX_PARTS_PER_REQUEST: usize = 100;
/// Number of attempts, and the wait after the first one. It doubles.
const ATTEMPTS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Outcome of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// S3 took the file.
    Uploaded,
    /// The file was there already.
    Known,
}

/// Uploads the file into the folder `into`, unless the studio has it.
pub async fn send(client: &Client, into: &str, file: &LocalFile) -> Result<Sent, Trouble> {
    if !(1..=MAX_UPLOAD_BYTES).contains(&file.size) {
        return Err(anyhow!("A photo has 1 byte to 5 GiB, this file {} bytes.", file.size).into());
    }
    let announcement = announcement(into, file).await?;
    let (mut wait, mut sent_bytes) = (FIRST_WAIT, false);
    for attempt in 1.. {
        match once(client, file, &announcement).await {
            // What arrived in an earlier attempt, whose answer was lost, is not known from before.
            Ok(Sent::Known) if sent_bytes => return Ok(Sent::Uploaded),
            Err(trouble) if attempt < ATTEMPTS && trouble.may_pass() => sent_bytes = true,
            outcome => return outcome,
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    Err(anyhow!("It was tried {ATTEMPTS} times").into())
}

/// A request that creates the photo, and its key.
struct Announcement {
    key: String,
    body: Value,
}

async fn announcement(into: &str, file: &LocalFile) -> anyhow::Result<Announcement> {
    let hashed = file.clone();
    let sha256 = hex::encode(tokio::task::spawn_blocking(move || hashed.sha256()).await??);
    let (filename, folder) = file_and_folder(&format!("{into}/{}", file.name));
    let extension = filename.rsplit_once('.').map_or("", |(_, extension)| extension);
    let content_type = FileType::of_extension(extension).map_or("application/octet-stream", |known| known.content_type);
    let way = if file.size >= PARTS_FROM { "multipart" } else { "put" };
    let place = format!("{}\0{filename}\0{sha256}", folder.as_deref().unwrap_or_default());
    let mut body = json!({
        "filename": filename, "content_type": content_type, "size_bytes": file.size, "sha256": sha256, "upload": way,
        "on_duplicate": "reuse",
    });
    if let Some(folder) = folder {
        body["folder"] = folder.into();
    }
    Ok(Announcement { key: hex::encode(Sha256::digest(place)), body })
}

async fn once(client: &Client, file: &LocalFile, announcement: &Announcement) -> Result<Sent, Trouble> {
    let Announcement { key, body } = announcement;
    let made = client.post_keyed::<PhotoWithUpload>(&["photos"], key, body).await?.value;
    match made.upload {
        None => return Ok(Sent::Known),
        Some(Upload::Put(upload)) => put(client, file, &upload).await?,
        Some(Upload::Multipart(upload)) => parts(client, file, &made.photo, &upload).await?,
    }
    Ok(Sent::Uploaded)
}

async fn put(client: &Client, file: &LocalFile, upload: &PutUpload) -> Result<(), Trouble> {
    let answer = client.store(&upload.url, &upload.headers, file.range(0, file.size)?).await?;
    match answer.status {
        // 412: an earlier request, whose answer was lost, has stored it.
        StatusCode::OK | StatusCode::PRECONDITION_FAILED => Ok(()),
        status => Err(anyhow!("S3 answered {status}: {}", answer.text).into()),
    }
}

/// Sends the parts that S3 lacks, and completes the upload.
async fn parts(client: &Client, file: &LocalFile, photo: &PhotoView, upload: &MultipartUpload) -> Result<(), Trouble> {
    let id = photo.id.to_string();
    let path = ["photos", &id, "upload"];
    let progress = client.get::<UploadProgress>(&path, &[]).await?.value;
    let mut etags: Vec<(u16, String)> =
        progress.uploaded.into_iter().map(|part| (part.part_number, part.etag)).collect();
    let stored: BTreeSet<u16> = etags.iter().map(|(number, _)| *number).collect();
    let count = u16::try_from(upload.parts).context("The upload has too many parts")?;
    let missing: Vec<u16> = (1..=count).filter(|number| !stored.contains(number)).collect();
    for numbers in missing.chunks(MAX_PARTS_PER_REQUEST) {
        let listed = numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let path = ["photos", &id, "upload", "parts"];
        let urls = client.get::<PartUploads>(&path, &[("numbers", Some(&listed))]).await?.value;
        for part in urls.parts {
            let offset = u64::from(part.part_number - 1) * upload.part_size_bytes;
            let length = upload.part_size_bytes.min(file.size.saturating_sub(offset));
            let answer = client.store(&part.url, &part.headers, file.range(offset, length)?).await?;
            let etag = answer.etag.filter(|_| answer.status == StatusCode::OK);
            let etag = etag.ok_or_else(|| anyhow!("S3 answered {}: {}", answer.status, answer.text))?;
            etags.push((part.part_number, etag));
        }
    }
    etags.sort_unstable();
    let parts: Vec<_> =
        etags.into_iter().map(|(number, etag)| json!({ "part_number": number, "etag": etag })).collect();
    client.post::<PhotoView>(&["photos", &id, "upload", "complete"], &json!({ "parts": parts })).await?;
    Ok(())
}
