//! Downloads: an order's photos as one ZIP, or one of them as it is.

use axum::{Json, extract::State as Shared, response::Response};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use shared::{
    Job, ObjectKey,
    contents::{self, File, Source},
    download::{BuiltFile, DEFAULT_EXPIRES_IN_DAYS, Download, DownloadKind, DownloadStatus, Progress, Variant},
    email::Email,
    hold::rest,
    object_key::Picture,
    order::Order,
    photo::{Derivatives, Photo},
    store::Created,
    work::{NotAgain, Work},
    zip::{DownloadIndex, Layout},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{page_of, photos::HowToRun};
use crate::{
    answers::{DownloadPage, DownloadState, DownloadView, DownloadWithFiles, DownloadWithLink, FileView, Page, hex},
    at_once,
    body::{Body, BodyOrNone, Id, Query, integer},
    etag,
    idempotency::Allotted,
    identity::Caller,
    problem::{ApiResult, Kind, Problem, ProblemView},
    state::State,
};

/// Bounds a typing error, no real wish.
const MAX_DOWNLOADS: u32 = 10_000;
/// Below this an archive would be mostly its own manifest.
const MIN_SPLIT_BYTES: u64 = 1_000_000;
/// 5 TiB: no part plan makes a longer object.
const MAX_SPLIT_BYTES: u64 = 5 << 40;

/// What is to be delivered, and on which terms.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDownload {
    /// `batch` unless said: all photos in a ZIP. `single`: one photo as it is, ready at once.
    kind: Option<DownloadKind>,
    /// With `single`: which photo of the order.
    photo_id: Option<Uuid>,
    /// `original` unless said; `web`: previews of 2048 px.
    #[serde(default)]
    variant: Variant,
    /// Days that the link lives, counted from ready; 7 unless said, and no more than archives are kept (30, unless the
    /// deployment says otherwise).
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 30)]
    expires_in_days: Option<u32>,
    /// Counted downloads; no bound unless said. A count opens 24 h in which further ones are free.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 10_000)]
    max_downloads: Option<u32>,
    /// Several archives of at most so many bytes, at most 100 of them; one archive unless said. With `batch` only.
    #[serde(default, deserialize_with = "integer")]
    #[schema(minimum = 1_000_000, maximum = 5_497_558_138_880_u64)]
    split_bytes: Option<u64>,
    /// `false`: no mail when it is ready or has failed.
    #[schema(default = true)]
    notify: Option<bool>,
    /// `false`: the archive is built before the answer. Refused if that would take too long.
    #[schema(default = true)]
    queue: Option<bool>,
}

