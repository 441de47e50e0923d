//! Multipart uploads: S3 knows their parts, the record only their id.

use std::collections::BTreeSet;

use api_types::{PartUpload, PartUploads, UploadProgress, UploadedPart};
use domain::{
    Studio,
    photo::{MIN_PART_BYTES, Photo, PhotoStatus, Replaced},
};
use runtime::objects::{Completion, StoredPart};
use tracing::warn;
use uuid::Uuid;

use super::{
    super::photos::find, UPLOAD_URL_LIVES, already_uploaded, awaiting, expect_original, has_original, headers,
    multipart_view, no_multipart, urls_expire_at,
};
use crate::{
    problem::{ApiResult, Kind, Problem},
    state::State,
};

/// A part as the client names it at the completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenPart {
    /// Number, 1 to 10,000.
    pub number: u16,
    /// ETag, with quotes.
    pub etag: String,
}

/// Begins the first upload of a photo that has no record yet.
///
/// The upload is begun before the record is written, which names it. If the request ends in between, S3 aborts the upload
/// by the bucket's lifecycle.
pub async fn first(state: &State, mut photo: Photo) -> ApiResult<Photo> {
    let upload_id = state.originals.begin_multipart(&photo.original(), &photo.content_type).await?;
    photo.begin_multipart(&upload_id, None, state.clock.now()).map_err(|Replaced| already_uploaded())?;
    Ok(photo)
}

/// Aborts an upload that is not needed. If that fails, the upload expires.
pub async fn forget(state: &State, photo: &Photo, upload_id: &str) {
    if let Err(error) = state.originals.abort_multipart(&photo.original(), upload_id).await {
        warn!(photo.id = %photo.id, error = format!("{error:#}"), "Left a multipart upload to expire");
    }
}

/// Returns the photo with an open upload: that on its record, or a new one if S3 does not have it any more.
pub async fn open(state: &State, photo: Photo) -> ApiResult<Photo> {
    let key = photo.original();
    if let Some(upload_id) = &photo.upload_id
        && state.originals.has_multipart(&key, upload_id).await?
    {
        return Ok(photo);
    }
    let upload_id = state.originals.begin_multipart(&key, &photo.content_type).await?;
    let (seen, now) = (photo.upload_id.as_deref(), state.clock.now());
    let begin = |photo: &mut Photo| photo.begin_multipart(&upload_id, seen, now);
    let written = state.photos.update(&photo.studio, photo.id, begin).await?;
    if let Some((photo, Ok(()))) = written {
        return Ok(photo);
    }
    forget(state, &photo, &upload_id).await;
    let (photo, _) = written.ok_or_else(|| Problem::not_found("photo"))?;
    // A concurrent request has begun an upload. Both return the same one.
    Ok(awaiting(photo)?)
}

/// Returns the upload, and the parts that S3 has.
pub async fn progress(state: &State, studio: &Studio, id: Uuid) -> ApiResult<UploadProgress> {
    let photo = awaiting(find(state, studio, id).await?)?;
    let upload = multipart_view(&photo)?;
    let Some(parts) = state.originals.parts(&photo.original(), &upload.upload_id).await? else {
        return Err(gone(state, &photo).await?.into());
    };
    let uploaded = parts.into_iter().map(|part| {
        let StoredPart { number, size, etag } = part;
        UploadedPart { part_number: number, size_bytes: size, etag }
    });
    Ok(UploadProgress { upload, uploaded: uploaded.collect() })
}

/// Returns requests that upload these parts.
///
/// Nothing is written: the record expects a multipart upload as long as S3 keeps it, and a part alone is no original.
pub async fn part_urls(state: &State, studio: &Studio, id: Uuid, numbers: &[u16]) -> ApiResult<PartUploads> {
    let photo = awaiting(find(state, studio, id).await?)?;
    let (key, upload_id) = (photo.original(), photo.upload_id.as_deref().ok_or_else(no_multipart)?);
    let mut parts = Vec::with_capacity(numbers.len());
    for &number in numbers {
        let request = state.originals.presign_part(&key, upload_id, number, UPLOAD_URL_LIVES).await?;
        parts.push(PartUpload {
            part_number: number,
            method: request.method().to_owned(),
            url: request.uri().to_owned(),
            headers: headers(&request),
            expires_at: urls_expire_at(state),
        });
    }
    Ok(PartUploads { parts })
}

/// Completes the upload. Returns the photo, also if the original has arrived before.
pub async fn complete(state: &State, studio: &Studio, id: Uuid, given: Vec<GivenPart>) -> ApiResult<Photo> {
    let photo = find(state, studio, id).await?;
    if !matches!(photo.status, PhotoStatus::AwaitingUpload | PhotoStatus::Deleting) {
        return Ok(photo);
    }
    let photo = awaiting(photo)?;
    let (key, upload_id) = (photo.original(), photo.upload_id.clone().ok_or_else(no_multipart)?);
    let given = in_order(given)?;
    // S3's event may be lost: the sweep looks for the original soon.
    expect_original(state, &photo, std::time::Duration::ZERO).await?;
    let parts: Vec<_> = given.iter().map(|(_, part)| (part.number, part.etag.clone())).collect();
    match state.originals.complete_multipart(&key, &upload_id, &parts, photo.size).await {
        Ok(Completion::Stored) => {}
        Ok(Completion::Exists) => forget(state, &photo, &upload_id).await,
        Ok(Completion::NoUpload) => {
            if !has_original(state, &photo).await? {
                return Err(no_multipart().into());
            }
        }
        Ok(Completion::Refused(code)) => {
            let stored = state.originals.parts(&key, &upload_id).await?;
            return Err(wrong(&given, &stored.unwrap_or_default(), photo.size, &code).into());
        }
        Err(error) => {
            // S3 may have stored the object, and its response was lost. If this request fails too, the first error
            // counts.
            if !has_original(state, &photo).await.unwrap_or(false) {
                return Err(error.into());
            }
        }
    }
    find(state, studio, id).await
}

