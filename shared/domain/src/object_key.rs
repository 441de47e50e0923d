//! Keys and content types of all objects that Darkroom stores in S3. No other code builds or parses keys.

use std::fmt;

use uuid::Uuid;

use crate::studio::Studio;

/// A picture made from an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// Preview, 2048 px.
    Preview,
    /// Thumbnail, 400 px.
    Thumb,
}

impl Picture {
    fn name(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Thumb => "thumb",
        }
    }
}

/// An intermediate object of an archive: see the plan of the archive builder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkPiece {
    /// Zeros and prefixes.
    Pad(u32),
    /// A large photo with the bytes before and after it.
    Body(u32),
    /// A sequence of the archive's parts.
    Group(u32),
}

impl WorkPiece {
    fn parse(text: &str) -> Option<Self> {
        let (kind, number) = text.split_once('-')?;
        let number = number.parse().ok()?;
        match kind {
            "pad" => Some(Self::Pad(number)),
            "body" => Some(Self::Body(number)),
            "group" => Some(Self::Group(number)),
            _ => None,
        }
    }
}

impl fmt::Display for WorkPiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pad(number) => write!(f, "pad-{number}"),
            Self::Body(number) => write!(f, "body-{number}"),
            Self::Group(number) => write!(f, "group-{number}"),
        }
    }
}

/// Key of an object. `Archive`, `ArchiveIndex` and `Work` are in the downloads bucket, all others in the photos bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectKey {
    /// `originals/{studio}/{photo}`
    Original {
        /// Studio of the photo.
        studio: Studio,
        /// Id of the photo.
        photo: Uuid,
    },
    /// `incoming/{studio}/{path}`: stored by any S3 client, until the photo is ready.
    Incoming {
        /// Studio of the photo.
        studio: Studio,
        /// Path below the studio's prefix, as the client chose it.
        path: String,
    },
    /// `sidecars/{studio}/{id}.xmp`: metadata that an editor wrote beside a photo.
    Sidecar {
        /// Studio of the photo.
        studio: Studio,
        /// Id derived from the path of the sidecar.
        id: Uuid,
    },
    /// `derivatives/{studio}/{photo}/{version}/{preview|thumb}.jpg`
    Derivative {
        /// Studio of the photo.
        studio: Studio,
        /// Id of the photo.
        photo: Uuid,
        /// Version of the processor.
        version: u32,
        /// Preview or thumbnail.
        picture: Picture,
    },
    /// `logos/{studio}/{hash}.png`: a logo that customers see.
    Logo {
        /// Studio of the logo.
        studio: Studio,
        /// SHA-256 of the PNG in lower-case hexadecimal digits.
        hash: String,
    },
    /// `logos/{studio}/{upload}`: a logo as the studio uploaded it, until it is processed. Nobody can read it.
    LogoUpload {
        /// Studio of the logo.
        studio: Studio,
        /// Id of the upload.
        upload: Uuid,
    },
    /// `archives/{studio}/{download}/{build}.zip`, or `{build}.{volume}.zip` for one of several.
    Archive {
        /// Studio of the download.
        studio: Studio,
        /// Id of the download.
        download: Uuid,
        /// Number of the build.
        build: u32,
        /// Number of the archive, from 1, if there are several.
        volume: Option<u32>,
    },
    /// `archives/{studio}/{download}/{build}.index.json`
    ArchiveIndex {
        /// Studio of the download.
        studio: Studio,
        /// Id of the download.
        download: Uuid,
        /// Number of the build.
        build: u32,
    },
    /// `work/{studio}/{download}/{build}/{plan}/{piece}`: deleted when the archive is complete.
    Work {
        /// Studio of the download.
        studio: Studio,
        /// Id of the download.
        download: Uuid,
        /// Number of the build.
        build: u32,
        /// Fingerprint of the plan, which separates the objects of different plans.
        plan: u64,
        /// Object of the plan.
        piece: WorkPiece,
    },
}