impl NewDownload {
    fn parse(&self, order: &Order, id: Uuid, state: &State) -> Result<Download, Problem> {
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
        let may_split = kind == DownloadKind::Batch;
        if self.split_bytes.is_some_and(|most| !may_split || !(MIN_SPLIT_BYTES..=MAX_SPLIT_BYTES).contains(&most)) {
            let detail =
                format!("It must be {MIN_SPLIT_BYTES} to {MAX_SPLIT_BYTES}, and belongs to a batch download only.");
            return Err(Problem::invalid("split_bytes", detail));
        }
        let now = state.clock.now();
        let photo_count = if kind == DownloadKind::Single { 1 } else { order.photo_count };
        Ok(Download {
            studio: order.studio.clone(),
            id,
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

/// Ask for a download
///
/// Of all photos of the order in a ZIP, whose size, checksum and files are known at once; or of one photo as it is. The link
/// is for the customer: it shows a page until the download is ready, and from then on opens it.
#[utoipa::path(
    post, path = "/orders/{id}/downloads", tag = "downloads", operation_id = "create_download",
    params(("id" = Uuid, Path, description = "Of the order")),
    request_body = NewDownload,
    responses(
        (status = 201, description = "Ready: a single one, or one that was waited for; or failed for good, and says why", body = DownloadWithLink),
        (status = 202, description = "On the queue", body = DownloadWithLink),
        (status = 409, description = "Photos of the order are not ready; or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    allotted: Allotted,
    Body(new): Body<NewDownload>,
) -> ApiResult<(StatusCode, Json<DownloadWithLink>)> {
    let order = state.orders.get(&studio, id).await?.ok_or_else(|| Problem::not_found("order"))?;
    let wait = new.queue == Some(false);
    let made = if allotted.again { state.downloads.table.get(&studio, allotted.id).await? } else { None };
    let download = match allotted.made(made)? {
        Some(made) => made,
        None => make(&state, &order, &new, allotted.id).await?,
    };
    let (download, status) = if allotted.answered {
        (download, StatusCode::ACCEPTED)
    } else if download.kind == DownloadKind::Single {
        tell(&state, &order, &download).await?;
        (download, StatusCode::CREATED)
    } else {
        let (download, finished) = state.workers.dispatch(&state.downloads, download, wait, allotted).await?;
        (download, if finished { StatusCode::CREATED } else { StatusCode::ACCEPTED })
    };
    Ok((status, Json(with_link(&state, &download).await?)))
}

/// Writes the download down; one of a single photo is ready then.
async fn make(state: &State, order: &Order, new: &NewDownload, id: Uuid) -> ApiResult<Download> {
    let mut download = new.parse(order, id, state)?;
    if download.kind == DownloadKind::Single {
        let photo = photo_of(state, order, &download).await?;
        let file = bare_file(&photo, download.variant)?;
        ready_at_once(&mut download, state.clock.now(), file);
    } else {
        let layouts = plan(state, order, &download, new.queue == Some(false)).await?;
        announce(state, &mut download, &layouts).await?;
    }
    Ok(match state.downloads.table.create(&download).await? {
        Created::New => download,
        Created::Existed(made) => *made,
    })
}

/// A single download is ready at once; due until its mail is on the way: should this function die before that, the sweep has
/// it sent.
fn ready_at_once(download: &mut Download, now: Timestamp, file: BuiltFile) {
    let due_at = download.work.due_at;
    download.make_ready(now, file);
    if download.notify {
        download.work.due_at = due_at;
    }
}

/// The photo of a single download.
async fn photo_of(state: &State, order: &Order, download: &Download) -> ApiResult<Photo> {
    let ids = state.orders.photos(order).await?;
    let not_held = || Problem::invalid("photo_id", "The order does not hold this photo.");
    let id = ids.into_iter().find(|id| Some(*id) == download.photo).ok_or_else(not_held)?;
    let photo = deliverable(state, order, &[id], download.variant).await?.pop();
    Ok(photo.ok_or_else(not_held)?)
}

/// What the archives will be, if they can be made, and in time where somebody waits.
async fn plan(state: &State, order: &Order, download: &Download, wait: bool) -> ApiResult<Vec<Layout<Source>>> {
    let ids = state.orders.photos(order).await?;
    let photos = deliverable(state, order, &ids, download.variant).await?;
    let files: Vec<File> = photos.iter().map(|photo| File::of(photo, download.variant)).collect::<Result<_, _>>()?;
    if wait {
        state.workers.check(at_once::archive(files.iter().map(File::size)))?;
    }
    if let (Some(most), Some(longest)) = (download.split_bytes, files.iter().map(File::size).max())
        && longest >= most
    {
        let detail = format!("The largest photo alone has {longest} bytes.");
        return Err(Problem::invalid("split_bytes", detail).into());
    }
    Ok(contents::contents(download, order, files)?)
}

/// Says what the archives will be: the index first, so that whoever finds the record finds what it will hold.
async fn announce(state: &State, download: &mut Download, layouts: &[Layout<Source>]) -> ApiResult<()> {
    let index = DownloadIndex::new(layouts, |source| source.photo).to_json().map_err(anyhow::Error::from)?;
    state.archives.put(&download.index(), index).await?;
    download.planned = contents::archives(download, layouts);
    Ok(())
}

async fn with_link(state: &State, download: &Download) -> ApiResult<DownloadWithLink> {
    let link = state.links.current().await?.url(&state.public_url, download);
    Ok(DownloadWithLink { download: DownloadView::new(download, state.clock.now()), link })
}

/// The photos, as ordered, if every one of them can be delivered.
async fn deliverable(state: &State, order: &Order, ids: &[Uuid], variant: Variant) -> ApiResult<Vec<Photo>> {
    let mut found = state.photos.table.get_many(&order.studio, ids).await?;
    let named = |id: &Uuid| json!({ "id": id, "status": found.get(id).map(|photo| photo.status) });
    let unready: Vec<_> = ids.iter().filter(|id| !found.get(id).is_some_and(Photo::is_ready)).map(named).collect();
    if !unready.is_empty() {
        let detail = "Not all photos of the order are ready yet.";
        return Err(Problem::new(Kind::PhotosNotReady, detail).with("photos", unready).into());
    }
    let without: Vec<_> = ids.iter().filter(|id| !found.get(id).is_some_and(Photo::has_previews)).map(named).collect();
    if variant == Variant::Web && !without.is_empty() {
        let detail = "Photos of the order have no web version.";
        return Err(Problem::invalid("variant", detail).with("photos", without).into());
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// The files of a batch download, which are known before it is built; `None` where nobody has written them down.
async fn files(state: &State, download: &Download) -> ApiResult<Option<Vec<FileView>>> {
    if download.kind == DownloadKind::Single {
        return Ok(None);
    }
    let Some(index) = state.archives.get(&download.index()).await? else { return Ok(None) };
    let index: DownloadIndex = serde_json::from_slice(&index).map_err(anyhow::Error::from)?;
    let several = index.archives.len() > 1;
    let files = (1_u32..).zip(&index.archives).flat_map(|(volume, archive)| {
        archive.entries.iter().map(move |entry| FileView {
            name: entry.name.clone(),
            size_bytes: entry.size,
            crc32: hex(entry.crc32),
            photo_id: entry.photo_id,
            volume: several.then_some(volume),
            offset: entry.offset,
        })
    });
    Ok(Some(files.collect()))
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

/// Sends the mail of a single download, unless it is on the way already.
async fn tell(state: &State, order: &Order, download: &Download) -> ApiResult<()> {
    if !download.notify || download.work.due_at.is_none() {
        return Ok(());
    }
    if let Some(email) = Email::telling_of(download, order, state.clock.now()) {
        state.emails.table.create(&email).await?;
        state.emails.queue.send(&Job::SendEmail { studio: email.studio, email: email.id }).await?;
    }
    Ok(rest(&state.downloads.table, download).await?)
}

/// Which downloads.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// `true`: those that the customer can fetch now; `false`: all others.
    active: Option<bool>,
    /// Those that stand so.
    status: Option<DownloadState>,
    /// Those of this order.
    order_id: Option<Uuid>,
    /// Records on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// As the page before has answered it.
    #[param(format = Uuid)]
    cursor: Option<String>,
}

/// The studio's downloads, newest first
#[utoipa::path(
    get, path = "/downloads", tag = "downloads", operation_id = "list_downloads", params(Filter),
    responses((status = 200, description = "Some of them", body = DownloadPage)),
)]
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Query(filter): Query<Filter>,
) -> ApiResult<Json<DownloadPage>> {
    let (after, limit) = page_of(filter.limit, filter.cursor.as_deref())?;
    let now = state.clock.now();
    let keep = |download: &Download| {
        filter.active.is_none_or(|active| download.is_ready(now) == active)
            && filter.status.is_none_or(|status| DownloadState::of(download, now) == status)
            && filter.order_id.is_none_or(|order| download.order == order)
    };
    let page = state.downloads.table.list(&studio, after, limit, keep).await?;
    Ok(Json(Page::of(&page, |download| DownloadView::new(download, now))))
}

/// One download
///
/// With its files, which are known before it is built.
#[utoipa::path(
    get, path = "/downloads/{id}", tag = "downloads", operation_id = "get_download",
    params(("id" = Uuid, Path, description = "Of the download")),
    responses((status = 200, description = "The download", body = DownloadWithFiles)),
)]
pub async fn show(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let download = state.downloads.table.get(&studio, id).await?.ok_or_else(|| Problem::not_found("download"))?;
    let view = DownloadView::new(&download, state.clock.now());
    // The files change with the build, which the view names.
    let tagged = etag::answer(&headers, &view, [])?;
    let files = if tagged.is_known() { None } else { files(&state, &download).await? };
    Ok(tagged.with(DownloadWithFiles { download: view, files }))
}

/// Build a download again
///
/// One that failed, expired, or is to be made anew. It is a new build under the same link; counted downloads stay counted.
#[utoipa::path(
    post, path = "/downloads/{id}/retry", tag = "downloads", operation_id = "retry_download",
    params(("id" = Uuid, Path, description = "Of the download")),
    request_body(content = Option<HowToRun>),
    responses(
        (status = 200, description = "Ready; or failed for good, and says why", body = DownloadWithLink),
        (status = 202, description = "On the queue", body = DownloadWithLink),
        (status = 409, description = "It is being built, was taken back, or photos are not ready; or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn retry(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    allotted: Allotted,
    BodyOrNone(how): BodyOrNone<HowToRun>,
) -> ApiResult<(StatusCode, Json<DownloadWithLink>)> {
    let not_found = || Problem::not_found("download");
    let found = state.downloads.table.get(&studio, id).await?.ok_or_else(not_found)?;
    let repeated = found.work.ordered_by == Some(allotted.id);
    if allotted.answered {
        return Ok((StatusCode::ACCEPTED, Json(with_link(&state, &found).await?)));
    }
    let download = if repeated { found } else { rebuild(&state, found, allotted.id, how.wait()).await? };
    let (download, finished) = if download.kind == DownloadKind::Single {
        let order = state.orders.get(&studio, download.order).await?.ok_or_else(|| Problem::not_found("order"))?;
        tell(&state, &order, &download).await?;
        (download, true)
    } else {
        state.workers.dispatch(&state.downloads, download, how.wait(), allotted).await?
    };
    let status = if finished { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(with_link(&state, &download).await?)))
}

/// Sets a new build going, with what it will be.
async fn rebuild(state: &State, found: Download, by: Uuid, wait: bool) -> ApiResult<Download> {
    let now = state.clock.now();
    let order = state.orders.get(&found.studio, found.order).await?;
    let order = order.ok_or_else(|| Problem::not_found("order"))?;
    // Tried on a copy first: the index of a new build lies in place before the record names that build.
    let mut new = found.clone();
    refuse(new.send_again(now, Some(by)))?;
    if new.kind == DownloadKind::Single {
        let photo = photo_of(state, &order, &new).await?;
        let file = bare_file(&photo, new.variant)?;
        ready_at_once(&mut new, now, file);
    } else {
        let layouts = plan(state, &order, &new, wait).await?;
        announce(state, &mut new, &layouts).await?;
    }
    let set = state.downloads.table.update(&found.studio, found.id, |download: &mut Download| {
        if download.build != found.build {
            return Err(NotAgain::UnderWay);
        }
        download.send_again(now, Some(by))?;
        download.planned.clone_from(&new.planned);
        if let Some(file) = &new.file {
            ready_at_once(download, now, file.clone());
        }
        Ok(())
    });
    let (download, set) = set.await?.ok_or_else(|| Problem::not_found("download"))?;
    refuse(set)?;
    Ok(download)
}

fn refuse(set: Result<(), NotAgain>) -> Result<(), Problem> {
    match set {
        Ok(()) | Err(NotAgain::Repeated) => Ok(()),
        Err(NotAgain::UnderWay) => Err(Problem::new(Kind::UnderWay, "The download is being built.")),
        Err(NotAgain::Impossible) => Err(Problem::new(Kind::Revoked, "The download was taken back.")),
    }
}

/// Take a download back
///
/// Every link to it is worthless from now on.
#[utoipa::path(
    delete, path = "/downloads/{id}", tag = "downloads", operation_id = "revoke_download",
    params(("id" = Uuid, Path, description = "Of the download")),
    responses((status = 200, description = "Taken back", body = DownloadView)),
)]
pub async fn revoke(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<Json<DownloadView>> {
    let revoked = state
        .downloads
        .table
        .update(&studio, id, |download| {
            if download.status == DownloadStatus::Revoked {
                return Err(());
            }
            download.revoke();
            Ok(())
        })
        .await?;
    let (download, _) = revoked.ok_or_else(|| Problem::not_found("download"))?;
    Ok(Json(DownloadView::new(&download, state.clock.now())))
}
