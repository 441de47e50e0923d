//! PNG: pixels by the `png` crate, row by row; the colour space by a walk over the chunks.

mod colour;

use std::io::Cursor;

use png::{BitDepth, ColorType, DecodeOptions, Decoder, DecodingError, Reader, Transformations};

use super::{
    Decoded, Original, PREVIEW_LONG_EDGE, Picture,
    bitmap::{DecodedBitmap, PixelFormat},
    catch_panic::guarded,
    error::Error,
    limits::{Limits, MAX_WORKING_BYTES, check_working_bytes},
    reduce::{Depth, Reducer, over_white, premultiplied},
    truncation,
};

/// Decodes a PNG, or the default image of an animated one, over white.
pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    let decoded = read_as(original, (PREVIEW_LONG_EDGE, Transparency::OverWhite))?;
    Ok(decoded.map_or_else(Decoded::unsupported, |(picture, _)| Decoded::of(picture)))
}

/// Decodes a PNG to at least twice `long_edge`, with its alpha. Its colours are premultiplied, in 16 bits. `None` if the
/// coding is not supported.
pub(super) fn read_with_alpha(original: &Original<'_>, long_edge: u32) -> Result<Option<WithAlpha>, Error> {
    Ok(read_as(original, (long_edge, Transparency::Kept))?.ok())
}

/// A picture, and its alpha if the file has one.
pub(super) type WithAlpha = (Picture, Option<DecodedBitmap>);

/// Treatment of transparent pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transparency {
    /// Blended over white.
    OverWhite,
    /// Alpha is a picture of its own.
    Kept,
}

/// Returns the picture, or the size of one in an unsupported coding.
type Found = Result<WithAlpha, Option<(u32, u32)>>;

fn read_as(original: &Original<'_>, to: (u32, Transparency)) -> Result<Found, Error> {
    truncation::png(original.bytes)?;
    guarded(|| decode(original.bytes, original.limits, to)).unwrap_or(Err(Error::Damaged))
}

fn decode(bytes: &[u8], limits: &Limits, (long_edge, transparency): (u32, Transparency)) -> Result<Found, Error> {
    let mut options = DecodeOptions::default();
    // Both may inflate to any size; `colour` reads profiles.
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_limits(png::Limits { bytes: usize::try_from(2 * MAX_WORKING_BYTES).unwrap_or(usize::MAX) });
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(|error| to_error(&error))?;
    let size = (header.width, header.height);
    limits.check_pixels(size.0, size.1)?;
    let mut reader = decoder.read_info().map_err(|error| to_error(&error))?;
    let Some(colour) = colour::read(bytes) else { return Ok(Err(Some(size))) };

    let (color_type, bit_depth) = reader.output_color_type();
    let (format, has_alpha) = match color_type {
        ColorType::Grayscale => (PixelFormat::Gray, false),
        ColorType::GrayscaleAlpha => (PixelFormat::Gray, true),
        ColorType::Rgb => (PixelFormat::Rgb, false),
        ColorType::Rgba => (PixelFormat::Rgb, true),
        ColorType::Indexed => return Ok(Err(Some(size))),
    };
    let depth = match bit_depth {
        BitDepth::Eight => Depth::Eight,
        BitDepth::Sixteen => Depth::Sixteen,
        _ => return Ok(Err(Some(size))),
    };
    let keeps_alpha = has_alpha && transparency == Transparency::Kept;
    // Premultiplied colours lose precision in 8 bits.
    let reduced = if keeps_alpha { Depth::Sixteen } else { depth };
    let mut rows = Rows {
        reducer: Reducer::new(size, long_edge, format, reduced),
        alpha: keeps_alpha.then(|| Reducer::new(size, long_edge, PixelFormat::Gray, Depth::Sixteen)),
        format,
        has_alpha,
        depth,
        row: Vec::new(),
    };
    read_rows(&mut reader, size, &mut rows)?;
    let alpha = rows.alpha.map(Reducer::finish);
    Ok(Ok((Picture { size, bitmap: rows.reducer.finish(), colour }, alpha)))
}

/// Reads all rows. Interlaced files are complete only after the last pass, so all rows are kept until then.
fn read_rows(reader: &mut Reader<Cursor<&[u8]>>, size: (u32, u32), rows: &mut Rows) -> Result<(), Error> {
    if reader.info().interlaced {
        let bytes = reader.output_buffer_size().ok_or(Error::Damaged)?;
        check_working_bytes(size.0, size.1, bytes as u64)?;
        let mut whole = vec![0; bytes];
        let frame = reader.next_frame(&mut whole).map_err(|error| to_error(&error))?;
        for row in whole.chunks_exact(frame.line_size) {
            rows.push(row);
        }
    } else {
        for _ in 0..size.1 {
            let row = reader.next_row().map_err(|error| to_error(&error))?.ok_or(Error::Truncated)?;
            rows.push(row.data());
        }
        // Reads the rest of the image data, because its checksum covers the last rows.
        reader.next_row().map_err(|error| to_error(&error))?;
    }
    Ok(())
}

/// Converts rows of the decoder's samples to the reducer's.
struct Rows {
    reducer: Reducer,
    /// Takes the alpha, which is kept.
    alpha: Option<Reducer>,
    format: PixelFormat,
    has_alpha: bool,
    depth: Depth,
    row: Vec<u16>,
}

impl Rows {
    fn push(&mut self, bytes: &[u8]) {
        self.row.clear();
        match self.depth {
            Depth::Eight => self.row.extend(bytes.iter().map(|&sample| u16::from(sample) * 257)),
            Depth::Sixteen => self.row.extend(bytes.as_chunks().0.iter().map(|&two| u16::from_be_bytes(two))),
        }
        if let Some(alpha) = &mut self.alpha {
            let alphas: Vec<u16> =
                self.row.iter().skip(self.format.channels()).step_by(self.format.channels() + 1).copied().collect();
            alpha.push(&alphas);
            drop_alpha(&mut self.row, self.format.channels(), premultiplied);
        } else if self.has_alpha {
            drop_alpha(&mut self.row, self.format.channels(), over_white);
        }
        self.reducer.push(&self.row);
    }
}

/// Blends pixels of `colours` samples and alpha, in place.
fn drop_alpha(row: &mut Vec<u16>, colours: usize, blend: fn(u16, u16) -> u16) {
    let pixels = row.len() / (colours + 1);
    for pixel in 0..pixels {
        let from = pixel * (colours + 1);
        let alpha = row[from + colours];
        for at in 0..colours {
            row[pixel * colours + at] = blend(row[from + at], alpha);
        }
    }
    row.truncate(pixels * colours);
}

fn to_error(error: &DecodingError) -> Error {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Error::Truncated,
        _ => Error::Damaged,
    }
}
