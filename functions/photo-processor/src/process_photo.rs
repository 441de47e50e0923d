//! The job `process_photo`: look up the original, claim, copy it from its source if it
//! has one, read, develop, store the pictures, complete.
//!
//! An original of more than 256 MiB is hashed instead of developed: it can be delivered, but has no pictures.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use develop::{Developed, Jpeg, Limits, develop, sniff};
use domain::{
    JobError, ObjectKey, Studio,
    event::Event,
    job_state::{AttemptId, Claim},
    object_key::Picture,
    photo::{Derivative, Derivatives, Development, MAX_ORIGINAL_BYTES, PROCESSOR_VERSION, Photo, PhotoStatus},
    record::ListIndex,
};
use jiff::Timestamp;
use runtime::{
    aws::broken_off,
    lease::{Ended, Lease},
    metrics,
    objects::Head,
    store::{IdRange, Table},
    worker::JobHandler,
};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tracing::{Span, info, info_span};
use uuid::Uuid;

use crate::{
    intake::{self, Stored},
    large_original, sidecars,
    state::State,
};

/// Number of older photos with the same original that are looked at.
const DUPLICATES: usize = 20;

/// Handler of the job `process_photo`. S3's own events count as this job too.
pub struct ProcessPhoto(pub Arc<State>);

impl JobHandler for ProcessPhoto {
    const NAME: &'static str = "process_photo";
    type Record = Photo;
    /// Attributes of the original, if it is stored.
    type Prepared = Option<Head>;

    fn table(&self) -> &Arc<Table<Photo>> {
        &self.0.photos
    }

    fn span(studio: &Studio, id: Uuid) -> Span {
        info_span!("process_photo", %studio, photo.id = %id)
    }

    async fn prepare(&self, studio: &Studio, id: Uuid) -> Result<Option<Head>, JobError> {
        Ok(self.0.objects.head(&original(studio, id)).await?)
    }

    fn claim(photo: &mut Photo, by: AttemptId, now: Timestamp, lease_until: Timestamp, head: &Option<Head>) -> Claim {
        photo.claim(by, now, lease_until, head.as_ref().map(|head| head.etag.as_str()))
    }

    async fn run(&self, lease: Arc<Lease<Photo>>, head: &Option<Head>) -> Result<Photo, JobError> {
        process(&self.0, &lease, head.as_ref()).await
    }

    async fn follow_up(
        &self,
        (studio, id): (&Studio, Uuid),
        ended: &Ended<Photo>,
        head: &Option<Head>,
        _: Timestamp,
    ) -> Result<(), JobError> {
        if let Some(photo) = &ended.at_rest {
            self.0.events.publish_all(Event::of_photo(photo)).await?;
        }
        if let Some(photo) = &ended.at_rest
            && photo.status == PhotoStatus::Ready
        {
            intake::delete_source(&self.0, photo).await?;
        }
        if ended.without_work && self.0.tombstones.has(studio, id).await? {
            // S3 stored a picture after the deletion, whose request was under way.
            for picture in self.0.objects.list(&ObjectKey::derivatives_of(studio, id)).await? {
                self.0.objects.delete(&picture).await?;
            }
            if head.is_some() {
                // The original arrived through an upload URL that was valid longer than the photo existed.
                self.0.objects.delete(&original(studio, id)).await?;
                info!("Deleted an original that arrived after its photo was deleted");
            }
            // The request that announced the photo arrived late once more, and has created it again.
            let is_awaited = |photo: &Photo| photo.status == PhotoStatus::AwaitingUpload && !photo.ordered;
            self.0.photos.delete_if(studio, id, is_awaited).await?;
        }
        Ok(())
    }
}

fn original(studio: &Studio, photo: Uuid) -> ObjectKey {
    ObjectKey::Original { studio: studio.clone(), photo }
}

async fn process(state: &State, lease: &Lease<Photo>, head: Option<&Head>) -> Result<Photo, JobError> {
    let started = Instant::now();
    let photo = &lease.record;
    let stored = match (head, &photo.source) {
        (Some(head), source) => intake::check(head.into(), source.as_ref())?,
        (None, Some(source)) => intake::copy(state, photo, source).await?,
        (None, None) => return Err(intake::original_missing()),
    };
    let mut development = if stored.size > MAX_ORIGINAL_BYTES {
        without_pictures(state, photo, &stored).await?
    } else {
        with_pictures(state, lease, &stored).await?
    };
    development.exif = sidecars::enrich(state, photo, development.exif).await?;
    let duplicate_of = older_photo(state, photo, &development.sha256).await?;
    let (now, Stored { etag, size }) = (lease.now(), stored);
    let complete = |photo: &mut Photo| photo.complete(lease.by, now, (&etag, size), development.clone(), duplicate_of);
    let ready = lease.change(complete).await?;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    metrics::bytes(size);
    info!(size_bytes = size, width = development.width, height = development.height, duration_ms, "Photo ready");
    Ok(ready)
}

