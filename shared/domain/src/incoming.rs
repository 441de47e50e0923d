//! Objects that any S3 client stores under `incoming/{studio}/{path}`: their paths, sidecars and checksums.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::object_key::{DERIVATIVES, INCOMING, LOGOS, ORIGINALS, ObjectKey, SIDECARS};

/// Namespace of the UUIDv5 ids that are derived from sidecars.
const NAMESPACE: Uuid = Uuid::from_u128(0x2f5e_8d11_7c0a_4b0e_9a5d_3c61_e0b7_41aa);

/// Files that operating systems write into every folder.
const CLUTTER: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];
/// Prefix of the names of AppleDouble files, in which macOS stores attributes on foreign file systems.
const APPLE_DOUBLE: &str = "._";

/// A full-object checksum that S3 holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// Algorithm as S3 names it, such as `CRC64NVME`.
    pub algorithm: String,
    /// Value in base64.
    pub value: String,
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.value)
    }
}

/// An object from which the original of a photo is copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Bucket of an import; `None` is the photos bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Key of the object.
    pub key: String,
    /// Version of the object; `None` in a bucket without versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// ETag, with quotes.
    pub etag: String,
    /// Full-object checksum, if S3 holds one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// Id of the [`Allotment`](crate::allotment::Allotment).
    pub allotment: Uuid,
}

impl Source {
    /// Returns the key, if it is one under `incoming/` of the photos bucket. Objects of imports belong to others.
    pub fn incoming(&self) -> Option<ObjectKey> {
        let key = self.bucket.is_none().then(|| ObjectKey::parse(&self.key)).flatten();
        key.filter(|key| matches!(key, ObjectKey::Incoming { .. }))
    }
}

/// A place from which operators may import photos, by its name in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportSource {
    /// Name of the bucket.
    pub bucket: String,
    /// Prefix of the keys.
    pub prefix: String,
}

impl ImportSource {
    /// Returns whether a key of `photos_bucket` may be imported: not an original, a picture, a logo, or an upload
    /// of a studio.
    pub fn may_import(&self, key: &str, photos_bucket: &str) -> bool {
        const OURS: [&str; 5] = [ORIGINALS, INCOMING, DERIVATIVES, SIDECARS, LOGOS];
        self.bucket != photos_bucket || !OURS.iter().any(|prefix| key.starts_with(prefix))
    }
}

/// Returns the file name and the folder of a path: the last segment and the rest. Empty segments are left out.
pub fn file_and_folder(path: &str) -> (String, Option<String>) {
    let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let file = segments.pop().unwrap_or_default().to_owned();
    (file, Some(segments.join("/")).filter(|folder| !folder.is_empty()))
}

/// Returns a folder without its empty parts, and without slashes at its ends.
pub fn folder(text: &str) -> String {
    text.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// Extension of sidecars.
const SIDECAR: &str = ".xmp";

/// Returns the id of the sidecar at this path: a UUIDv5 of folder and name, without extension and case. `None` if the file
/// is no sidecar.
pub fn sidecar(path: &str) -> Option<Uuid> {
    let (file, folder) = file_and_folder(path);
    let lower = file.to_lowercase();
    Some(sidecar_id(folder.as_deref(), lower.strip_suffix(SIDECAR)?))
}

/// Returns the ids of the sidecars of a photo: `IMG_1.CR3.xmp`, as darktable names it, and `IMG_1.xmp`, as Lightroom does.
pub fn sidecars_of(folder: Option<&str>, filename: &str) -> Vec<Uuid> {
    let lower = filename.to_lowercase();
    [Some(lower.as_str()), stem(&lower)].into_iter().flatten().map(|name| sidecar_id(folder, name)).collect()
}

/// Returns the id of a photo's stem: folder and name without extension and case, which it shares with its sidecars.
pub fn stem_id(folder: Option<&str>, filename: &str) -> Uuid {
    let lower = filename.to_lowercase();
    sidecar_id(folder, stem(&lower).unwrap_or(&lower))
}

/// Returns the ids of the stems of the photos that the sidecar at this path may belong to.
pub fn stems_of_sidecar(path: &str) -> Vec<Uuid> {
    let (file, folder) = file_and_folder(path);
    let lower = file.to_lowercase();
    let name = lower.strip_suffix(SIDECAR).unwrap_or(&lower);
    [Some(name), stem(name)].into_iter().flatten().map(|name| sidecar_id(folder.as_deref(), name)).collect()
}

fn stem(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(stem, _)| stem).filter(|stem| !stem.is_empty())
}

