//! The darkroom itself: bytes of an original in, facts and derivatives out. Pure: no clock, no network, no files.
//!
//! Order matters. What the file is comes first, then how big it says it is, and only then is anything allocated or
//! decoded: an original is whatever a stranger uploaded.

mod bmff;
mod bounds;
mod colour;
mod complete;
mod declared;
mod guard;
mod jpeg;
mod metadata;
mod orient;
mod picture;
mod raster;
mod refusal;
mod resample;
mod resize;
mod sniff;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};
use shared::photo::Exif;

pub use self::{bounds::Limits, refusal::Refusal};
use self::{
    picture::{Ink, Picture},
    sniff::Format,
};

/// Pixels, long edge of the preview: fills a laptop screen, and a 2x phone.
const PREVIEW_LONG_EDGE: u32 = 2048;
/// Pixels, long edge of the thumbnail: a gallery column at 2x.
const THUMB_LONG_EDGE: u32 = 400;
/// Pixels, long edge of what a thumbhash is made from. The format's own maximum; larger only costs time.
const THUMBHASH_LONG_EDGE: u32 = 100;

/// All that is learnt from, and made of, one original.
#[derive(Debug, Clone, PartialEq)]
pub struct Developed {
    /// What the bytes are, whatever the upload said: `image/jpeg`.
    pub content_type: &'static str,
    /// SHA-256 of the original.
    pub sha256: [u8; 32],
    /// CRC-32 (IEEE) of the original, as a ZIP needs it.
    pub crc32: u32,
    /// Width and height in pixels, upright. `None` where a format that can't be developed does not say.
    pub dimensions: Option<(u32, u32)>,
    /// Orientation of the original as EXIF counts, 1 to 8; 1 where none is written. HEIF and AVIF state their own,
    /// which replaces EXIF's. Derivatives are upright already.
    pub orientation: u8,
    /// Metadata of the camera and of editors: EXIF, XMP and IPTC.
    pub exif: Exif,
    /// The pictures made, if the format can be developed.
    pub derivatives: Derivatives,
}

/// The pictures made from an original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derivatives {
    /// Upright, sRGB, without metadata.
    Made {
        /// Long edge at most 2048 px.
        preview: Jpeg,
        /// Long edge at most 400 px.
        thumb: Jpeg,
        /// A few dozen bytes that render as a blurred placeholder.
        thumbhash: Vec<u8>,
    },
    /// A photo, stored and deliverable, of a kind that can't be developed yet: HEIC, AVIF, camera RAW, and the rarer
    /// codings of JPEG and TIFF.
    UnsupportedFormat,
}

/// One encoded derivative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jpeg {
    /// The file.
    pub bytes: Vec<u8>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// CRC-32 (IEEE) of `bytes`.
    pub crc32: u32,
}

/// A decoded original, somewhat larger than the preview, in the original's own colours and orientation.
struct Negative {
    picture: Picture,
    icc: Option<Vec<u8>>,
}

/// Develops one original.
///
/// `declared` is the upload's content type, `filename` its name: RAW formats share TIFF's signature and are told apart
/// by extension. Peak memory beside `original` is at most about 1.1 GiB, and 20 to 60 MB for a usual JPEG.
pub fn develop(original: &[u8], declared: Option<&str>, filename: &str, limits: &Limits) -> Result<Developed, Refusal> {
    limits.check_bytes(original.len())?;
    let format = sniff::sniff(original, filename)?;
    declared::check(declared, format)?;

    let jpeg_header = match format {
        Format::Jpeg => Some(jpeg::Header::read(original)?),
        _ => None,
    };
    let metadata = metadata::read(format, original);
    let (stored, orientation, negative) = match (&jpeg_header, format) {
        (Some(header), _) => {
            limits.check_pixels(header.width, header.height)?;
            let negative = jpeg::decode(original, header, PREVIEW_LONG_EDGE)?;
            (Some((header.width, header.height)), metadata.orientation, negative)
        }
        (None, Format::Png | Format::WebP | Format::Tiff | Format::Gif) => {
            complete::check(format, original)?;
            match raster::decode(format, original, limits, PREVIEW_LONG_EDGE)? {
                raster::Outcome::Decoded { size, negative } => (Some(size), metadata.orientation, Some(negative)),
                raster::Outcome::Unsupported { size } => (size, metadata.orientation, None),
            }
        }
        (None, Format::Heif(_)) => {
            complete::check(format, original)?;
            // HEIF turns a picture by its own property, and tells readers to ignore EXIF's.
            let picture = bmff::primary_picture(original);
            (picture.map(|p| p.size), picture.map_or(1, |p| p.orientation), None)
        }
        (None, _) => (metadata.stated_size, metadata.orientation, None),
    };
    let dimensions = stored.map(|size| orient::upright(size, orientation));

    let derivatives = match (negative, dimensions) {
        (Some(negative), Some(size)) => print(negative, size, orientation)?,
        _ => Derivatives::UnsupportedFormat,
    };
    Ok(Developed {
        content_type: format.content_type(),
        sha256: Sha256::digest(original).into(),
        crc32: crc32fast::hash(original),
        dimensions,
        orientation,
        exif: metadata.exif,
        derivatives,
    })
}

/// Reads the metadata of an original without decoding its picture.
pub fn read_metadata(original: &[u8], filename: &str) -> Result<Exif, Refusal> {
    Ok(metadata::read(sniff::sniff(original, filename)?, original).exif)
}

/// From the negative to the derivatives: shrink first, so that colour and orientation touch few pixels.
fn print(negative: Negative, upright: (u32, u32), orientation: u8) -> Result<Derivatives, Refusal> {
    let (width, height) = orient::upright(resize::fit(upright, PREVIEW_LONG_EDGE), orientation);
    let small = resize::resize(&negative.picture, width, height);
    drop(negative.picture);
    let srgb = colour::to_srgb(small, negative.icc.as_deref());
    let preview = orient::orient(srgb, orientation);

    let (width, height) = resize::fit(upright, THUMB_LONG_EDGE);
    let thumb = resize::resize(&preview, width, height);
    let (width, height) = resize::fit(upright, THUMBHASH_LONG_EDGE);
    let tiny = resize::resize(&thumb, width, height);
    Ok(Derivatives::Made {
        preview: jpeg::encode(&preview)?,
        thumb: jpeg::encode(&thumb)?,
        thumbhash: thumbhash_of(&tiny),
    })
}

fn thumbhash_of(tiny: &Picture) -> Vec<u8> {
    debug_assert_eq!(tiny.ink, Ink::Rgb);
    let rgba: Vec<u8> = tiny.samples.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], u8::MAX]).collect();
    thumbhash::rgba_to_thumb_hash(tiny.width as usize, tiny.height as usize, &rgba)
}