/// Prefix of the originals. S3 notifies the uploads queue of new objects with this prefix.
pub const ORIGINALS: &str = "originals/";
/// Prefix of the pictures made from originals.
pub const DERIVATIVES: &str = "derivatives/";
/// Prefix of the sidecars.
pub const SIDECARS: &str = "sidecars/";
/// Prefix of the objects that S3 clients store. S3 notifies the uploads queue of new objects with this prefix.
pub const INCOMING: &str = "incoming/";
/// Prefix of the logos. S3 notifies the uploads queue of new objects with this prefix.
pub const LOGOS: &str = "logos/";

impl ObjectKey {
    /// Returns the content type of the stored object; `None` for originals and uploads, whose client declares it.
    pub fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Original { .. } | Self::Incoming { .. } | Self::LogoUpload { .. } => None,
            Self::Logo { .. } => Some("image/png"),
            Self::Sidecar { .. } => Some("application/rdf+xml"),
            Self::Derivative { .. } => Some("image/jpeg"),
            Self::Archive { .. } => Some("application/zip"),
            Self::ArchiveIndex { .. } => Some("application/json"),
            Self::Work { .. } => Some("application/octet-stream"),
        }
    }

    /// Returns the key prefix of a photo's pictures, including those of older processors.
    pub fn derivatives_of(studio: &Studio, photo: Uuid) -> String {
        format!("{DERIVATIVES}{studio}/{photo}/")
    }

    /// Returns the key prefix of a download's archives and indexes, of all its builds.
    pub fn archives_of_download(studio: &Studio, download: Uuid) -> String {
        format!("archives/{studio}/{download}/")
    }

    /// Returns the key prefix of a build's archives and index. Keys of other builds do not match it.
    pub fn archives_of(studio: &Studio, download: Uuid, build: u32) -> String {
        format!("{}{build}.", Self::archives_of_download(studio, download))
    }

    /// Returns the key prefix of a build's intermediate objects.
    pub fn work_of(studio: &Studio, download: Uuid, build: u32) -> String {
        format!("work/{studio}/{download}/{build}/")
    }

    /// Parses a key; `None` for a key that Darkroom would not write.
    pub fn parse(key: &str) -> Option<Self> {
        if let Some((studio, path)) = key.strip_prefix(INCOMING).and_then(|rest| rest.split_once('/')) {
            return Some(Self::Incoming { studio: studio.parse().ok()?, path: path.to_owned() });
        }
        let mut parts = key.split('/');
        let mut next = || parts.next();
        let parsed = match next()? {
            "originals" => Self::Original { studio: next()?.parse().ok()?, photo: id(next()?)? },
            "sidecars" => Self::Sidecar { studio: next()?.parse().ok()?, id: id(next()?.strip_suffix(".xmp")?)? },
            "derivatives" => Self::Derivative {
                studio: next()?.parse().ok()?,
                photo: id(next()?)?,
                version: next()?.parse().ok()?,
                picture: match next()? {
                    "preview.jpg" => Picture::Preview,
                    "thumb.jpg" => Picture::Thumb,
                    _ => return None,
                },
            },
            "logos" => {
                let (studio, name) = (next()?.parse().ok()?, next()?);
                match name.strip_suffix(".png") {
                    Some(hash) => Self::Logo { studio, hash: sha256(hash)? },
                    None => Self::LogoUpload { studio, upload: id(name)? },
                }
            }
            "archives" => {
                let (studio, download) = (next()?.parse().ok()?, id(next()?)?);
                let (build, kind) = next()?.split_once('.')?;
                let build = build.parse().ok()?;
                match kind {
                    "zip" => Self::Archive { studio, download, build, volume: None },
                    "index.json" => Self::ArchiveIndex { studio, download, build },
                    numbered => {
                        let volume = Some(numbered.strip_suffix(".zip")?.parse().ok()?);
                        Self::Archive { studio, download, build, volume }
                    }
                }
            }
            "work" => Self::Work {
                studio: next()?.parse().ok()?,
                download: id(next()?)?,
                build: next()?.parse().ok()?,
                plan: u64::from_str_radix(next()?, 16).ok()?,
                piece: WorkPiece::parse(next()?)?,
            },
            _ => return None,
        };
        // Each object has one spelling: an upper-case id or a leading zero is refused.
        (parsed.to_string() == key).then_some(parsed)
    }
}

