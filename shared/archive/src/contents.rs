//! Contents of an archive: an order's photos in the order's sequence, under safe names, with a manifest.

use domain::{
    ObjectKey, RecordError,
    download::{BuiltFile, Download, Variant},
    language::Language,
    object_key::Picture,
    order::Order,
    photo::{Derivatives, Photo, TakenAt},
};
use uuid::Uuid;

use crate::{
    Entry, EntryNames, Layout, LayoutError, Manifest, ManifestPhoto, Modified, OrderNames, OriginalName, file_name,
};

/// Largest number of archives that a download is split into. The record contains the names of all archives.
pub const MAX_VOLUMES: usize = 100;

/// Content type of web versions.
const WEB_CONTENT_TYPE: &str = "image/jpeg";

/// Source of an entry's bytes.
#[derive(Debug, Clone)]
pub struct Source {
    /// Id of the photo.
    pub photo: Uuid,
    /// File name of the photo, for error messages.
    pub filename: String,
    /// Key of the object.
    pub key: ObjectKey,
    /// ETag of the object when it was hashed.
    pub etag: String,
}

impl Source {
    /// Returns the error of a source that was deleted after the order.
    pub fn missing(&self) -> RecordError {
        self.refused("photo_missing", "is not stored anymore.")
    }

    /// Returns the error of a source that is another object than the one that was processed.
    pub fn changed(&self) -> RecordError {
        self.refused("photo_changed", "was replaced after it was processed.")
    }

    /// Returns the error of a source whose bytes are not those that were processed.
    pub fn corrupt(&self) -> RecordError {
        self.refused("photo_corrupt", "has changed since it was processed (its CRC-32 differs).")
    }

    fn refused(&self, code: &str, what: &str) -> RecordError {
        RecordError::new(code, format!("Photo {} ({}) {what}", self.filename, self.photo))
    }
}

/// Reason why photos cannot be archived.
///
/// The type does not implement `std::error::Error`, so that `?` does not convert it to an error that is retried.
#[derive(Debug)]
pub enum ContentsError {
    /// The photo has no record.
    PhotoMissing(Uuid),
    /// The photo is not processed.
    PhotoNotReady(PhotoName),
    /// The photo has no preview, but the download delivers previews.
    NoWebVersion(PhotoName),
    /// The download would need more than [`MAX_VOLUMES`] archives.
    TooManyArchives,
    /// The entries do not form a ZIP file.
    Impossible(LayoutError),
    /// The manifest cannot be serialized.
    Manifest(serde_json::Error),
}

/// A photo's id and file name, for error messages.
#[derive(Debug, Clone)]
pub struct PhotoName {
    id: Uuid,
    filename: String,
}

impl From<&Photo> for PhotoName {
    fn from(photo: &Photo) -> Self {
        Self { id: photo.id, filename: photo.filename.clone() }
    }
}

impl From<serde_json::Error> for ContentsError {
    fn from(error: serde_json::Error) -> Self {
        Self::Manifest(error)
    }
}

impl ContentsError {
    /// Returns the error as stored on a record: code and sentence.
    pub fn to_record_error(&self) -> RecordError {
        match self {
            Self::PhotoMissing(id) => RecordError::new("photo_missing", format!("Photo {id} does not exist anymore.")),
            Self::PhotoNotReady(PhotoName { id, filename }) => {
                RecordError::new("photo_not_ready", format!("Photo {filename} ({id}) is not ready."))
            }
            Self::NoWebVersion(PhotoName { id, filename }) => {
                RecordError::new("no_web_version", format!("Photo {filename} ({id}) has no web version."))
            }
            Self::TooManyArchives => {
                let sentence = format!("The download would be split into more than {MAX_VOLUMES} archives.");
                RecordError::new("too_many_archives", sentence)
            }
            Self::Impossible(error) => RecordError::new("archive_impossible", error.to_string()),
            Self::Manifest(error) => RecordError::new("archive_impossible", error.to_string()),
        }
    }
}

