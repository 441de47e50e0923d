//! The job `process_photo`: look up the original, claim, read, develop, store the pictures, complete.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use develop::{Developed, Jpeg, Limits, develop};
use domain::{
    JobError, ObjectKey, Studio,
    job_state::{AttemptId, Claim},
    object_key::Picture,
    photo::{Derivative, Derivatives, Development, MAX_ORIGINAL_BYTES, PROCESSOR_VERSION, Photo},
};
use jiff::Timestamp;
use runtime::{
    aws::broken_off,
    lease::{Ended, Lease},
    metrics,
    objects::{GetError, Head},
    store::Table,
    worker::JobHandler,
};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tracing::{Span, info, info_span};
use uuid::Uuid;

use crate::state::State;

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
        // The original arrived through an upload URL that was valid longer than the photo existed.
        if ended.without_work && head.is_some() && self.0.tombstones.has(studio, id).await? {
            self.0.objects.delete(&original(studio, id)).await?;
            info!("Deleted an original that arrived after its photo was deleted");
        }
        Ok(())
    }
}

fn original(studio: &Studio, photo: Uuid) -> ObjectKey {
    ObjectKey::Original { studio: studio.clone(), photo }
}

async fn process(state: &State, lease: &Lease<Photo>, head: Option<&Head>) -> Result<Photo, JobError> {
    let started = Instant::now();
    let gone = || JobError::reject("original_missing", "The original is not stored anymore. Please upload it again.");
    let head = head.ok_or_else(gone)?;
    let photo = &lease.record;
    let original = read(state, &original(&photo.studio, photo.id), head).await?;
    let size = head.size;
    let filename = photo.filename.clone();
    // Runs off the executor, because a large photo takes seconds of CPU.
    let developed = lease
        .world()
        .compute(move || develop(&original, &filename, &Limits::default()))
        .await?
        .map_err(|refusal| JobError::reject(refusal.code(), refusal.to_string()))?;
    check_declared(photo, &developed)?;
    let development = store(state, photo, developed).await?;
    let now = lease.now();
    let ready = lease.change(|photo| photo.complete(lease.by, now, size, development.clone())).await?;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    metrics::bytes(size);
    info!(size_bytes = size, width = development.width, height = development.height, duration_ms, "Photo ready");
    Ok(ready)
}

/// Reads the whole original into memory, because it is hashed and decoders read it more than once.
async fn read(state: &State, key: &ObjectKey, head: &Head) -> Result<Bytes, JobError> {
    if head.size > MAX_ORIGINAL_BYTES {
        let mib = MAX_ORIGINAL_BYTES >> 20;
        let message = format!("The file is larger than the {mib} MiB that a photo may have.");
        return Err(JobError::reject("too_large", message));
    }
    match state.objects.open(key, &head.etag).await {
        Ok(body) => {
            Ok(body.collect().await.map_err(|error| broken_off("Failed to read an original", error))?.into_bytes())
        }
        // Replaced between HEAD and GET. The next attempt reads the new one.
        Err(GetError::Changed | GetError::Missing) => Err(anyhow::anyhow!("The original was changed meanwhile").into()),
        Err(GetError::Other(error)) => Err(error.into()),
    }
}

fn check_declared(photo: &Photo, developed: &Developed) -> Result<(), JobError> {
    let declared = photo.declared_sha256.as_deref();
    if declared.is_some_and(|declared| declared != hex::encode(developed.sha256)) {
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
