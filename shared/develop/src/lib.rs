//! Develops an original: bytes in, metadata and derivatives out. Pure: no clock, no network, no files.
//!
//! Order matters. What the file is comes first, then how big it says it is, and only then is anything allocated or
//! decoded: an original is whatever a stranger uploaded.

mod bitmap;
mod bmff;
mod bmp;
mod catch_panic;
mod colour;
mod content_type;
mod error;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod gif;
mod heif;
mod ifd;
mod image_crate;
mod jpeg;
mod jxl;
mod limits;
mod metadata;
mod mrw;
mod orient;
mod png;
mod psd;
mod raw;
mod reduce;
mod resample;
mod resize;
#[cfg(test)]
mod tests;
mod tiff;
mod truncation;
mod video;
mod webp;

use std::thread;

use domain::photo::Exif;
use sha2::{Digest, Sha256};

use self::{
    bitmap::{Bitmap, DecodedBitmap, PixelFormat},
    colour::{Colour, DcfColour},
    metadata::Metadata,
};
pub use self::{error::Error, limits::Limits};

/// Pixels, long edge of the preview: fills a laptop screen, and a 2x phone.
const PREVIEW_LONG_EDGE: u32 = 2048;
/// Pixels, long edge of the thumbnail: a gallery column at 2x.
const THUMB_LONG_EDGE: u32 = 400;
/// Pixels, long edge of what a thumbhash is made from. The format's own maximum; larger only costs time.
const THUMBHASH_LONG_EDGE: u32 = 100;

/// The orientation of a picture that needs no turning.
const UPRIGHT: u8 = 1;

/// All that is learnt from, and made of, one original.
#[derive(Debug, Clone, PartialEq)]
pub struct Developed {
    /// The media type of the bytes, whatever the upload said: `image/jpeg`.
    pub content_type: &'static str,
    /// SHA-256 of the original.
    pub sha256: [u8; 32],
    /// CRC-32 (IEEE) of the original, as a ZIP needs it.
    pub crc32: u32,
    /// Width and height in pixels, upright. `None` where a format that can't be developed does not say.
    pub dimensions: Option<(u32, u32)>,
    /// Orientation of the original as EXIF counts, 1 to 8; 1 where none is written. HEIF, AVIF and JPEG XL state
    /// their own, which replaces EXIF's. Derivatives are upright already.
    pub orientation: u8,
    /// Metadata of the camera and of editors: EXIF, XMP and IPTC.
    pub exif: Exif,
    /// The pictures made, if the format can be developed.
    pub derivatives: Derivatives,
}

/// The pictures made from an original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derivatives {
    /// Upright, tagged sRGB, without metadata but copyright notice, creator and credit line.
    Made {
        /// Long edge at most 2048 px.
        preview: Jpeg,
        /// Long edge at most 400 px.
        thumb: Jpeg,
        /// A few dozen bytes that render as a blurred placeholder.
        thumbhash: Vec<u8>,
    },
    /// A file, stored and deliverable, without pictures: camera RAW without a JPEG inside, the rarer codings of other formats,
    /// HDR without an SDR picture (PQ, HLG), JPEG XL that needs more memory than there is or has patches, Photoshop documents
    /// and videos; and HEIC, AVIF or JPEG XL where the crate is built without the feature of that name.
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

/// An original while it is developed.
struct Original<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    metadata: &'a Metadata,
}

/// Result of a format's decoder.
#[derive(Default)]
struct Decoded {
    /// Pixels, as stored; `None` where the file does not say.
    size: Option<(u32, u32)>,
    /// The container's own orientation, which replaces EXIF's. Counts as EXIF does, 1 to 8.
    orientation: Option<u8>,
    /// `None` where no decoder knows the coding.
    picture: Option<Picture>,
    /// Whether the picture is upright already, whatever the orientation says.
    is_upright: bool,
}

