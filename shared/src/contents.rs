//! What goes into an archive: an order's photos, as ordered, under safe names, with a manifest. Pure.

use shared::{
    JobError, ObjectKey,
    download::{Download, Variant},
    object_key::Picture,
    order::Order,
    photo::{Derivatives, Photo, TakenAt},
};
use uuid::Uuid;

use crate::zip::{Entry, EntryNames, Layout, Manifest, ManifestPhoto, Modified, OriginalName};

/// Where an entry's bytes are to be had.
#[derive(Debug, Clone)]
pub struct Source {
    /// Which photo.
    pub photo: Uuid,
    /// Its name, for sentences.
    pub filename: String,
    /// The object.
    pub key: ObjectKey,
    /// The object's ETag when it was hashed.
    pub etag: String,
}

struct File {
    source: Source,
    content_type: String,
    size: u64,
    crc32: u32,
    sha256: String,
    width: Option<u32>,
    height: Option<u32>,
    modified: Modified,
    taken_at: Option<String>,
}

/// Lays out the archive of these photos, which must be all of the order's, in its order.
pub fn contents(download: &Download, order: &Order, photos: &[Photo]) -> Result<Layout<Source>, JobError> {
    let files = photos.iter().map(|photo| file(photo, download.variant)).collect::<Result<Vec<_>, _>>()?;
    let original_names = files
        .iter()
        .zip(photos)
        .map(|(file, photo)| OriginalName { filename: &photo.filename, content_type: Some(&file.content_type) });
    let names = EntryNames::new(&format!("Order-{}", order.reference), original_names);
    let manifest = files.iter().zip(names.files()).map(|(file, name)| ManifestPhoto {
        name,
        original_filename: file.source.filename.clone(),
        photo_id: file.source.photo,
        size: file.size,
        sha256: file.sha256.clone(),
        content_type: file.content_type.clone(),
        width: file.width,
        height: file.height,
        taken_at: file.taken_at.clone(),
    });
    let manifest = Manifest::new(&order.reference, manifest.collect()).to_json()?;
    let written = Modified::at(download.created_at);
    let mut entries: Vec<_> = files
        .into_iter()
        .zip(names.files())
        .map(|(file, name)| Entry::stored(name, file.modified, file.size, file.crc32, file.source))
        .collect();
    entries.push(Entry::inline(names.manifest(), written, manifest));
    Layout::new(entries).map_err(|error| JobError::reject("archive_impossible", error.to_string()))
}

fn file(photo: &Photo, variant: Variant) -> Result<File, JobError> {
    let not_ready = || JobError::reject("photo_not_ready", format!("{} is not ready.", named(photo)));
    let made = photo.development.as_ref().filter(|_| photo.is_ready()).ok_or_else(not_ready)?;
    let taken = made.exif.taken_at.as_ref();
    let modified = taken.and_then(|taken| Modified::taken(&taken.local, taken.offset.as_deref()));
    let modified = modified.unwrap_or_else(|| Modified::at(photo.uploaded_at.unwrap_or(photo.created_at)));
    let taken_at = taken.map(|TakenAt { local, offset }| format!("{local}{}", offset.as_deref().unwrap_or_default()));
    let (studio, version) = (photo.studio.clone(), made.processor_version);
    let source =
        |key, etag: &str| Source { photo: photo.id, filename: photo.filename.clone(), key, etag: etag.to_owned() };
    Ok(match (variant, &made.derivatives) {
        (Variant::Original, _) => File {
            source: source(photo.original(), photo.etag.as_deref().ok_or_else(not_ready)?),
            content_type: made.sniffed_content_type.clone(),
            size: photo.size,
            crc32: made.crc32,
            sha256: made.sha256.clone(),
            width: made.width,
            height: made.height,
            modified,
            taken_at,
        },
        (Variant::Web, Derivatives::Made { preview, .. }) => File {
            source: source(
                ObjectKey::Derivative { studio, photo: photo.id, version, picture: Picture::Preview },
                &preview.etag,
            ),
            content_type: "image/jpeg".into(),
            size: preview.size,
            crc32: preview.crc32,
            sha256: preview.sha256.clone(),
            width: Some(preview.width),
            height: Some(preview.height),
            modified,
            taken_at,
        },
        (Variant::Web, Derivatives::UnsupportedFormat) => {
            return Err(JobError::reject("no_web_version", format!("{} has no web version.", named(photo))));
        }
    })
}

fn named(photo: &Photo) -> String {
    format!("Photo {} ({})", photo.filename, photo.id)
}
