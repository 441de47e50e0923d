//! The layout of a page's samples, as its fields describe it.

use super::Failure;
use crate::ifd::Directory;
use crate::{bitmap::PixelFormat, error::Error, reduce::Depth};

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const FILL_ORDER: u16 = 266;
const SAMPLES_PER_PIXEL: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const PLANAR_CONFIGURATION: u16 = 284;
const T4_OPTIONS: u16 = 292;
const PREDICTOR: u16 = 317;
const TILE_WIDTH: u16 = 322;
const TILE_HEIGHT: u16 = 323;
const INK_SET: u16 = 332;
const EXTRA_SAMPLES: u16 = 338;
const SAMPLE_FORMAT: u16 = 339;

/// The most samples per pixel: colours, alpha and saved selections. Photoshop writes at most 56 channels.
const MAX_SAMPLES_PER_PIXEL: u64 = 64;

/// The most pixels of a bitmap after reduction: a long edge of 8,192 pixels and more is reduced by 2 at least.
const MAX_BITMAP_PIXELS: u64 = 8192 * 8192;

/// The most decompressed bytes of a page: 250 megapixels of four 32-bit channels. This limits the time of decompression
/// bombs.
const MAX_DECOMPRESSED_BYTES: u64 = 4 << 30;

/// The most strips or tiles of all planes: a page of 250 megapixels has 976,563 tiles of 16 x 16 pixels, the smallest
/// that TIFF allows (6.0, section 15). This limits the time to start as many decoders.
const MAX_CHUNKS: u64 = 1 << 20;