fn sidecar_id(folder: Option<&str>, name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("sidecar\0{}\0{name}", folder.unwrap_or_default()).as_bytes())
}

/// Returns whether the object is none of the photographer's files: a folder that a client stored as an object, or a file
/// of the operating system.
pub fn is_ignored(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    file.is_empty() || CLUTTER.contains(&file) || file.starts_with(APPLE_DOUBLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_split_into_folder_and_file() {
        for (path, file, folder) in [
            ("a.jpg", "a.jpg", None),
            ("wedding/church/a b+c%.jpg", "a b+c%.jpg", Some("wedding/church")),
            ("/a.jpg", "a.jpg", None),
            ("wedding//a.jpg", "a.jpg", Some("wedding")),
            ("wedding/", "wedding", None),
            ("Mu\u{308}ller/\u{1f470}.jpg", "\u{1f470}.jpg", Some("Mu\u{308}ller")),
        ] {
            assert_eq!(file_and_folder(path), (file.to_owned(), folder.map(str::to_owned)), "{path}");
        }
    }

    #[test]
    fn photo_and_sidecar_find_each_other() {
        let of = |path: &str| {
            let (file, folder) = file_and_folder(path);
            sidecars_of(folder.as_deref(), &file)
        };
        for (photo, xmp) in [
            ("a/IMG_1.CR3", "a/IMG_1.xmp"),
            ("a/IMG_1.CR3", "a/IMG_1.CR3.xmp"),
            ("IMG_1.JPG", "img_1.XMP"),
            ("a//IMG_1.jpg", "a/IMG_1.xmp"),
            ("noextension", "noextension.xmp"),
        ] {
            assert!(of(photo).contains(&sidecar(xmp).expect("a sidecar")), "{photo} {xmp}");
        }
        for (photo, xmp) in
            [("a/IMG_1.jpg", "b/IMG_1.xmp"), ("IMG_1.jpg", "IMG_10.xmp"), ("IMG_1.jpg", "IMG_1.png.xmp")]
        {
            assert!(!of(photo).contains(&sidecar(xmp).expect("a sidecar")), "{photo} {xmp}");
        }
        assert_eq!((sidecar("a/IMG_1.jpg"), sidecar("xmp")), (None, None));
    }

    #[test]
    fn files_of_operating_systems_are_ignored() {
        for path in [".DS_Store", "wedding/.DS_Store", "a/Thumbs.db", "a/desktop.ini", "a/._IMG_1.jpg", "wedding/", ""]
        {
            assert!(is_ignored(path), "{path}");
        }
        for path in ["a.jpg", "a/b.DS_Store", ".hidden.jpg", "thumbs.db/a.jpg"] {
            assert!(!is_ignored(path), "{path}");
        }
    }

    #[test]
    fn source_names_an_incoming_object_or_none() {
        let source = |key: &str| Source {
            bucket: None,
            key: key.to_owned(),
            version: None,
            etag: String::new(),
            checksum: None,
            allotment: Uuid::nil(),
        };
        assert!(source("incoming/anna/a.jpg").incoming().is_some());
        assert_eq!(source(&format!("originals/anna/{}", Uuid::nil())).incoming(), None);
        assert_eq!(source("old/a.jpg").incoming(), None);
        let imported = Source { bucket: Some("old".to_owned()), ..source("incoming/anna/a.jpg") };
        assert_eq!(imported.incoming(), None);
    }

    #[test]
    fn own_objects_are_not_imported() {
        let source = |bucket: &str| ImportSource { bucket: bucket.to_owned(), prefix: String::new() };
        assert!(source("old").may_import("originals/a.jpg", "photos"));
        assert!(source("photos").may_import("old/a.jpg", "photos"));
        for key in
            ["originals/anna/a", "incoming/berta/a.jpg", "derivatives/anna/a", "sidecars/anna/a.xmp", "logos/anna/a"]
        {
            assert!(!source("photos").may_import(key, "photos"), "{key}");
        }
    }
}
