//! Errors of originals. Photographers read the messages.

/// The file itself is at fault: trying again would end the same way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No bytes at all.
    #[error("The file is empty, so please upload it again.")]
    EmptyFile,
    /// Something else than a photo.
    #[error("This file looks like {looks_like}, not like a photo.")]
    NotAPhoto {
        /// With article: `a PDF document`.
        looks_like: &'static str,
    },
    /// The end is missing.
    #[error("The end of this photo is missing, probably because the upload or copy was interrupted.")]
    Truncated,
    /// Its picture data contradicts itself.
    #[error("This photo is damaged and can't be read in full, so please upload another copy of it.")]
    Damaged,
    /// More bytes than are taken.
    #[error("This file is {} MB, and photos of up to {} MB are accepted.", megabytes_up(*bytes), max_bytes >> 20)]
    TooLarge {
        /// Size of the file.
        bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// More pixels, or longer sides, than are taken.
    #[error(
        "This photo is {width} x {height} pixels, and up to {} megapixels, {max_side} pixels on a side, are accepted.",
        max_pixels / 1_000_000
    )]
    TooManyPixels {
        /// Pixels, as stored.
        width: u32,
        /// Pixels, as stored.
        height: u32,
        /// The limit for width times height; lower for files that need more memory a pixel.
        max_pixels: u64,
        /// The limit for either side.
        max_side: u32,
    },
}

impl Error {
    /// Stable name for records and interfaces.
    pub fn code(&self) -> &'static str {
        match self {
            Self::EmptyFile => "empty_file",
            Self::NotAPhoto { .. } => "not_a_photo",
            Self::Truncated => "truncated",
            Self::Damaged => "damaged",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyPixels { .. } => "too_many_pixels",
        }
    }
}

/// Why a picture is not decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A layout or coding that is not known here.
    Unsupported,
    Refused(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// Rounded up, so that a file just over the limit is not reported as just at it.
fn megabytes_up(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
