//! Leftovers of an earlier attempt: intermediate objects and open uploads.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use domain::{Studio, object_key::ObjectKey};
use runtime::aws::failed;
use tracing::warn;
use uuid::Uuid;

use super::Uploads;

/// S3: at most 1,000 keys per delete request.
const MAX_DELETE: usize = 1_000;

/// Objects and uploads under a build's keys, except its results.
#[derive(Debug, Default, Clone)]
pub struct Found {
    /// Intermediate objects by key: size in bytes and ETag.
    pub objects: HashMap<String, (u64, String)>,
    /// Open uploads by key.
    pub uploads: HashMap<String, Vec<String>>,
}

impl Uploads {
    /// Finds all leftovers of a build.
    pub async fn find(&self, studio: &Studio, download: Uuid, build: u32) -> Result<Found> {
        let (work, archives) =
            (ObjectKey::work_of(studio, download, build), ObjectKey::archives_of(studio, download, build));
        let mut found = Found { objects: self.list(&work).await?, uploads: self.open(&work).await? };
        found.uploads.extend(self.open(&archives).await?);
        Ok(found)
    }

    /// Aborts the uploads and deletes the objects, after a failure or when the archive is complete.
    pub async fn clear(&self, found: Found) -> Result<()> {
        for (key, ids) in found.uploads {
            for id in ids {
                self.abort(key.clone(), &id).await?;
            }
        }
        self.delete(found.objects.into_keys().collect()).await
    }

    /// Deletes objects. Missing objects are not an error.
    pub async fn delete(&self, keys: Vec<String>) -> Result<()> {
        for chunk in keys.chunks(MAX_DELETE) {
            let keys = chunk.iter().map(|key| ObjectIdentifier::builder().key(key).build());
            let keys = keys.collect::<Result<Vec<_>, _>>()?;
            let delete = Delete::builder().set_objects(Some(keys)).quiet(true).build()?;
            let answer = self.client.delete_objects().bucket(&self.bucket).delete(delete).send().await;
            let errors = answer.map_err(|error| failed("Failed to delete objects", error))?.errors.unwrap_or_default();
            if let Some(error) = errors.first() {
                warn!(code = error.code(), count = errors.len(), "Intermediate objects could not be deleted");
                bail!("{} objects could not be deleted", errors.len());
            }
        }
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<HashMap<String, (u64, String)>> {
        let (mut objects, mut next) = (HashMap::new(), None);
        loop {
            let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).set_continuation_token(next);
            let page = list.send().await.map_err(|error| failed("Failed to list intermediate objects", error))?;
            for object in page.contents.unwrap_or_default() {
                let size = object.size.and_then(|size| u64::try_from(size).ok());
                let (Some(key), Some(size), Some(etag)) = (object.key, size, object.e_tag) else {
                    bail!("S3 listed an object without key, size or ETag")
                };
                objects.insert(key, (size, etag));
            }
            next = page.next_continuation_token;
            if next.is_none() {
                return Ok(objects);
            }
        }
    }

    async fn open(&self, prefix: &str) -> Result<HashMap<String, Vec<String>>> {
        let (mut uploads, mut next): (HashMap<_, Vec<_>>, _) = (HashMap::new(), None);
        loop {
            let (key, id) = next.unzip();
            let list = self.client.list_multipart_uploads().bucket(&self.bucket).prefix(prefix);
            let list = list.set_key_marker(key).set_upload_id_marker(id);
            let page = list.send().await.map_err(|error| failed("Failed to list open uploads", error))?;
            for upload in page.uploads.unwrap_or_default() {
                let key: String = upload.key.context("S3 listed an upload without a key")?;
                uploads.entry(key).or_default().push(upload.upload_id.context("S3 listed an upload without an id")?);
            }
            next = page.next_key_marker.zip(page.next_upload_id_marker).filter(|_| page.is_truncated == Some(true));
            if next.is_none() {
                return Ok(uploads);
            }
        }
    }
}
