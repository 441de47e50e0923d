//! JPEG within TIFF (technical note 2): each strip or tile is a JPEG whose tables may be in a field of the page.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Decompress};

use super::{
    Failure,
    layout::{Layout, Photometric},
};
use crate::{
    error::Error,
    jpeg::{self, Header},
    limits::check_working_bytes,
};

/// Rows of the largest unit that JPEG codes together. Encoders may round heights up to a multiple of it.
const LARGEST_BLOCK: u32 = 32;

/// The decoded rows of one strip or tile.
pub(super) struct JpegChunk {
    samples: Vec<u8>,
    at: usize,
}

impl JpegChunk {
    pub(super) fn decode(
        layout: &Layout,
        data: &[u8],
        tables: Option<&[u8]>,
        size: (u32, u32),
    ) -> Result<Self, Failure> {
        let stream = stream(layout, data, tables)?;
        let header = Header::read(&stream)?;
        check_working_bytes(layout.width, layout.height, layout.working_bytes() + header.coefficient_bytes())?;
        let decode = || decompress(&stream, layout, size);
        // Unwind safety: the closure owns what it changes.
        let samples = catch_unwind(AssertUnwindSafe(decode))
            .unwrap_or_else(|unwound| Err(Failure::Refused(jpeg::unwound(unwound.as_ref()))))?;
        Ok(Self { samples, at: 0 })
    }

    pub(super) fn read(&mut self, row: &mut [u8]) -> Result<(), Failure> {
        let end = self.at + row.len();
        row.copy_from_slice(self.samples.get(self.at..end).ok_or(Failure::Refused(Error::Damaged))?);
        self.at = end;
        Ok(())
    }
}

fn decompress(stream: &[u8], layout: &Layout, (width, rows): (u32, u32)) -> Result<Vec<u8>, Failure> {
    let channels = layout.samples_in_plane();
    let damaged = |_| Failure::Refused(Error::Damaged);
    let decoder = Decompress::with_err(jpeg::strict()).from_reader(stream).map_err(damaged)?;
    let space = match channels {
        1 => ColorSpace::JCS_GRAYSCALE,
        3 => ColorSpace::JCS_RGB,
        _ => ColorSpace::JCS_CMYK,
    };
    // A last strip may have the rows of a whole one. Any more rows would be decoded for each strip without use.
    let heights = rows as usize..=(layout.chunk_rows().next_multiple_of(LARGEST_BLOCK)) as usize;
    let is_size = decoder.width() == width as usize && heights.contains(&decoder.height());
    if decoder.components().len() != channels || !is_size {
        return Err(Failure::Unsupported);
    }
    let mut started = decoder.to_colorspace(space).map_err(damaged)?;
    let mut samples = vec![0; width as usize * rows as usize * channels];
    started.read_scanlines_into(&mut samples).map_err(damaged)?;
    Ok(samples)
}

/// Returns the chunk with the shared tables, and with a marker for the colours that TIFF states. Without the marker
/// libjpeg would guess; TIFF ignores the chunk's own markers.
fn stream(layout: &Layout, data: &[u8], tables: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    let transform = u8::from(layout.photometric == Photometric::YCbCr);
    let adobe = [0xFF, 0xEE, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, transform];
    let mut stream = [0xFF, 0xD8].to_vec();
    if layout.samples_in_plane() >= 3 {
        stream.extend_from_slice(&adobe);
    }
    if let Some(tables) = tables {
        segments(tables, &mut stream)?;
    }
    let scan = segments(data, &mut stream)?;
    stream.extend_from_slice(scan);
    Ok(stream)
}

/// Copies the segments that are no hints about colours, and returns the rest from the first scan on.
fn segments<'a>(data: &'a [u8], stream: &mut Vec<u8>) -> Result<&'a [u8], Failure> {
    let truncated = Failure::Refused(Error::Truncated);
    let mut rest = data;
    loop {
        match rest {
            [0xFF, 0xFF, ..] => rest = &rest[1..],
            [0xFF, 0xD8, after @ ..] => rest = after,
            [] | [0xFF, 0xD9 | 0xDA, ..] => return Ok(rest),
            [0xFF, marker, high, low, ..] => {
                let length = 2 + usize::from(u16::from_be_bytes([*high, *low]));
                let Some((segment, after)) = rest.split_at_checked(length) else { return Err(truncated) };
                if !matches!(marker, 0xE0..=0xEF | 0xFE) {
                    stream.extend_from_slice(segment);
                }
                rest = after;
            }
            [0xFF, ..] => return Err(truncated),
            _ => return Err(Failure::Refused(Error::Damaged)),
        }
    }
}
