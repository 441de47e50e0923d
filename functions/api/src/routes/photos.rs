//! Photos: a record and an upload URL first; the bytes go to S3 directly.

use std::time::Duration;

use axum::{Json, extract::State as Shared, response::Response};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use shared::{
    ObjectKey, Studio,
    object_key::Picture,
    objects::UploadTerms,
    operation::{Operation, Photos, Task},
    photo::{MAX_ORIGINAL_BYTES, Photo, PhotoStatus},
    store::Created,
    work::{NotAgain, Work},
    workers::QueueName,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{operations, page_of};
use crate::{
    answers::{DerivativesView, OperationStarted, Page, PhotoPage, PhotoView, PhotoWithUpload, Pictures, Upload},
    at_once,
    body::{Body, BodyOrNone, Id, Query, integer},
    etag,
    idempotency::Allotted,
    identity::Caller,
    problem::{ApiResult, Kind, Problem, ProblemView},
    state::State,
};

/// An upload may take this long to begin.
const UPLOAD_URL_LIVES: Duration = Duration::from_secs(3600);
/// Long enough to show a page of thumbnails.
const PICTURE_URL_LIVES: Duration = Duration::from_secs(900);
/// Who knows a photo by its entity tag keeps its pictures' URLs: after this many seconds the tag is another, so that
/// those URLs live for minutes yet.
const PICTURE_URLS_KNOWN: i64 = 600;
/// In characters. Longer names exist on no file system; archives shorten them further.
const MAX_FILENAME: usize = 1024;
const MAX_CONTENT_TYPE: usize = 100;

/// What a photographer says about a photo before uploading it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPhoto {
    /// The photographer's name for it, at most 1,024 characters; it becomes the name in archives.
    #[schema(min_length = 1, max_length = 1024, pattern = r"\S", example = "IMG_0001.jpg")]
    filename: String,
    /// `image/…`, or `application/octet-stream` from who can't tell.
    #[schema(
        max_length = 100,
        pattern = r"^(image/[A-Za-z0-9!#$&^_.+-]+|application/octet-stream)$",
        example = "image/jpeg"
    )]
    content_type: String,
    /// Of the file, at most 256 MiB. S3 takes exactly so many.
    #[serde(deserialize_with = "integer")]
    #[schema(minimum = 1, maximum = 268_435_456, example = 24_117_248)]
    size_bytes: u64,
    /// SHA-256 of the file in 64 hexadecimal digits: S3 then refuses any other, and so does the processor.
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: Option<String>,
}

impl NewPhoto {
    fn parse(self, studio: Studio, id: Uuid, now: Timestamp) -> Result<Photo, Problem> {
        if self.filename.trim().is_empty() || self.filename.chars().count() > MAX_FILENAME {
            return Err(Problem::invalid(
                "filename",
                format!("It must have 1 to {MAX_FILENAME} characters, not all blank."),
            ));
        }
        let content_type = content_type(&self.content_type)?;
        if !(1..=MAX_ORIGINAL_BYTES).contains(&self.size_bytes) {
            let detail = format!("A photo has 1 to {MAX_ORIGINAL_BYTES} bytes, this one {}.", self.size_bytes);
            return Err(Problem::invalid("size_bytes", detail));
        }
        let declared_sha256 = self.sha256.map(|hash| hash.to_ascii_lowercase());
        if declared_sha256.as_deref().is_some_and(|hash| sha256_bytes(hash).is_none()) {
            return Err(Problem::invalid("sha256", "It must be 64 hexadecimal digits."));
        }
        Ok(Photo {
            studio,
            id,
            status: PhotoStatus::AwaitingUpload,
            filename: self.filename,
            content_type,
            size: self.size_bytes,
            declared_sha256,
            etag: None,
            development: None,
            work: Work::default(),
            error: None,
            before_deleting: None,
            created_at: now,
            uploaded_at: None,
            processed_at: None,
        })
    }
}

/// Photos declare themselves as images; what can't tell may say `application/octet-stream`.
fn content_type(declared: &str) -> Result<String, Problem> {
    let declared = declared.to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
    let subtype = declared.strip_prefix("image/").is_some_and(|s| !s.is_empty() && s.bytes().all(token));
    if (subtype || declared == "application/octet-stream") && declared.len() <= MAX_CONTENT_TYPE {
        Ok(declared)
    } else {
        let detail =
            format!("It must be the type of a photo, such as image/jpeg, of at most {MAX_CONTENT_TYPE} characters.");
        Err(Problem::invalid("content_type", detail))
    }
}

fn sha256_bytes(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Announce a photo
///
/// Makes its record, and answers the request by which its bytes go to S3. The upload starts the processing; one that
/// does not come within 7 days is forgotten, and so is the record.
#[utoipa::path(
    post, path = "/photos", tag = "photos", operation_id = "create_photo", request_body = NewPhoto,
    responses((status = 201, description = "Announced", body = PhotoWithUpload)),
)]
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    allotted: Allotted,
    Body(new): Body<NewPhoto>,
) -> ApiResult<(StatusCode, Json<PhotoWithUpload>)> {
    let mut photo = new.parse(studio, allotted.id, state.clock.now())?;
    if allotted.again
        && let Some(made) = allotted.made(state.photos.table.get(&photo.studio, photo.id).await?)?
    {
        photo = made;
    } else if let Created::Existed(made) = state.photos.table.create(&photo).await? {
        photo = *made;
    }
    Ok((StatusCode::CREATED, Json(with_upload(&state, &photo).await?)))
}

