//! HEIF and AVIF (ISO/IEC 23008-12).

use super::{Decoded, Original, bmff, error::Error, truncation};

/// Reads the size and turn of the primary picture.
pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    truncation::heif(original.bytes)?;
    // HEIF turns a picture by its own property, and tells readers to ignore EXIF's.
    let picture = bmff::primary_picture(original.bytes);
    let orientation = picture.map_or(1, |picture| picture.orientation);
    let size = picture.map(|picture| picture.size);
    Ok(Decoded { size, orientation: Some(orientation), ..Decoded::default() })
}
