//! Downloads: an order's photos as one ZIP, or one of them as it is.

use axum::{
    Json,
    extract::{Query, State as Shared, rejection::QueryRejection},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    Job, ObjectKey,
    contents::{self, File, Source},
    download::{BuiltFile, DEFAULT_EXPIRES_IN_DAYS, Download, DownloadKind, DownloadStatus, Progress, Variant},
    email::Email,
    hold::rest,
    object_key::Picture,
    order::Order,
    photo::{Derivatives, Photo},
    work::Work,
    zip::{DownloadIndex, Layout},
};
use uuid::Uuid;

use super::{page, photos::PagingText, query};
use crate::{
    body::{Body, Id},
    identity::Caller,
    problem::{ApiResult, Problem},
    state::State,
};

/// Bounds a typing error, no real wish.
const MAX_DOWNLOADS: u32 = 10_000;
/// Below this an archive would be mostly its own manifest.
const MIN_SPLIT_BYTES: u64 = 1_000_000;

/// What is to be delivered, and on which terms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDownload {
    kind: Option<DownloadKind>,
    photo_id: Option<Uuid>,
    #[serde(default)]
    variant: Variant,
    expires_in_days: Option<u32>,
    max_downloads: Option<u32>,
    split_bytes: Option<u64>,
    notify: Option<bool>,
}

impl NewDownload {
    fn parse(&self, order: &Order, state: &State) -> Result<Download, Problem> {
        let kind = self.kind.unwrap_or(DownloadKind::Batch);
        if (kind == DownloadKind::Single) != self.photo_id.is_some() {
            return Err(Problem::invalid("photo_id", "It belongs to a single download, and only there."));
        }
        let expires_in_days = self.expires_in_days.unwrap_or(DEFAULT_EXPIRES_IN_DAYS.min(state.retention_days));
        if !(1..=state.retention_days).contains(&expires_in_days) {
            let detail = format!("It must be 1 to {} days, as long as archives are kept.", state.retention_days);
            return Err(Problem::invalid("expires_in_days", detail));
        }
        if self.max_downloads.is_some_and(|max| !(1..=MAX_DOWNLOADS).contains(&max)) {
            return Err(Problem::invalid("max_downloads", format!("It must be 1 to {MAX_DOWNLOADS}.")));
        }
        if self.split_bytes.is_some_and(|most| most < MIN_SPLIT_BYTES || kind == DownloadKind::Single) {
            let detail = format!("It must be {MIN_SPLIT_BYTES} or more, and belongs to a batch download only.");
            return Err(Problem::invalid("split_bytes", detail));
        }
        let now = state.clock.now();
        let photo_count = if kind == DownloadKind::Single { 1 } else { order.photo_count };
        Ok(Download {
            studio: order.studio.clone(),
            id: Uuid::now_v7(),
            order: order.id,
            status: DownloadStatus::Pending,
            kind,
            variant: self.variant,
            photo: self.photo_id,
            build: 1,
            split_bytes: self.split_bytes,
            planned: Vec::new(),
            file: None,
            more_files: Vec::new(),
            position: None,
            photo_count,
            progress: Progress { done: 0, total: photo_count },
            error: None,
            work: Work::sent(now),
            expires_in_days,
            expires_at: None,
            max_downloads: self.max_downloads,
            download_count: 0,
            window_until: None,
            generation: 1,
            notify: self.notify.unwrap_or(true),
            created_at: now,
            ready_at: None,
        })
    }
}