/// A fresh upload URL
///
/// For a photo whose upload has not happened.
#[utoipa::path(
    post, path = "/photos/{id}/upload", tag = "photos", operation_id = "renew_upload",
    params(("id" = Uuid, Path, description = "Of the photo")),
    responses(
        (status = 200, description = "Where its bytes go", body = PhotoWithUpload),
        (status = 409, description = "It is uploaded already; or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn upload_again(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    allotted: Allotted,
) -> ApiResult<Json<PhotoWithUpload>> {
    let photo = find(&state, &studio, id).await?;
    if photo.status != PhotoStatus::AwaitingUpload && !allotted.answered {
        return Err(Problem::new(Kind::AlreadyUploaded, "The photo is uploaded already.").into());
    }
    Ok(Json(with_upload(&state, &photo).await?))
}

async fn find(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Photo> {
    Ok(state.photos.table.get(studio, id).await?.ok_or_else(|| Problem::not_found("photo"))?)
}

async fn with_upload(state: &State, photo: &Photo) -> ApiResult<PhotoWithUpload> {
    let terms = UploadTerms {
        content_type: &photo.content_type,
        size: photo.size,
        sha256: photo.declared_sha256.as_deref().and_then(sha256_bytes),
    };
    let request = state.originals.presign_put(&photo.original(), &terms, UPLOAD_URL_LIVES).await?;
    let headers = request.headers().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
    let upload = Upload {
        method: request.method().to_owned(),
        url: request.uri().to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        // By the machine's own clock, as the signature is.
        expires_at: Timestamp::now().saturating_add(UPLOAD_URL_LIVES).unwrap_or(Timestamp::MAX),
    };
    Ok(PhotoWithUpload { photo: photo.into(), upload })
}

/// Which photos.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Those that stand so.
    status: Option<PhotoStatus>,
    /// Records on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// As the page before has answered it.
    #[param(format = Uuid)]
    cursor: Option<String>,
}

/// The studio's photos, newest first
#[utoipa::path(
    get, path = "/photos", tag = "photos", operation_id = "list_photos", params(Filter),
    responses((status = 200, description = "Some of them", body = PhotoPage)),
)]
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Query(filter): Query<Filter>,
) -> ApiResult<Json<PhotoPage>> {
    let (after, limit) = page_of(filter.limit, filter.cursor.as_deref())?;
    let keep = |photo: &Photo| filter.status.is_none_or(|status| photo.status == status);
    let page = state.photos.table.list(&studio, after, limit, keep).await?;
    Ok(Json(Page::of(&page, |photo| photo.into())))
}

/// One photo
///
/// With URLs of its pictures that work for some minutes.
#[utoipa::path(
    get, path = "/photos/{id}", tag = "photos", operation_id = "get_photo",
    params(("id" = Uuid, Path, description = "Of the photo")),
    responses((status = 200, description = "The photo", body = PhotoView)),
)]
pub async fn show(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let photo = find(&state, &studio, id).await?;
    let mut view = PhotoView::from(&photo);
    let urls_age = Timestamp::now().as_second() / PICTURE_URLS_KNOWN;
    let tagged = etag::answer(&headers, &view, urls_age.to_be_bytes())?;
    let version = photo.development.as_ref().map(|made| made.processor_version);
    if let (Some(DerivativesView::Made(Pictures { preview, thumb })), Some(version), false) =
        (&mut view.derivatives, version, tagged.is_known())
    {
        for (view, picture) in [(preview, Picture::Preview), (thumb, Picture::Thumb)] {
            let key = ObjectKey::Derivative { studio: studio.clone(), photo: id, version, picture };
            view.url = Some(state.originals.presign_get(&key, None, PICTURE_URL_LIVES).await?);
        }
    }
    Ok(tagged.with(view))
}