/// The part of a photo's record that an archive needs.
#[derive(Debug)]
pub struct File {
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

/// Lays out the archive of these photos, which must be all photos of the order in its sequence. Returns several layouts
/// if the download is split. Each is a complete archive, and file names are unique across all of them.
pub fn contents(download: &Download, order: &Order, files: Vec<File>) -> Result<Vec<Layout<Source>>, ContentsError> {
    let originals = files
        .iter()
        .map(|file| OriginalName { filename: &file.source.filename, content_type: Some(&file.content_type) });
    let order_names = order_names(order);
    let (names, manifests) = match download.split_bytes {
        None => (EntryNames::new(&order_names, originals), 0),
        Some(_) => (EntryNames::for_volumes(&order_names, originals, MAX_VOLUMES), MAX_VOLUMES),
    };
    let mut waiting = names.files().zip(files).collect::<Vec<(String, File)>>().into_iter();
    let mut layouts = Vec::new();
    while !waiting.as_slice().is_empty() {
        // Refused before the layout, because the layouts of 10,000 archives would fill a function's memory.
        if layouts.len() == MAX_VOLUMES {
            return Err(ContentsError::TooManyArchives);
        }
        let fit = match download.split_bytes {
            None => waiting.len(),
            Some(most) => fitting(waiting.as_slice(), most)?,
        };
        let manifest = if manifests == 0 { names.manifest() } else { names.manifest_of(layouts.len() + 1) };
        layouts.push(layout(order, waiting.by_ref().take(fit).collect(), manifest)?);
    }
    Ok(layouts)
}

/// Returns the file name of one of an order's archives, by its number from 1, in the customer's language.
pub fn archive_name(order: &Order, number: usize, archives: usize) -> String {
    let names = order_names(order);
    if archives > 1 { names.volume(number, archives) } else { names.archive() }
}

/// Returns the file name of a photo that is delivered by itself in this variant.
pub fn photo_name(photo: &Photo, variant: Variant) -> String {
    file_name(OriginalName { filename: &photo.filename, content_type: content_type(photo, variant) })
}

/// Returns the content type of what is delivered of a photo in this variant; `None` if the photo is not processed.
pub fn content_type(photo: &Photo, variant: Variant) -> Option<&str> {
    let made = photo.development.as_ref()?;
    Some(match (variant, &made.derivatives) {
        (Variant::Web, Derivatives::Made { .. }) => WEB_CONTENT_TYPE,
        _ => &made.sniffed_content_type,
    })
}

fn order_names(order: &Order) -> OrderNames {
    OrderNames::new(&order.reference, Language::of(&order.customer.locale))
}

/// Returns the planned archives of these layouts.
pub fn archives(download: &Download, layouts: &[Layout<Source>]) -> Vec<BuiltFile> {
    let file = |(volume, layout): (u32, &Layout<Source>)| BuiltFile {
        path: download.archive((layouts.len() > 1).then_some(volume)).to_string(),
        size: layout.size(),
        crc32: layout.crc32(),
    };
    (1..).zip(layouts).map(file).collect()
}

fn layout(order: &Order, named: Vec<(String, File)>, manifest_name: String) -> Result<Layout<Source>, ContentsError> {
    let listed = named.iter().map(|(name, file)| file.listed(name.clone()));
    let manifest = Manifest::new(&order.reference, listed.collect()).to_json()?;
    let mut entries: Vec<_> = named
        .into_iter()
        .map(|(name, file)| Entry::stored(name, file.modified, file.size, file.crc32, file.source))
        .collect();
    // The time of the order, so that a later download of the same photos has the same bytes and can be copied.
    entries.push(Entry::inline(manifest_name, Modified::at(order.created_at), manifest));
    Layout::new(entries).map_err(ContentsError::Impossible)
}

/// Returns how many of these files fit into an archive of `most` bytes, at least one.
fn fitting(named: &[(String, File)], most: u64) -> Result<usize, ContentsError> {
    /// Bytes of an archive besides its files: manifest frame and name, and end records.
    const FRAME: u64 = 1_000;
    let mut size = FRAME;
    for (n, (name, file)) in named.iter().enumerate() {
        size = size.saturating_add(file.size).saturating_add(file.overhead(name)?);
        if size > most {
            return Ok(n.max(1));
        }
    }
    Ok(named.len())
}

impl File {
    /// Creates the file of a photo, which must be ready.
    pub fn of(photo: &Photo, variant: Variant) -> Result<Self, ContentsError> {
        let not_ready = || ContentsError::PhotoNotReady(photo.into());
        let made = photo.development.as_ref().filter(|_| photo.is_ready()).ok_or_else(not_ready)?;
        let taken = made.exif.taken_at.as_ref();
        let modified = taken.and_then(|taken| Modified::taken(&taken.local, taken.offset.as_deref()));
        let modified = modified.unwrap_or_else(|| Modified::at(photo.uploaded_at.unwrap_or(photo.created_at)));
        let taken_at =
            taken.map(|TakenAt { local, offset }| format!("{local}{}", offset.as_deref().unwrap_or_default()));
        let (studio, version) = (photo.studio.clone(), made.processor_version);
        let source =
            |key, etag: &str| Source { photo: photo.id, filename: photo.filename.clone(), key, etag: etag.to_owned() };
        Ok(match (variant, &made.derivatives) {
            (Variant::Original, _) => Self {
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
            (Variant::Web, Derivatives::Made { preview, .. }) => Self {
                source: source(
                    ObjectKey::Derivative { studio, photo: photo.id, version, picture: Picture::Preview },
                    &preview.etag,
                ),
                content_type: WEB_CONTENT_TYPE.into(),
                size: preview.size,
                crc32: preview.crc32,
                sha256: preview.sha256.clone(),
                width: Some(preview.width),
                height: Some(preview.height),
                modified,
                taken_at,
            },
            (Variant::Web, Derivatives::UnsupportedFormat) => {
                return Err(ContentsError::NoWebVersion(photo.into()));
            }
        })
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn listed(&self, name: String) -> ManifestPhoto {
        ManifestPhoto {
            name,
            original_filename: self.source.filename.clone(),
            photo_id: self.source.photo,
            size: self.size,
            sha256: self.sha256.clone(),
            content_type: self.content_type.clone(),
            width: self.width,
            height: self.height,
            taken_at: self.taken_at.clone(),
        }
    }

    /// Returns the largest number of bytes that the file takes in an archive besides its content.
    fn overhead(&self, name: &str) -> Result<u64, ContentsError> {
        /// Largest size of both headers, without the name: 30 + 46, with extra fields of 29 and 37.
        const HEADERS: u64 = 142;
        /// Indentation in the manifest: four bytes more for each of the up to eleven lines of a photo.
        const INDENTED: u64 = 50;
        let listed = serde_json::to_vec_pretty(&self.listed(name.to_owned()))?.len() as u64;
        Ok(HEADERS + 2 * name.len() as u64 + listed + INDENTED)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn download(split_bytes: u64) -> Download {
        let id = Uuid::nil();
        serde_json::from_value(json!({
            "studio": "anna", "id": id, "order": id, "status": "pending", "kind": "batch", "variant": "original", "build": 1,
            "split_bytes": split_bytes, "photo_count": 1, "progress": { "done": 0, "total": 1 }, "work": { "attempts": 0 },
            "expires_in_days": 7, "download_count": 0, "generation": 1, "notify": true,
            "created_at": Timestamp::UNIX_EPOCH,
        }))
        .expect("a download")
    }

    fn order() -> Order {
        let customer = json!({ "name": "Eva", "email": "eva@example.com", "locale": "en" });
        serde_json::from_value(json!({
            "studio": "anna", "id": Uuid::nil(), "status": "open", "reference": "A-1", "customer": customer, "photo_count": 1,
            "created_at": Timestamp::UNIX_EPOCH,
        }))
        .expect("an order")
    }

    fn file(size: u64) -> File {
        let (studio, photo) = ("anna".parse().expect("valid"), Uuid::nil());
        let key = ObjectKey::Original { studio, photo };
        File {
            source: Source { photo, filename: "a.jpg".into(), key, etag: "e".into() },
            content_type: "image/jpeg".into(),
            size,
            crc32: 0,
            sha256: String::new(),
            width: None,
            height: None,
            modified: Modified::at(Timestamp::UNIX_EPOCH),
            taken_at: None,
        }
    }

    fn photo(derivatives: &serde_json::Value) -> Photo {
        let made = json!({
            "sniffed_content_type": "image/png", "sha256": "", "crc32": 0, "orientation": 1, "processor_version": 1,
            "exif": {}, "derivatives": derivatives,
        });
        serde_json::from_value(json!({
            "studio": "anna", "id": Uuid::nil(), "status": "ready", "filename": "C:\\Bilder\\Tulips.tif",
            "content_type": "image/tiff", "size": 1, "development": made, "work": { "attempts": 0 },
            "created_at": Timestamp::UNIX_EPOCH,
        }))
        .expect("a photo")
    }

    #[test]
    fn variant_determines_the_extension() {
        let preview = json!({ "width": 1, "height": 1, "size": 1, "etag": "e", "crc32": 0, "sha256": "" });
        let previewed = photo(&json!({ "made": { "preview": preview, "thumb": preview } }));
        assert_eq!(photo_name(&previewed, Variant::Web), "Tulips.jpg");
        assert_eq!(photo_name(&previewed, Variant::Original), "Tulips.png");
        let bare = photo(&json!("unsupported_format"));
        assert_eq!(photo_name(&bare, Variant::Web), "Tulips.png", "the original is delivered");
    }

    #[test]
    fn archives_are_named_in_language_of_customer() {
        let mut order = order();
        assert_eq!(archive_name(&order, 1, 1), "A-1.zip");
        assert_eq!(archive_name(&order, 2, 3), "A-1 2 of 3.zip");
        order.customer.locale = "de-AT".parse().expect("valid");
        assert_eq!(archive_name(&order, 2, 3), "A-1 2 von 3.zip");
        let layouts = contents(&download(1_000_000), &order, vec![file(1)]).expect("possible");
        let names: Vec<_> = layouts[0].entries().iter().map(Entry::name).collect();
        assert_eq!(names, ["Bestellung-A-1/a.jpg", "Bestellung-A-1/manifest-1.json"]);
    }

    #[test]
    fn more_than_hundred_archives_are_refused() {
        let of = |files: usize| {
            let files = (0..files).map(|_| file(900_000)).collect();
            contents(&download(1_000_000), &order(), files).map(|layouts| layouts.len())
        };
        assert_eq!(of(MAX_VOLUMES).ok(), Some(MAX_VOLUMES));
        for too_many in [MAX_VOLUMES + 1, 10_000] {
            let error = of(too_many).expect_err("too many");
            assert_eq!(error.to_record_error().code, "too_many_archives");
        }
    }
}