/// Returns the oldest ready photo of the studio that has the same original and is older than this one. The index lags
/// behind, so two photos that are processed at the same time do not find each other.
async fn older_photo(state: &State, photo: &Photo, sha256: &str) -> Result<Option<Uuid>, JobError> {
    let older = |other: &Photo| other.id < photo.id && other.status == PhotoStatus::Ready;
    let range = IdRange { after: Some(photo.id), since: None };
    let found = state.photos.list_by(&photo.studio, (ListIndex::Sha256, sha256), range, DUPLICATES, older).await?;
    Ok(found.items.last().map(|photo| photo.id))
}

/// Develops an original in memory.
async fn with_pictures(state: &State, lease: &Lease<Photo>, stored: &Stored) -> Result<Development, JobError> {
    let photo = &lease.record;
    let original = read(state, &photo.original(), stored).await?;
    let filename = photo.filename.clone();
    // Runs off the executor, because a large photo takes seconds of CPU.
    let developed = lease
        .world()
        .compute(move || develop(&original, &filename, &Limits::default()))
        .await?
        .map_err(|refusal| JobError::reject(refusal.code(), refusal.to_string()))?;
    check_declared(photo, &developed.sha256)?;
    store(state, photo, developed).await
}

/// Hashes an original that is too large to be developed.
async fn without_pictures(state: &State, photo: &Photo, stored: &Stored) -> Result<Development, JobError> {
    let hashed = large_original::hash(&state.objects, &photo.original(), stored).await?;
    let sniffed = sniff(&hashed.start, &photo.filename)
        .map_err(|refusal| JobError::reject(refusal.code(), refusal.to_string()))?;
    check_declared(photo, &hashed.sha256)?;
    Ok(Development {
        sniffed_content_type: sniffed.content_type.to_owned(),
        sha256: hex::encode(hashed.sha256),
        crc32: hashed.crc32,
        width: None,
        height: None,
        orientation: sniffed.orientation,
        exif: sniffed.exif,
        thumbhash: None,
        derivatives: Derivatives::UnsupportedFormat,
        processor_version: PROCESSOR_VERSION,
    })
}

/// Reads the whole original into memory, because it is hashed and decoders read it more than once.
async fn read(state: &State, key: &ObjectKey, stored: &Stored) -> Result<Bytes, JobError> {
    let body = state.objects.open(key, &stored.etag).await.map_err(large_original::unreadable)?;
    Ok(body.collect().await.map_err(|error| broken_off("Failed to read an original", error))?.into_bytes())
}

fn check_declared(photo: &Photo, sha256: &[u8; 32]) -> Result<(), JobError> {
    let declared = photo.declared_sha256.as_deref();
    if declared.is_some_and(|declared| declared != hex::encode(sha256)) {
        let message =
            "The file that arrived is not the one that was announced (its SHA-256 differs). Please upload it again.";
        return Err(JobError::reject("checksum_mismatch", message));
    }
    Ok(())
}

async fn store(state: &State, photo: &Photo, developed: Developed) -> Result<Development, JobError> {
    let (derivatives, thumbhash) = match developed.derivatives {
        develop::Derivatives::UnsupportedFormat => (Derivatives::UnsupportedFormat, None),
        develop::Derivatives::Made { preview, thumb, thumbhash } => {
            let preview = put(state, photo, Picture::Preview, preview).await?;
            let thumb = put(state, photo, Picture::Thumb, thumb).await?;
            (Derivatives::Made { preview, thumb }, Some(STANDARD.encode(thumbhash)))
        }
    };
    Ok(Development {
        sniffed_content_type: developed.content_type.to_owned(),
        sha256: hex::encode(developed.sha256),
        crc32: developed.crc32,
        width: developed.dimensions.map(|(width, _)| width),
        height: developed.dimensions.map(|(_, height)| height),
        orientation: developed.orientation,
        exif: developed.exif,
        thumbhash,
        derivatives,
        processor_version: PROCESSOR_VERSION,
    })
}

/// Stores a picture, unless the record has the same one. Stored again, it would have another ETag if S3 encrypts with a
/// KMS key, and archives in progress need the ETag on the record.
async fn put(state: &State, photo: &Photo, picture: Picture, jpeg: Jpeg) -> Result<Derivative, JobError> {
    let key =
        ObjectKey::Derivative { studio: photo.studio.clone(), photo: photo.id, version: PROCESSOR_VERSION, picture };
    let (width, height, size, crc32) = (jpeg.width, jpeg.height, jpeg.bytes.len() as u64, jpeg.crc32);
    let sha256 = hex::encode(Sha256::digest(&jpeg.bytes));
    if let Some(kept) = on_record(photo, picture).filter(|kept| kept.sha256 == sha256)
        && state.objects.head(&key).await?.is_some_and(|head| head.etag == kept.etag)
    {
        return Ok(kept.clone());
    }
    let etag = state.objects.put(&key, jpeg.bytes.into()).await?;
    Ok(Derivative { width, height, size, crc32, sha256, etag })
}

/// Returns the picture that this version of the processor has made before.
fn on_record(photo: &Photo, picture: Picture) -> Option<&Derivative> {
    let made = photo.development.as_ref().filter(|made| made.processor_version == PROCESSOR_VERSION)?;
    match (&made.derivatives, picture) {
        (Derivatives::Made { preview, .. }, Picture::Preview) => Some(preview),
        (Derivatives::Made { thumb, .. }, Picture::Thumb) => Some(thumb),
        (Derivatives::UnsupportedFormat, _) => None,
    }
}