/// The properties that determine the conversion of bytes to samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bits per sample.
    pub(super) bits: u32,
    pub(super) sample_format: SampleFormat,
    /// Samples per pixel: colours and extra samples.
    pub(super) samples: usize,
    /// Whether each sample has a plane of its own.
    pub(super) separate: bool,
    pub(super) photometric: Photometric,
    /// The bitmap's format.
    pub(super) format: PixelFormat,
    /// The index of the alpha sample, and its kind.
    pub(super) alpha: Option<(usize, Alpha)>,
    pub(super) compression: Compression,
    pub(super) predictor: Predictor,
    /// Whether the least significant bit of a byte comes first.
    pub(super) reversed_bits: bool,
    pub(super) chunks: Chunks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SampleFormat {
    Uint,
    Float,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    /// Only within JPEG, whose decoder converts it to RGB.
    YCbCr,
    /// Lab whose a and b are signed.
    CieLab,
    /// Lab whose a and b have 128 (or 32,768) added.
    IccLab,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alpha {
    /// Colours are already multiplied by alpha.
    Associated,
    Unassociated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    CcittRle,
    CcittGroup3,
    CcittGroup4,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
    Zstandard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    Horizontal,
    FloatingPoint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    Strips { rows: u32 },
    Tiles { width: u32, height: u32 },
}

/// Returns width and height.
pub(super) fn size(page: &Directory<'_>) -> Result<(u32, u32), Error> {
    let side = |tag| page.uint(tag).and_then(|side| u32::try_from(side).ok()).ok_or(Error::Damaged);
    Ok((side(WIDTH)?, side(HEIGHT)?))
}

impl Layout {
    /// Reads the fields of a page. Layouts that cannot be decoded are an error: unsupported.
    pub(super) fn read(page: &Directory<'_>, (width, height): (u32, u32)) -> Result<Self, Failure> {
        let samples = page.uint(SAMPLES_PER_PIXEL).unwrap_or(1);
        if !(1..=MAX_SAMPLES_PER_PIXEL).contains(&samples) {
            return Err(Failure::Unsupported);
        }
        let samples = usize::try_from(samples).map_err(|_| Failure::Unsupported)?;
        let compression = compression(page)?;
        let photometric = photometric(page, samples, compression)?;
        let (sample_format, bits) = sample_kind(page)?;
        let format = match photometric {
            Photometric::WhiteIsZero | Photometric::BlackIsZero => PixelFormat::Gray,
            Photometric::Rgb | Photometric::Palette | Photometric::YCbCr => PixelFormat::Rgb,
            Photometric::Cmyk => PixelFormat::Cmyk,
            Photometric::CieLab | Photometric::IccLab => PixelFormat::Lab,
        };
        let layout = Self {
            width,
            height,
            bits,
            sample_format,
            samples,
            separate: samples > 1 && page.uint(PLANAR_CONFIGURATION) == Some(2),
            photometric,
            format,
            alpha: alpha(page, samples, photometric),
            compression,
            predictor: predictor(page, compression)?,
            reversed_bits: page.uint(FILL_ORDER) == Some(2),
            chunks: chunks(page, height)?,
        };
        layout.check()?;
        Ok(layout)
    }

    /// Returns the samples per pixel that are colours, or indices into the palette.
    pub(super) fn colours(&self) -> usize {
        colours(self.photometric)
    }

    /// Returns the samples per pixel in one plane.
    pub(super) fn samples_in_plane(&self) -> usize {
        if self.separate { 1 } else { self.samples }
    }

    /// Returns the number of planes to decompress: the colours' and alpha's.
    pub(super) fn planes(&self) -> usize {
        if self.separate { self.colours() + usize::from(self.alpha.is_some()) } else { 1 }
    }

    /// Returns the index in the file of a decompressed plane.
    pub(super) fn plane_in_file(&self, plane: usize) -> usize {
        self.alpha.map_or(plane, |(at, _)| if plane < self.colours() { plane } else { at })
    }

    /// Returns the bytes of `pixels` pixels of one plane.
    pub(super) fn row_bytes(&self, pixels: u32) -> usize {
        (pixels as usize * self.samples_in_plane() * self.bits as usize).div_ceil(8)
    }

    /// Returns the bits per sample of the bitmap.
    pub(super) fn depth(&self) -> Depth {
        let is_eight = self.bits <= 8 && self.format != PixelFormat::Lab;
        if is_eight || self.photometric == Photometric::Palette { Depth::Eight } else { Depth::Sixteen }
    }

    /// Returns an upper bound of decoding's memory: the bitmap, its reduced copies, a band of tiles, and a JPEG strip
    /// or tile.
    pub(super) fn working_bytes(&self) -> u64 {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let bytes = if self.depth() == Depth::Eight { 1 } else { 2 };
        let bitmap = pixels.min(MAX_BITMAP_PIXELS) * self.format.channels() as u64 * bytes;
        let band = match self.chunks {
            Chunks::Strips { rows } if self.compression == Compression::Jpeg => {
                self.row_bytes(self.width) as u64 * u64::from(rows)
            }
            Chunks::Strips { .. } => self.row_bytes(self.width) as u64,
            Chunks::Tiles { width, height } => {
                let across = u64::from(self.width.div_ceil(width));
                let decoded = u64::from(self.compression == Compression::Jpeg);
                self.row_bytes(width) as u64 * (across + decoded) * u64::from(height)
            }
        };
        bitmap.saturating_add(band.saturating_mul(self.planes() as u64))
    }

    /// Returns the rows of a whole strip or tile.
    pub(super) fn chunk_rows(&self) -> u32 {
        match self.chunks {
            Chunks::Strips { rows } => rows.min(self.height),
            Chunks::Tiles { height, .. } => height,
        }
    }

    /// Counts the strips or tiles of all decompressed planes.
    fn chunk_count(&self) -> u64 {
        let in_plane = match self.chunks {
            Chunks::Strips { rows } => u64::from(self.height.div_ceil(rows)),
            Chunks::Tiles { width, height } => {
                u64::from(self.width.div_ceil(width)) * u64::from(self.height.div_ceil(height))
            }
        };
        in_plane * self.planes() as u64
    }

    /// Returns the decompressed bytes, including the padding of tiles.
    fn decompressed_bytes(&self) -> u64 {
        let plane = match self.chunks {
            Chunks::Strips { .. } => self.row_bytes(self.width) as u64 * u64::from(self.height),
            Chunks::Tiles { width, height } => {
                let tiles = u64::from(self.width.div_ceil(width)) * u64::from(self.height.div_ceil(height));
                (self.row_bytes(width) as u64 * u64::from(height)).saturating_mul(tiles)
            }
        };
        plane.saturating_mul(self.planes() as u64)
    }

    /// Returns an error for combinations that no writer makes, or that libtiff rejects too.
    fn check(&self) -> Result<(), Failure> {
        let bits = self.bits;
        let palette = self.photometric == Photometric::Palette;
        let lab = self.format == PixelFormat::Lab;
        let known = match self.sample_format {
            SampleFormat::Uint if palette => matches!(bits, 1 | 2 | 4 | 8 | 16),
            SampleFormat::Uint if lab => matches!(bits, 8 | 16),
            SampleFormat::Uint => (1..=16).contains(&bits) || matches!(bits, 24 | 32),
            SampleFormat::Float => matches!(bits, 16 | 32 | 64) && !palette && !lab,
        };
        let predictable = match self.predictor {
            Predictor::None => true,
            Predictor::Horizontal => matches!(bits, 8 | 16 | 32 | 64),
            Predictor::FloatingPoint => self.sample_format == SampleFormat::Float,
        };
        let in_compression = match self.compression {
            Compression::CcittRle | Compression::CcittGroup3 | Compression::CcittGroup4 => {
                bits == 1 && self.samples_in_plane() == 1 && u16::try_from(self.width).is_ok()
            }
            Compression::Jpeg => {
                bits == 8 && self.sample_format == SampleFormat::Uint && matches!(self.samples_in_plane(), 1 | 3 | 4)
            }
            _ => self.photometric != Photometric::YCbCr,
        };
        let tiled = match self.chunks {
            Chunks::Tiles { width, .. } => (width as usize * self.samples_in_plane() * bits as usize).is_multiple_of(8),
            Chunks::Strips { .. } => true,
        };
        let ycbcr_is_chunky = self.photometric != Photometric::YCbCr || (!self.separate && self.samples == 3);
        let enough = self.samples >= self.colours();
        if self.decompressed_bytes() <= MAX_DECOMPRESSED_BYTES
            && self.chunk_count() <= MAX_CHUNKS
            && known
            && predictable
            && in_compression
            && tiled
            && ycbcr_is_chunky
            && enough
        {
            Ok(())
        } else {
            Err(Failure::Unsupported)
        }
    }
}

fn colours(photometric: Photometric) -> usize {
    match photometric {
        Photometric::WhiteIsZero | Photometric::BlackIsZero | Photometric::Palette => 1,
        Photometric::Rgb | Photometric::YCbCr | Photometric::CieLab | Photometric::IccLab => 3,
        Photometric::Cmyk => 4,
    }
}

fn compression(page: &Directory<'_>) -> Result<Compression, Failure> {
    Ok(match page.uint(COMPRESSION).unwrap_or(1) {
        1 => Compression::None,
        2 => Compression::CcittRle,
        // Bit 0: lines may refer to the previous one.
        3 if page.uint(T4_OPTIONS).unwrap_or(0) & 1 == 0 => Compression::CcittGroup3,
        4 => Compression::CcittGroup4,
        5 => Compression::Lzw,
        7 => Compression::Jpeg,
        8 | 32_946 => Compression::Deflate,
        32_773 => Compression::PackBits,
        // libtiff's number, and the one that was registered first.
        50_000 | 34_926 => Compression::Zstandard,
        _ => return Err(Failure::Unsupported),
    })
}

fn photometric(page: &Directory<'_>, samples: usize, compression: Compression) -> Result<Photometric, Failure> {
    let is_ccitt = matches!(compression, Compression::CcittRle | Compression::CcittGroup3 | Compression::CcittGroup4);
    // Some writers leave the field out; libtiff guesses in the same way.
    let guess = if is_ccitt { 0 } else { u64::from(samples >= 3) + 1 };
    Ok(match page.uint(PHOTOMETRIC).unwrap_or(guess) {
        0 => Photometric::WhiteIsZero,
        1 => Photometric::BlackIsZero,
        2 => Photometric::Rgb,
        3 => Photometric::Palette,
        // Inks other than cyan, magenta, yellow and black need a profile of their own.
        5 if page.uint(INK_SET).unwrap_or(1) == 1 => Photometric::Cmyk,
        6 => Photometric::YCbCr,
        8 => Photometric::CieLab,
        9 => Photometric::IccLab,
        _ => return Err(Failure::Unsupported),
    })
}

/// Returns sample format and bits, if they are equal for all samples.
fn sample_kind(page: &Directory<'_>) -> Result<(SampleFormat, u32), Failure> {
    let same = |tag, default| {
        let Some(values) = page.values(tag) else { return Ok(default) };
        let first = values.uint(0).ok_or(Failure::Unsupported)?;
        if values.uints().all(|value| value == first) { Ok(first) } else { Err(Failure::Unsupported) }
    };
    let bits = u32::try_from(same(BITS_PER_SAMPLE, 1)?).map_err(|_| Failure::Unsupported)?;
    let format = match same(SAMPLE_FORMAT, 1)? {
        // 4 is "undefined", which libtiff reads as unsigned.
        1 | 4 => SampleFormat::Uint,
        // Lab's a and b are signed, and some writers state this for all three.
        2 if matches!(page.uint(PHOTOMETRIC), Some(8)) => SampleFormat::Uint,
        3 => SampleFormat::Float,
        _ => return Err(Failure::Unsupported),
    };
    Ok((format, bits))
}

/// Returns the first extra sample that is alpha. Unspecified ones are saved selections or spot colours. An undescribed
/// fourth sample of RGB is alpha, as in libtiff and libvips.
fn alpha(page: &Directory<'_>, samples: usize, photometric: Photometric) -> Option<(usize, Alpha)> {
    let Some(extra) = page.values(EXTRA_SAMPLES) else {
        return (photometric == Photometric::Rgb && samples == 4).then_some((3, Alpha::Unassociated));
    };
    let (at, kind) = extra.uints().enumerate().find(|(_, kind)| matches!(kind, 1 | 2))?;
    let kind = if kind == 1 { Alpha::Associated } else { Alpha::Unassociated };
    Some((colours(photometric) + at, kind)).filter(|&(at, _)| at < samples)
}

/// Reads the predictor. Only the dictionary codings have one; for others libtiff ignores the field.
fn predictor(page: &Directory<'_>, compression: Compression) -> Result<Predictor, Failure> {
    if !matches!(compression, Compression::Lzw | Compression::Deflate | Compression::Zstandard) {
        return Ok(Predictor::None);
    }
    match page.uint(PREDICTOR).unwrap_or(1) {
        1 => Ok(Predictor::None),
        2 => Ok(Predictor::Horizontal),
        3 => Ok(Predictor::FloatingPoint),
        _ => Err(Failure::Unsupported),
    }
}

fn chunks(page: &Directory<'_>, height: u32) -> Result<Chunks, Failure> {
    let side = |tag| page.uint(tag).map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    match (side(TILE_WIDTH), side(TILE_HEIGHT)) {
        (Some(width), Some(tile_height)) => {
            // At most the largest photo, so that products of sides and sample sizes fit in 64 bits.
            if width == 0 || tile_height == 0 || width.max(tile_height) > 1 << 17 {
                return Err(Failure::Unsupported);
            }
            Ok(Chunks::Tiles { width, height: tile_height })
        }
        _ => match side(ROWS_PER_STRIP).unwrap_or(u32::MAX) {
            0 => Err(Failure::Refused(Error::Damaged)),
            rows => Ok(Chunks::Strips { rows: rows.min(height) }),
        },
    }
}