/// A decoded picture in the original's own colours and orientation, at least as large as the preview.
struct Picture {
    /// Pixels of the picture that it was made of.
    size: (u32, u32),
    bitmap: DecodedBitmap,
    colour: Colour,
}

impl Decoded {
    fn of(picture: Picture) -> Self {
        Self { size: Some(picture.size), picture: Some(picture), ..Self::default() }
    }

    /// The same, in the colour space that a camera states where the file has no profile.
    fn stated(self, colour: DcfColour) -> Self {
        let picture = self.picture.map(|picture| Picture { colour: picture.colour.stated(colour), ..picture });
        Self { picture, ..self }
    }

    /// A whole file in a coding that no decoder knows.
    fn unsupported(size: Option<(u32, u32)>) -> Self {
        Self { size, ..Self::default() }
    }
}

/// Develops one original.
///
/// `filename` is the upload's name: some RAW formats share TIFF's signature and are told apart by extension. Whatever name or
/// upload say otherwise, a photo is what its bytes are. Peak memory beside `original` is at most about 1.3 GiB (JPEG XL),
/// and 25 MB for a baseline JPEG of any size whose header states its height.
pub fn develop(original: &[u8], filename: &str, limits: &Limits) -> Result<Developed, Error> {
    limits.check_bytes(original.len())?;
    let format = content_type::detect(original, filename)?;
    // Hashes are needed last: where there is a second core, they cost no time.
    thread::scope(|scope| {
        let hashes = scope.spawn(|| (Sha256::digest(original).into(), crc32fast::hash(original)));
        let metadata = metadata::read(format.metadata, original);
        let decoded = (format.decode)(&Original { bytes: original, limits, metadata: &metadata })?;
        let orientation = decoded.orientation.or(metadata.orientation).unwrap_or(1);
        let turn = if decoded.is_upright { 1 } else { orientation };
        let derivatives = match decoded.picture {
            Some(picture) => render(picture, turn, &metadata.exif)?,
            None => Derivatives::UnsupportedFormat,
        };
        let (sha256, crc32) = hashes.join().map_err(|_| Error::Damaged)?;
        Ok(Developed {
            content_type: format.content_type,
            sha256,
            crc32,
            dimensions: decoded.size.map(|size| orient::upright(size, orientation)),
            orientation,
            exif: metadata.exif,
            derivatives,
        })
    })
}

/// Reads the metadata of an original without decoding its picture.
pub fn read_metadata(original: &[u8], filename: &str) -> Result<Exif, Error> {
    Ok(metadata::read(content_type::detect(original, filename)?.metadata, original).exif)
}

/// Makes the derivatives. Shrinks first, so that colour and orientation touch few pixels.
fn render(picture: Picture, orientation: u8, exif: &Exif) -> Result<Derivatives, Error> {
    let upright = orient::upright(picture.size, orientation);
    let (width, height) = orient::upright(resize::fit(upright, PREVIEW_LONG_EDGE), orientation);
    let small = resize::resize_decoded(picture.bitmap, width, height);
    let preview = colour::to_srgb(small, &picture.colour);

    let (width, height) = orient::upright(resize::fit(upright, THUMB_LONG_EDGE), orientation);
    let thumb = orient::orient(resize::resize(&preview, width, height), orientation);
    let (width, height) = resize::fit(upright, THUMBHASH_LONG_EDGE);
    let tiny = resize::resize(&thumb, width, height);
    Ok(Derivatives::Made {
        preview: jpeg::encode(&preview, orientation, exif)?,
        thumb: jpeg::encode(&thumb, UPRIGHT, exif)?,
        thumbhash: thumbhash_of(&tiny),
    })
}

fn thumbhash_of(tiny: &Bitmap) -> Vec<u8> {
    debug_assert_eq!(tiny.format, PixelFormat::Rgb);
    let rgba: Vec<u8> = tiny.samples.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], u8::MAX]).collect();
    thumbhash::rgba_to_thumb_hash(tiny.width as usize, tiny.height as usize, &rgba)
}