fn id(text: &str) -> Option<Uuid> {
    text.parse().ok()
}

fn sha256(text: &str) -> Option<String> {
    let digits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    digits.then(|| text.to_owned())
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Original { studio, photo } => write!(f, "{ORIGINALS}{studio}/{photo}"),
            Self::Incoming { studio, path } => write!(f, "{INCOMING}{studio}/{path}"),
            Self::Sidecar { studio, id } => write!(f, "{SIDECARS}{studio}/{id}.xmp"),
            Self::Derivative { studio, photo, version, picture } => {
                write!(f, "{}{version}/{}.jpg", Self::derivatives_of(studio, *photo), picture.name())
            }
            Self::Logo { studio, hash } => write!(f, "{LOGOS}{studio}/{hash}.png"),
            Self::LogoUpload { studio, upload } => write!(f, "{LOGOS}{studio}/{upload}"),
            Self::Archive { studio, download, build, volume } => {
                f.write_str(&Self::archives_of(studio, *download, *build))?;
                volume.map_or(Ok(()), |volume| write!(f, "{volume}."))?;
                f.write_str("zip")
            }
            Self::ArchiveIndex { studio, download, build } => {
                write!(f, "{}index.json", Self::archives_of(studio, *download, *build))
            }
            Self::Work { studio, download, build, plan, piece } => {
                write!(f, "{}{plan:016x}/{piece}", Self::work_of(studio, *download, *build))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_key_is_read_back(studio in "[a-z0-9-]{1,63}", a in any::<u128>(), n in any::<u32>(), preview in any::<bool>(), path in ".{0,40}") {
            let (studio, id): (Studio, _) = (studio.parse().expect("valid"), Uuid::from_u128(a));
            let picture = if preview { Picture::Preview } else { Picture::Thumb };
            for key in [
                ObjectKey::Original { studio: studio.clone(), photo: id },
                ObjectKey::Incoming { studio: studio.clone(), path },
                ObjectKey::Sidecar { studio: studio.clone(), id },
                ObjectKey::Derivative { studio: studio.clone(), photo: id, version: n, picture },
                ObjectKey::Logo { studio: studio.clone(), hash: format!("{a:064x}") },
                ObjectKey::LogoUpload { studio: studio.clone(), upload: id },
                ObjectKey::Archive { studio: studio.clone(), download: id, build: n, volume: None },
                ObjectKey::Archive { studio: studio.clone(), download: id, build: n, volume: Some(n) },
                ObjectKey::ArchiveIndex { studio: studio.clone(), download: id, build: n },
                ObjectKey::Work { studio: studio.clone(), download: id, build: n, plan: n.into(), piece: WorkPiece::Pad(n) },
                ObjectKey::Work { studio: studio.clone(), download: id, build: n, plan: 1, piece: WorkPiece::Body(n) },
                ObjectKey::Work { studio, download: id, build: n, plan: u64::MAX, piece: WorkPiece::Group(n) },
            ] {
                prop_assert_eq!(ObjectKey::parse(&key.to_string()), Some(key));
            }
        }

        #[test]
        fn foreign_key_is_refused_or_written_back(key in "(originals|archives|work|x)/[a-zA-Z0-9./ -]{0,60}") {
            if let Some(parsed) = ObjectKey::parse(&key) {
                prop_assert_eq!(parsed.to_string(), key);
            }
        }
    }

    #[test]
    fn prefixes_select_their_own_objects_only() {
        let (studio, id) = ("anna".parse::<Studio>().expect("valid"), Uuid::from_u128(7));
        let of = || studio.clone();
        let archive = |build, volume| ObjectKey::Archive { studio: of(), download: id, build, volume }.to_string();
        let index = |build| ObjectKey::ArchiveIndex { studio: of(), download: id, build }.to_string();
        let work = |build| {
            ObjectKey::Work { studio: of(), download: id, build, plan: 3, piece: WorkPiece::Pad(1) }.to_string()
        };
        let derivative =
            |photo| ObjectKey::Derivative { studio: of(), photo, version: 2, picture: Picture::Thumb }.to_string();

        let (download, build) = (ObjectKey::archives_of_download(&studio, id), ObjectKey::archives_of(&studio, id, 1));
        for key in [archive(1, None), archive(1, Some(2)), index(1)] {
            assert!(key.starts_with(&download) && key.starts_with(&build), "{key}");
        }
        for key in [archive(11, None), archive(2, Some(1)), index(10)] {
            assert!(key.starts_with(&download) && !key.starts_with(&build), "{key}");
        }
        let build = ObjectKey::work_of(&studio, id, 1);
        assert!(work(1).starts_with(&build) && !work(11).starts_with(&build));
        let photo = ObjectKey::derivatives_of(&studio, id);
        assert!(derivative(id).starts_with(&photo) && !derivative(Uuid::nil()).starts_with(&photo));
        let original = ObjectKey::Original { studio: of(), photo: id }.to_string();
        assert!(original.starts_with(ORIGINALS) && !derivative(id).starts_with(ORIGINALS));
    }

    #[test]
    fn content_type_fits_the_end_of_key() {
        let id = Uuid::nil();
        for (path, content_type) in [
            (format!("originals/anna/{id}"), None),
            ("incoming/anna/a.jpg".to_owned(), None),
            (format!("sidecars/anna/{id}.xmp"), Some("application/rdf+xml")),
            (format!("derivatives/anna/{id}/1/thumb.jpg"), Some("image/jpeg")),
            (format!("logos/anna/{}.png", "0".repeat(64)), Some("image/png")),
            (format!("logos/anna/{id}"), None),
            (format!("archives/anna/{id}/1.zip"), Some("application/zip")),
            (format!("archives/anna/{id}/1.2.zip"), Some("application/zip")),
            (format!("archives/anna/{id}/1.index.json"), Some("application/json")),
            (format!("work/anna/{id}/1/0000000000000003/pad-1"), Some("application/octet-stream")),
        ] {
            assert_eq!(ObjectKey::parse(&path).expect("ours").content_type(), content_type, "{path}");
        }
    }

    #[test]
    fn second_spelling_of_a_key_is_refused() {
        let id = "0000000a-0000-4000-8000-000000000000";
        assert!(ObjectKey::parse(&format!("originals/anna/{id}")).is_some());
        for foreign in [
            format!("originals/anna/{}", id.to_uppercase()),
            format!("originals/anna/{id}/"),
            "incoming/Anna/a.jpg".to_owned(),
            "incoming/anna".to_owned(),
            format!("derivatives/anna/{id}/01/thumb.jpg"),
            format!("derivatives/anna/{id}/1/large.jpg"),
            format!("logos/anna/{}.png", "A".repeat(64)),
            format!("logos/anna/{}.png", "a".repeat(63)),
            format!("logos/anna/{id}.png"),
            format!("logos/anna/{}", "a".repeat(64)),
            format!("archives/anna/{id}/1.02.zip"),
            format!("work/anna/{id}/1/3/pad-1"),
            format!("work/anna/{id}/1/0000000000000003/lid-1"),
        ] {
            assert_eq!(ObjectKey::parse(&foreign), None, "{foreign}");
        }
    }
}
