//! The darkroom itself: bytes of an original in, facts and derivatives out. Pure: no clock, no network, no files.
//!
//! Order matters. What the file is comes first, then how big it says it is, and only then is anything allocated or
//! decoded: an original is whatever a stranger uploaded.

mod bitmap;
mod bmff;
mod bounds;
mod colour;
mod complete;
mod guard;
mod jpeg;
mod metadata;
mod orient;
mod png;
mod raster;
mod raw;
mod reduce;
mod refusal;
mod resample;
mod resize;
mod sniff;
#[cfg(test)]
mod tests;
mod tiff;

use std::thread;

use sha2::{Digest, Sha256};
use shared::photo::Exif;

use self::{
    bitmap::{Bitmap, DecodedBitmap, PixelFormat},
    colour::Colour,
    metadata::{DcfColour, Metadata},
    sniff::Format,
};
pub use self::{bounds::Limits, refusal::Refusal};

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
    /// Pixels of the picture that it was made of.
    size: (u32, u32),
    bitmap: DecodedBitmap,
    colour: Colour,
}

/// Develops one original.
///
/// `filename` is the upload's name: some RAW formats share TIFF's signature and are told apart by extension. Whatever name or
/// upload say otherwise, a photo is what its bytes are. Peak memory beside `original` is at most about 1.1 GiB, and 25 MB for
/// a baseline JPEG of any size.
pub fn develop(original: &[u8], filename: &str, limits: &Limits) -> Result<Developed, Refusal> {
    limits.check_bytes(original.len())?;
    let format = sniff::sniff(original, filename)?;
    // Hashes are needed last: where there is a second core, they cost no time.
    thread::scope(|scope| {
        let hashes = scope.spawn(|| (Sha256::digest(original).into(), crc32fast::hash(original)));
        let metadata = metadata::read(format, original);
        let read = read(format, original, limits, &metadata)?;
        let derivatives = match read.negative {
            Some(negative) => print(negative, read.orientation)?,
            None => Derivatives::UnsupportedFormat,
        };
        let (sha256, crc32) = hashes.join().map_err(|_| Refusal::Damaged)?;
        Ok(Developed {
            content_type: format.content_type(),
            sha256,
            crc32,
            dimensions: read.size.map(|size| orient::upright(size, read.orientation)),
            orientation: read.orientation,
            exif: metadata.exif,
            derivatives,
        })
    })
}

/// An original, as its container and decoder tell of it.
struct Read {
    /// Pixels, as stored.
    size: Option<(u32, u32)>,
    /// As an EXIF orientation, 1 to 8.
    orientation: u8,
    negative: Option<Negative>,
}

fn read(format: Format, original: &[u8], limits: &Limits, metadata: &Metadata) -> Result<Read, Refusal> {
    let orientation = metadata.orientation;
    match format {
        Format::Jpeg => {
            let header = jpeg::Header::read(original)?;
            let size = (header.width, header.height);
            limits.check_pixels(size.0, size.1)?;
            let negative = jpeg::decode(original, &header, PREVIEW_LONG_EDGE)?;
            let negative = negative.map(|negative| negative.stated(metadata.colour));
            Ok(Read { size: Some(size), orientation, negative })
        }
        Format::Png | Format::WebP | Format::Tiff | Format::Gif => {
            complete::check(format, original)?;
            match raster::decode(format, original, limits, PREVIEW_LONG_EDGE)? {
                raster::Outcome::Decoded { size, negative } => {
                    // PNG has chunks of its own for that.
                    let stated = if format == Format::Png { DcfColour::Unknown } else { metadata.colour };
                    Ok(Read { size: Some(size), orientation, negative: Some(negative.stated(stated)) })
                }
                raster::Outcome::Unsupported { size } => Ok(Read { size, orientation, negative: None }),
            }
        }
        Format::Heif(_) => {
            complete::check(format, original)?;
            // HEIF turns a picture by its own property, and tells readers to ignore EXIF's.
            let picture = bmff::primary_picture(original);
            let orientation = picture.map_or(1, |picture| picture.orientation);
            Ok(Read { size: picture.map(|picture| picture.size), orientation, negative: None })
        }
        Format::Raw(_) => {
            let Some((jpeg, header)) = raw::largest_jpeg(original, limits) else {
                return Ok(Read { size: metadata.stated_size, orientation, negative: None });
            };
            // One that is damaged says nothing about the RAW picture.
            let negative = jpeg::decode(jpeg, &header, PREVIEW_LONG_EDGE).ok().flatten();
            let negative = negative.map(|negative| negative.stated(metadata.colour));
            Ok(Read { size: metadata.stated_size.or(Some((header.width, header.height))), orientation, negative })
        }
    }
}

impl Negative {
    fn stated(self, colour: DcfColour) -> Self {
        Self { colour: self.colour.stated(colour), ..self }
    }
}

/// Reads the metadata of an original without decoding its picture.
pub fn read_metadata(original: &[u8], filename: &str) -> Result<Exif, Refusal> {
    Ok(metadata::read(sniff::sniff(original, filename)?, original).exif)
}

/// From the negative to the derivatives: shrink first, so that colour and orientation touch few pixels.
fn print(negative: Negative, orientation: u8) -> Result<Derivatives, Refusal> {
    let upright = orient::upright(negative.size, orientation);
    let (width, height) = orient::upright(resize::fit(upright, PREVIEW_LONG_EDGE), orientation);
    let small = resize::resize_decoded(negative.bitmap, width, height);
    let srgb = colour::to_srgb(small, &negative.colour);
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

fn thumbhash_of(tiny: &Bitmap) -> Vec<u8> {
    debug_assert_eq!(tiny.format, PixelFormat::Rgb);
    let rgba: Vec<u8> = tiny.samples.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], u8::MAX]).collect();
    thumbhash::rgba_to_thumb_hash(tiny.width as usize, tiny.height as usize, &rgba)
}
