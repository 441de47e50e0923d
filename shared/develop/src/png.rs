//! PNG: pixels by the `png` crate, row by row; the colour space by a walk over the chunks.

mod colour;

use std::io::Cursor;

use png::{BitDepth, ColorType, DecodeOptions, Decoder, DecodingError, Reader, Transformations};

use super::{
    Decoded, Original, PREVIEW_LONG_EDGE, Picture,
    bitmap::PixelFormat,
    catch_panic::guarded,
    error::Error,
    limits::{Limits, MAX_WORKING_BYTES, check_working_bytes},
    reduce::{Depth, Reducer, over_white},
    truncation,
};

/// Decodes a PNG, or the default image of an animated one.
pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    truncation::png(original.bytes)?;
    guarded(|| decode(original.bytes, original.limits)).unwrap_or(Err(Error::Damaged))
}

fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
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
    let Some(colour) = colour::read(bytes) else { return Ok(Decoded::unsupported(Some(size))) };

    let (color_type, bit_depth) = reader.output_color_type();
    let (format, has_alpha) = match color_type {
        ColorType::Grayscale => (PixelFormat::Gray, false),
        ColorType::GrayscaleAlpha => (PixelFormat::Gray, true),
        ColorType::Rgb => (PixelFormat::Rgb, false),
        ColorType::Rgba => (PixelFormat::Rgb, true),
        ColorType::Indexed => return Ok(Decoded::unsupported(Some(size))),
    };
    let depth = match bit_depth {
        BitDepth::Eight => Depth::Eight,
        BitDepth::Sixteen => Depth::Sixteen,
        _ => return Ok(Decoded::unsupported(Some(size))),
    };
    let mut rows = Rows {
        reducer: Reducer::new(size, PREVIEW_LONG_EDGE, format, depth),
        format,
        has_alpha,
        depth,
        row: Vec::new(),
    };
    read_rows(&mut reader, size, &mut rows)?;
    Ok(Decoded::of(Picture { size, bitmap: rows.reducer.finish(), colour }))
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
        if self.has_alpha {
            drop_alpha(&mut self.row, self.format.channels());
        }
        self.reducer.push(&self.row);
    }
}

/// Blends pixels of `colours` samples and alpha over white, in place.
fn drop_alpha(row: &mut Vec<u16>, colours: usize) {
    let pixels = row.len() / (colours + 1);
    for pixel in 0..pixels {
        let from = pixel * (colours + 1);
        let alpha = row[from + colours];
        for at in 0..colours {
            row[pixel * colours + at] = over_white(row[from + at], alpha);
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
