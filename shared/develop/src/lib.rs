//! Develops an original: bytes in, metadata and derivatives out. The crate is pure: it uses no clock, network or files.
//!
//! The order of steps matters: first the kind of the file, then the size that it states, and only then allocation and
//! decoding, because an original is untrusted input.

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
mod logo;
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
pub use self::{
    error::Error,
    limits::Limits,
    logo::{Logo, LogoError, logo},
};

/// The long edge of the preview in pixels: fills a laptop screen, and a 2x phone.
const PREVIEW_LONG_EDGE: u32 = 2048;
/// The long edge of the thumbnail in pixels: a gallery column at 2x.
const THUMB_LONG_EDGE: u32 = 400;
/// The long edge of a thumbhash's input in pixels: the format's maximum. Larger inputs only cost time.
const THUMBHASH_LONG_EDGE: u32 = 100;

/// The orientation of an upright picture.
const UPRIGHT: u8 = 1;

/// The results for one original.
#[derive(Debug, Clone, PartialEq)]
pub struct Developed {
    /// The media type of the bytes, such as `image/jpeg`, whatever the upload stated.
    pub content_type: &'static str,
    /// SHA-256 of the original.
    pub sha256: [u8; 32],
    /// CRC-32 (IEEE) of the original, for ZIP files.
    pub crc32: u32,
    /// Width and height in pixels, upright; `None` if the format is not supported and does not state them.
    pub dimensions: Option<(u32, u32)>,
    /// Orientation of the original as EXIF counts, 1 to 8; 1 if none is stated. HEIF, AVIF and JPEG XL state their own,
    /// which replaces EXIF's. Derivatives are already upright.
    pub orientation: u8,
    /// Metadata of the camera and of editors: EXIF, XMP and IPTC.
    pub exif: Exif,
    /// The pictures, if the format is supported.
    pub derivatives: Derivatives,
}

/// The pictures made from an original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derivatives {
    /// Upright pictures, tagged sRGB, without metadata except copyright notice, creator and credit line.
    Made {
        /// Long edge at most 2048 px.
        preview: Jpeg,
        /// Long edge at most 400 px.
        thumb: Jpeg,
        /// A few dozen bytes that render as a blurred placeholder.
        thumbhash: Vec<u8>,
    },
    /// A file that is stored and deliverable, but has no pictures: camera RAW without a JPEG inside, the rarer codings
    /// of other formats, HDR without an SDR picture (PQ, HLG), JPEG XL that needs more memory than available or has
    /// patches, Photoshop documents and videos; and HEIC, AVIF or JPEG XL if the crate is built without the feature of
    /// that name.
    UnsupportedFormat,
}

/// One encoded derivative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jpeg {
    /// The file.
    pub bytes: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// CRC-32 (IEEE) of `bytes`.
    pub crc32: u32,
}

/// An original during development.
struct Original<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    metadata: &'a Metadata,
}

/// The result of a format's decoder.
#[derive(Default)]
struct Decoded {
    /// Pixels, as stored; `None` if the file does not state them.
    size: Option<(u32, u32)>,
    /// The container's own orientation, as EXIF counts, 1 to 8. It replaces EXIF's.
    orientation: Option<u8>,
    /// The picture; `None` if no decoder supports the coding.
    picture: Option<Picture>,
    /// Whether the picture is already upright, whatever the orientation states.
    is_upright: bool,
}

/// A decoded picture in the original's own colours and orientation, at least as large as the preview.
struct Picture {
    /// The size in pixels of the picture before reduction.
    size: (u32, u32),
    bitmap: DecodedBitmap,
    colour: Colour,
}

impl Decoded {
    fn of(picture: Picture) -> Self {
        Self { size: Some(picture.size), picture: Some(picture), ..Self::default() }
    }

    /// Sets the colour space that a camera states, if the file has no profile.
    fn stated(self, colour: DcfColour) -> Self {
        let picture = self.picture.map(|picture| Picture { colour: picture.colour.stated(colour), ..picture });
        Self { picture, ..self }
    }

    /// Returns the result for a complete file in an unsupported coding.
    fn unsupported(size: Option<(u32, u32)>) -> Self {
        Self { size, ..Self::default() }
    }
}

/// Develops one original.
///
/// `filename` is the upload's name: some RAW formats share TIFF's signature and are distinguished by extension.
/// Otherwise the bytes alone determine the kind of a photo. Peak memory besides `original` is at most about 1.3 GiB
/// (JPEG XL), and 25 MB for a baseline JPEG of any size whose header states its height.
pub fn develop(original: &[u8], filename: &str, limits: &Limits) -> Result<Developed, Error> {
    limits.check_bytes(original.len())?;
    let format = content_type::detect(original, filename)?;
    // The hashes are needed last, so they cost no time on a second core.
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

/// Facts that the start of an original shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Sniffed {
    /// The media type of the bytes, such as `image/tiff`, whatever the upload stated.
    pub content_type: &'static str,
    /// Orientation as EXIF counts, 1 to 8; 1 if none is stated.
    pub orientation: u8,
    /// Metadata that lies in these bytes.
    pub exif: Exif,
}

/// Reads media type and metadata of an original that is too large to be developed, by its first bytes.
pub fn sniff(start: &[u8], filename: &str) -> Result<Sniffed, Error> {
    let format = content_type::detect(start, filename)?;
    let metadata = metadata::read(format.metadata, start);
    Ok(Sniffed {
        content_type: format.content_type,
        orientation: metadata.orientation.unwrap_or(UPRIGHT),
        exif: metadata.exif,
    })
}

/// Reads the metadata in an XMP sidecar, which editors write beside a photo. A file that is no XMP has none.
pub fn read_sidecar(xmp: &[u8]) -> Exif {
    metadata::sidecar(xmp)
}

/// Reads the metadata of an original without decoding its picture.
pub fn read_metadata(original: &[u8], filename: &str) -> Result<Exif, Error> {
    Ok(metadata::read(content_type::detect(original, filename)?.metadata, original).exif)
}

/// Makes the derivatives. The picture is reduced first, so that colour and orientation process few pixels.
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