/// POST /orders/{id}/downloads
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    Body(new): Body<NewDownload>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let order = state.orders.get(&studio, id).await?.ok_or_else(|| Problem::not_found("order"))?;
    let mut download = new.parse(&order, &state)?;
    let mut ids = state.orders.photos(&order).await?;
    if let Some(photo) = download.photo {
        ids.retain(|id| *id == photo);
        if ids.is_empty() {
            return Err(Problem::invalid("photo_id", "The order does not hold this photo.").into());
        }
    }
    let photos = deliverable(&state, &order, &ids, download.variant).await?;
    let status = if let (DownloadKind::Single, [photo]) = (download.kind, photos.as_slice()) {
        let due_at = download.work.due_at;
        download.make_ready(state.clock.now(), bare_file(photo, download.variant)?);
        if download.notify {
            // Due until its mail is on the way: should this function die before that, the sweep has it sent.
            download.work.due_at = due_at;
        }
        state.downloads.create(&download).await?;
        if download.notify {
            notify(&state, &order, &download).await?;
            rest(&state.downloads, &download).await?;
        }
        StatusCode::CREATED
    } else {
        let layouts = lay_out(&download, &order, &photos)?;
        download.planned = contents::archives(&download, &layouts);
        // First, so that whoever finds the record finds what it will hold.
        let index = DownloadIndex::new(&layouts, |source| source.photo).to_json().map_err(anyhow::Error::from)?;
        state.archives.put(&download.index(), index).await?;
        state.downloads.create(&download).await?;
        state.download_queue.send(&Job::BuildArchive { studio, download: download.id }).await?;
        StatusCode::ACCEPTED
    };
    let link = state.links.current().await?.url(&state.public_url, &download);
    Ok((status, Json(json!({ "download": view(&download, state.clock.now()), "link": link }))))
}

