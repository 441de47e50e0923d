//! Metadata from XMP sidecars, which the housekeeper has stored.

use domain::{
    JobError, ObjectKey,
    incoming::sidecars_of,
    photo::{Exif, Photo},
};

use crate::state::State;

/// Adds the metadata of the photo's sidecars to that of its original. Only photos of S3 clients have sidecars, and photos in
/// a folder.
pub async fn enrich(state: &State, photo: &Photo, mut exif: Exif) -> Result<Exif, JobError> {
    if photo.source.is_none() && photo.folder.is_none() {
        return Ok(exif);
    }
    // The sidecar that names the whole file takes precedence.
    for id in sidecars_of(photo.folder.as_deref(), &photo.filename).into_iter().rev() {
        let key = ObjectKey::Sidecar { studio: photo.studio.clone(), id };
        if let Some(xmp) = state.objects.get(&key).await? {
            exif = exif.enriched_by(develop::read_sidecar(&xmp));
        }
    }
    Ok(exif)
}
