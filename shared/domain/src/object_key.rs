//! Every object that Darkroom keeps in S3: its key, its content type, and its parsing back. No other code spells a key.

use std::fmt;

use uuid::Uuid;

use crate::studio::Studio;

/// Which of the pictures made from an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// 2048 px.
    Preview,
    /// 400 px.
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

/// Which of the objects that an archive is put together from: see the archive worker's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkPiece {
    /// Zeros and prefixes.
    Pad(u32),
    /// A large photo with what lies before and behind it.
    Body(u32),
    /// A run of the archive's parts.
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

/// One object. `Original` and `Derivative` lie in the photos bucket, all others in the downloads bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectKey {
    /// `originals/{studio}/{photo}`
    Original {
        /// Owner.
        studio: Studio,
        /// Which photo.
        photo: Uuid,
    },
    /// `derivatives/{studio}/{photo}/{version}/{preview|thumb}.jpg`
    Derivative {
        /// Owner.
        studio: Studio,
        /// Which photo.
        photo: Uuid,
        /// The processor's version.
        version: u32,
        /// Which picture.
        picture: Picture,
    },
    /// `archives/{studio}/{download}/{build}.zip`, of several `{build}.{volume}.zip`
    Archive {
        /// Owner.
        studio: Studio,
        /// Which download.
        download: Uuid,
        /// Which build of it.
        build: u32,
        /// Which of several archives, from 1.
        volume: Option<u32>,
    },
    /// `archives/{studio}/{download}/{build}.index.json`
    ArchiveIndex {
        /// Owner.
        studio: Studio,
        /// Which download.
        download: Uuid,
        /// Which build of it.
        build: u32,
    },
    /// `work/{studio}/{download}/{build}/{plan}/{piece}`: gone when the archive is there.
    Work {
        /// Owner.
        studio: Studio,
        /// Which download.
        download: Uuid,
        /// Which build of it.
        build: u32,
        /// The fingerprint of the plan, so that no object of another plan is taken for one of this.
        plan: u64,
        /// Which object of the plan.
        piece: WorkPiece,
    },
}

/// Objects under this prefix make S3 notify the photos queue.
pub const ORIGINALS: &str = "originals/";

impl ObjectKey {
    /// The content type that the object is stored with; `None` for originals, whose uploader says it.
    pub fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::Original { .. } => None,
            Self::Derivative { .. } => Some("image/jpeg"),
            Self::Archive { .. } => Some("application/zip"),
            Self::ArchiveIndex { .. } => Some("application/json"),
            Self::Work { .. } => Some("application/octet-stream"),
        }
    }

    /// What the keys of a photo's pictures begin with, those of older processors too.
    pub fn derivatives_of(studio: &Studio, photo: Uuid) -> String {
        format!("derivatives/{studio}/{photo}/")
    }

    /// Prefix of the keys of a download's archives and indexes, of all its builds.
    pub fn archives_of_download(studio: &Studio, download: Uuid) -> String {
        format!("archives/{studio}/{download}/")
    }

    /// What the keys of a build's archives begin with, and of nothing else than the build's.
    pub fn archives_of(studio: &Studio, download: Uuid, build: u32) -> String {
        format!("{}{build}.", Self::archives_of_download(studio, download))
    }

    /// What the keys of a build's intermediate objects begin with.
    pub fn work_of(studio: &Studio, download: Uuid, build: u32) -> String {
        format!("work/{studio}/{download}/{build}/")
    }

    /// Reads a key back; `None` for anything that we would not have written.
    pub fn parse(key: &str) -> Option<Self> {
        let mut parts = key.split('/');
        let mut next = || parts.next();
        let parsed = match next()? {
            "originals" => Self::Original { studio: next()?.parse().ok()?, photo: id(next()?)? },
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
        // One spelling per object: an upper-case id or a leading zero is not ours.
        (parsed.to_string() == key).then_some(parsed)
    }
}

fn id(text: &str) -> Option<Uuid> {
    text.parse().ok()
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Original { studio, photo } => write!(f, "{ORIGINALS}{studio}/{photo}"),
            Self::Derivative { studio, photo, version, picture } => {
                write!(f, "{}{version}/{}.jpg", Self::derivatives_of(studio, *photo), picture.name())
            }
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
        fn every_key_is_read_back(studio in "[a-z0-9-]{1,63}", a in any::<u128>(), n in any::<u32>(), preview in any::<bool>()) {
            let (studio, id): (Studio, _) = (studio.parse().expect("valid"), Uuid::from_u128(a));
            let picture = if preview { Picture::Preview } else { Picture::Thumb };
            for key in [
                ObjectKey::Original { studio: studio.clone(), photo: id },
                ObjectKey::Derivative { studio: studio.clone(), photo: id, version: n, picture },
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
        fn a_stranger_is_refused_or_spelled_as_we_would(key in "(originals|archives|work|x)/[a-zA-Z0-9./ -]{0,60}") {
            if let Some(parsed) = ObjectKey::parse(&key) {
                prop_assert_eq!(parsed.to_string(), key);
            }
        }
    }
}