/// The photos, as ordered, if every one of them can be delivered.
async fn deliverable(state: &State, order: &Order, ids: &[Uuid], variant: Variant) -> ApiResult<Vec<Photo>> {
    let mut found = state.photos.get_many(&order.studio, ids).await?;
    let named = |id: &Uuid| json!({ "id": id, "status": found.get(id).map(|photo| photo.status) });
    let unready: Vec<_> = ids.iter().filter(|id| !found.get(id).is_some_and(Photo::is_ready)).map(named).collect();
    if !unready.is_empty() {
        let detail = "Not all photos of the order are ready yet.";
        return Err(Problem::new(StatusCode::CONFLICT, "photos-not-ready", detail).with("photos", unready).into());
    }
    let without: Vec<_> = ids.iter().filter(|id| !found.get(id).is_some_and(Photo::has_previews)).map(named).collect();
    if variant == Variant::Web && !without.is_empty() {
        let detail = "Photos of the order have no web version.";
        return Err(Problem::invalid("variant", detail).with("photos", without).into());
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// What the archive will be, to the byte.
fn lay_out(download: &Download, order: &Order, photos: &[Photo]) -> ApiResult<Vec<Layout<Source>>> {
    let files: Vec<File> = photos.iter().map(|photo| File::of(photo, download.variant)).collect::<Result<_, _>>()?;
    if let (Some(most), Some(longest)) = (download.split_bytes, files.iter().map(File::size).max())
        && longest >= most
    {
        let detail = format!("The largest photo alone has {longest} bytes.");
        return Err(Problem::invalid("split_bytes", detail).into());
    }
    Ok(contents::contents(download, order, files)?)
}

/// The files of a batch download, which are known before it is built: name, size, and which archive they are in. `null`
/// where nobody has written them down.
async fn files(state: &State, download: &Download) -> ApiResult<Value> {
    if download.kind == DownloadKind::Single {
        return Ok(Value::Null);
    }
    let Some(index) = state.archives.get(&download.index()).await? else { return Ok(Value::Null) };
    let index: DownloadIndex = serde_json::from_slice(&index).map_err(anyhow::Error::from)?;
    let several = index.archives.len() > 1;
    let files = (1_u32..).zip(&index.archives).flat_map(|(volume, archive)| {
        archive.entries.iter().map(move |entry| {
            json!({
                "name": entry.name,
                "size_bytes": entry.size,
                "crc32": format!("{:08x}", entry.crc32),
                "photo_id": entry.photo_id,
                "volume": several.then_some(volume),
                "offset": entry.offset,
            })
        })
    });
    Ok(files.collect())
}

/// A single download is the stored object itself.
fn bare_file(photo: &Photo, variant: Variant) -> ApiResult<BuiltFile> {
    let Some(made) = &photo.development else {
        return Err(anyhow::anyhow!("Photo {} is ready but not developed", photo.id).into());
    };
    Ok(match (variant, &made.derivatives) {
        (Variant::Web, Derivatives::Made { preview, .. }) => {
            let (studio, version) = (photo.studio.clone(), made.processor_version);
            let key = ObjectKey::Derivative { studio, photo: photo.id, version, picture: Picture::Preview };
            BuiltFile { path: key.to_string(), size: preview.size, crc32: preview.crc32 }
        }
        _ => BuiltFile { path: photo.original().to_string(), size: photo.size, crc32: made.crc32 },
    })
}

async fn notify(state: &State, order: &Order, download: &Download) -> ApiResult<()> {
    let Some(email) = Email::telling_of(download, order, state.clock.now()) else { return Ok(()) };
    state.emails.create(&email).await?;
    state.email_queue.send(&Job::SendEmail { studio: email.studio, email: email.id }).await?;
    Ok(())
}

/// Which downloads.
#[derive(Deserialize)]
pub struct Filter {
    active: Option<bool>,
    #[serde(flatten)]
    paging: PagingText,
}

/// GET /downloads
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> ApiResult<Json<Value>> {
    let filter = query(filter)?;
    let (after, limit) = filter.paging.parse()?;
    let now = state.clock.now();
    let keep = |download: &Download| filter.active.is_none_or(|active| download.is_ready(now) == active);
    Ok(page(&state.downloads.list(&studio, after, limit, keep).await?, |download| view(download, now)))
}

/// GET /downloads/{id}
pub async fn show(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<Json<Value>> {
    let download = state.downloads.get(&studio, id).await?.ok_or_else(|| Problem::not_found("download"))?;
    let mut shown = view(&download, state.clock.now());
    shown["files"] = files(&state, &download).await?;
    Ok(Json(shown))
}

/// DELETE /downloads/{id}: takes it back; every link to it is worthless from now on.
pub async fn revoke(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<Json<Value>> {
    let revoked = state
        .downloads
        .update(&studio, id, |download| {
            if download.status == DownloadStatus::Revoked {
                return Err(());
            }
            download.revoke();
            Ok(())
        })
        .await?;
    let (download, _) = revoked.ok_or_else(|| Problem::not_found("download"))?;
    Ok(Json(view(&download, state.clock.now())))
}

/// A download as the API shows it.
pub fn view(download: &Download, now: Timestamp) -> Value {
    let file = download.file.as_ref();
    let known: Vec<&BuiltFile> =
        if file.is_some() { download.files().collect() } else { download.planned.iter().collect() };
    let hex = |file: &BuiltFile| format!("{:08x}", file.crc32);
    // Of several archives each has its own, and there is none of all together.
    let crc32 = if let [only] = known[..] { Some(hex(only)) } else { None };
    let archives: Vec<_> =
        known.iter().map(|file| json!({ "path": file.path, "size_bytes": file.size, "crc32": hex(file) })).collect();
    let expired = download.status == DownloadStatus::Ready && download.expires_at.is_some_and(|at| at <= now);
    json!({
        "id": download.id,
        "order_id": download.order,
        "status": if expired { json!("expired") } else { json!(download.status) },
        "is_ready": download.is_ready(now),
        "kind": download.kind,
        "variant": download.variant,
        "photo_id": download.photo,
        "build": download.build,
        "file_path": file.map(|file| &file.path),
        "file_size_bytes": download.size(),
        "crc32": crc32,
        "split_bytes": download.split_bytes,
        "archives": archives,
        "photo_count": download.photo_count,
        "progress": download.progress,
        "error_code": download.error.as_ref().map(|error| &error.code),
        "error_message": download.error.as_ref().map(|error| &error.message),
        "attempts": download.work.attempts,
        "expires_at": download.expires_at,
        "max_downloads": download.max_downloads,
        "download_count": download.download_count,
        "created_at": download.created_at,
        "ready_at": download.ready_at,
    })
}