/// Aborts the upload. An upload that is not open is not an error.
pub async fn abort(state: &State, studio: &Studio, id: Uuid) -> ApiResult<()> {
    let photo = awaiting(find(state, studio, id).await?)?;
    let Some(upload_id) = &photo.upload_id else { return Ok(()) };
    state.originals.abort_multipart(&photo.original(), upload_id).await?;
    if has_original(state, &photo).await? {
        return Err(already_uploaded().into());
    }
    Ok(())
}

/// Returns the problem of an upload that S3 does not have.
async fn gone(state: &State, photo: &Photo) -> ApiResult<Problem> {
    Ok(if has_original(state, photo).await? { already_uploaded() } else { no_multipart() })
}

/// Returns the parts by ascending number, as S3 wants them, with their places in the request.
fn in_order(given: Vec<GivenPart>) -> Result<Vec<(usize, GivenPart)>, Problem> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = given.iter().position(|part| !seen.insert(part.number)) {
        return Err(Problem::invalid(format!("parts[{twice}].part_number"), "The part is listed twice."));
    }
    let mut parts: Vec<_> = given.into_iter().enumerate().collect();
    parts.sort_by_key(|(_, part)| part.number);
    Ok(parts)
}

/// Returns the problem of parts that S3 has refused, by comparison with those that it has.
fn wrong(given: &[(usize, GivenPart)], stored: &[StoredPart], size: u64, code: &str) -> Problem {
    let mut total = 0;
    for (n, (place, part)) in given.iter().enumerate() {
        let number = part.number;
        let Ok(found) = stored.binary_search_by_key(&number, |stored| stored.number) else {
            let detail = format!("S3 has no part {number}. Upload it, then complete the upload again.");
            return Problem::invalid(format!("parts[{place}].part_number"), detail);
        };
        let found = &stored[found];
        if found.etag != part.etag {
            let detail = format!("Part {number} in S3 has the ETag {}.", found.etag);
            return Problem::invalid(format!("parts[{place}].etag"), detail);
        }
        if found.size < MIN_PART_BYTES && n + 1 < given.len() {
            let detail = format!(
                "Part {number} has {} bytes. Each part except the last must have at least {MIN_PART_BYTES}.",
                found.size
            );
            return Problem::invalid(format!("parts[{place}].part_number"), detail);
        }
        total += found.size;
    }
    if total != size {
        let detail = format!("The listed parts have {total} bytes together, and the photo was announced with {size}.");
        return Problem::invalid("parts", detail);
    }
    Problem::new(Kind::InvalidField, format!("S3 refused the parts ({code}).")).at("parts")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn stored(sizes: &[u64]) -> Vec<StoredPart> {
        let parts = (1..).zip(sizes);
        parts.map(|(number, &size)| StoredPart { number, size, etag: format!("\"{number}\"") }).collect()
    }

    fn given(parts: &[(u16, &str)]) -> Vec<(usize, GivenPart)> {
        let parts = parts.iter().map(|&(number, etag)| GivenPart { number, etag: format!("\"{etag}\"") });
        in_order(parts.collect()).expect("each once")
    }

    fn field(given: &[(usize, GivenPart)], stored: &[StoredPart], size: u64) -> String {
        let problem = serde_json::to_value(wrong(given, stored, size, "InvalidPart").view()).expect("JSON");
        problem["field"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn refused_parts_are_named_by_their_place() {
        let two = stored(&[5 * MIB, MIB]);
        assert_eq!(field(&given(&[(2, "2"), (1, "other")]), &two, 6 * MIB), "parts[1].etag");
        assert_eq!(field(&given(&[(1, "1"), (3, "3")]), &two, 6 * MIB), "parts[1].part_number");
        assert_eq!(field(&given(&[(1, "1")]), &two, 6 * MIB), "parts");
        assert_eq!(field(&given(&[(1, "1"), (2, "2")]), &stored(&[MIB, MIB]), 2 * MIB), "parts[0].part_number");
        assert_eq!(field(&given(&[(1, "1"), (2, "2")]), &two, 6 * MIB), "parts", "S3 had another reason");
    }

    #[test]
    fn part_listed_twice_is_refused() {
        let twice = [1, 2, 1].map(|number| GivenPart { number, etag: "\"e\"".to_owned() });
        let problem = serde_json::to_value(in_order(twice.to_vec()).expect_err("twice").view()).expect("JSON");
        assert_eq!(problem["field"], "parts[2].part_number");
    }
}
