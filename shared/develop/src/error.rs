//! Errors of originals, with messages for photographers.

/// An error of the file itself: another attempt would fail in the same way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file has no bytes.
    #[error("The file is empty, so please upload it again.")]
    EmptyFile,
    /// The file is not a photo.
    #[error("This file looks like {looks_like}, not like a photo.")]
    NotAPhoto {
        /// The apparent kind, with an article: `a PDF document`.
        looks_like: &'static str,
    },
    /// The end of the file is missing.
    #[error("The end of this photo is missing, probably because the upload or copy was interrupted.")]
    Truncated,
    /// The picture data contradicts itself.
    #[error("This photo is damaged and can't be read in full, so please upload another copy of it.")]
    Damaged,
    /// The file has more bytes than accepted.
    #[error("This file is {} MB, and photos of up to {} MB are accepted.", megabytes_up(*bytes), max_bytes >> 20)]
    TooLarge {
        /// Size of the file.
        bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// The picture has more pixels, or longer sides, than accepted.
    #[error(
        "This photo is {width} x {height} pixels, and up to {} megapixels, {max_side} pixels on a side, are accepted.",
        max_pixels / 1_000_000
    )]
    TooManyPixels {
        /// Width in pixels, as stored.
        width: u32,
        /// Height in pixels, as stored.
        height: u32,
        /// The limit of width times height; lower for files that need more memory per pixel.
        max_pixels: u64,
        /// The limit of either side.
        max_side: u32,
    },
}

impl Error {
    /// Returns the stable code for records and interfaces.
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

/// The reasons for not decoding a picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The layout or coding is not supported.
    Unsupported,
    Refused(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// Rounds up, so that a file just above the limit is not reported as exactly at it.
fn megabytes_up(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