/// Delete a photo
///
/// Its record, its original and its pictures. Refused while an order holds it, or a worker has it.
#[utoipa::path(
    delete, path = "/photos/{id}", tag = "photos", operation_id = "delete_photo",
    params(("id" = Uuid, Path, description = "Of the photo")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 409, description = "An order holds it, or it is being worked on", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn delete(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<StatusCode> {
    let now = state.clock.now();
    find(&state, &studio, id).await?;
    // Most refusals are found here, and write nothing.
    refuse_ordered(state.orders.holding(&studio, id, now).await?)?;
    // Marked, so that no order takes it from now on: then those that have it are all that ever will.
    let begun = state.photos.table.update(&studio, id, |photo: &mut Photo| photo.begin_deleting(now)).await?;
    let (mut photo, begun) = begun.ok_or_else(|| Problem::not_found("photo"))?;
    let under_way = || Problem::new(Kind::UnderWay, "The photo is being developed, or another request deletes it.");
    begun.map_err(|_| under_way())?;
    if !photo.is_condemned() {
        let order = state.orders.holding(&studio, id, now).await?;
        let decide = |photo: &mut Photo| {
            if order.is_none() {
                return photo.condemn();
            }
            photo.keep(now);
            Ok(())
        };
        let decided = state.photos.table.update(&studio, id, decide).await?;
        let (decided_photo, decided) = decided.ok_or_else(|| Problem::not_found("photo"))?;
        decided.map_err(|_| under_way())?;
        refuse_ordered(order)?;
        photo = decided_photo;
    }
    for picture in state.originals.list(&ObjectKey::derivatives_of(&studio, id)).await? {
        state.originals.delete(&picture).await?;
    }
    state.originals.delete(&photo.original()).await?;
    state.photos.table.delete(&studio, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refuse_ordered(order: Option<Uuid>) -> Result<(), Problem> {
    order.map_or(Ok(()), |order| {
        Err(Problem::new(Kind::PhotoOrdered, "An order holds the photo.").with("order_id", order))
    })
}

/// How a job is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HowToRun {
    /// `false`: it is waited for. Refused if it would take too long.
    #[schema(default = true)]
    queue: Option<bool>,
}

impl HowToRun {
    /// Is it waited for?
    pub fn wait(&self) -> bool {
        self.queue == Some(false)
    }
}

/// Develop a photo again
///
/// Until that is done, what was developed before stays in place.
#[utoipa::path(
    post, path = "/photos/{id}/process", tag = "photos", operation_id = "process_photo",
    params(("id" = Uuid, Path, description = "Of the photo")),
    request_body(content = Option<HowToRun>),
    responses(
        (status = 200, description = "Done; or failed for good, and says why", body = PhotoView),
        (status = 202, description = "On the queue", body = PhotoView),
        (status = 409, description = "It has no original yet, is under way, or a request with this Idempotency-Key is", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn process(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    allotted: Allotted,
    BodyOrNone(how): BodyOrNone<HowToRun>,
) -> ApiResult<(StatusCode, Json<PhotoView>)> {
    let found = find(&state, &studio, id).await?;
    if allotted.answered {
        return Ok((StatusCode::OK, Json((&found).into())));
    }
    if how.wait() {
        state.workers.check(at_once::photo(found.size))?;
    }
    // Uploaded, and S3's event was lost: the job makes up for it.
    let lost = found.status == PhotoStatus::AwaitingUpload && state.originals.head(&found.original()).await?.is_some();
    let now = state.clock.now();
    let set = state.photos.table.update(&studio, id, |photo: &mut Photo| {
        if photo.work.ordered_by == Some(allotted.id) {
            return Err(NotAgain::Repeated);
        }
        if lost && photo.status == PhotoStatus::AwaitingUpload {
            photo.work = photo.work.sent_again(now, Some(allotted.id))?;
            return Ok(());
        }
        photo.send_again(now, Some(allotted.id))
    });
    let (photo, set) = set.await?.ok_or_else(|| Problem::not_found("photo"))?;
    match set {
        Ok(()) | Err(NotAgain::Repeated) => {}
        Err(NotAgain::UnderWay) => return Err(Problem::new(Kind::UnderWay, "The photo is being developed.").into()),
        Err(NotAgain::Impossible) => {
            return Err(Problem::new(Kind::NotUploaded, "The photo has no original yet, or is being deleted.").into());
        }
    }
    let (photo, finished) = state.workers.dispatch(&state.photos, photo, how.wait(), allotted).await?;
    let status = if finished { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json((&photo).into())))
}

/// Which photos are to be developed again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Every one that was uploaded.
    All,
    /// Those that failed.
    Failed,
    /// Those that a processor older than `processor_version` developed.
    Older,
}

/// Which photos are to be developed again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessMany {
    /// Which.
    which: Which,
    /// With `older`: older than this; than the present one unless said.
    #[serde(default, deserialize_with = "integer")]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 4_294_967_295_u32)]
    processor_version: Option<u32>,
}

/// Develop many photos again
///
/// Goes through the queue page by page and survives crashes. `GET /operations/{id}` says how many are on the queue.
#[utoipa::path(
    post, path = "/photos/process", tag = "photos", operation_id = "process_photos", request_body = ProcessMany,
    responses((status = 202, description = "Begun", body = OperationStarted)),
)]
pub async fn process_many(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    allotted: Allotted,
    Body(many): Body<ProcessMany>,
) -> ApiResult<(StatusCode, Json<OperationStarted>)> {
    let which = match (many.which, many.processor_version) {
        (Which::All, None) => Photos::All,
        (Which::Failed, None) => Photos::Failed,
        (Which::Older, version @ (None | Some(1..))) => {
            Photos::Older { processor_version: version.unwrap_or(shared::photo::PROCESSOR_VERSION) }
        }
        _ => {
            return Err(
                Problem::invalid("processor_version", "It is 1 or more, and belongs to older photos only.").into()
            );
        }
    };
    let task = Task::Regenerate { which };
    let operation = Operation::new(studio, allotted.id, QueueName::Photos, task, state.clock.now());
    operations::begin(&state, operation, allotted).await
}
