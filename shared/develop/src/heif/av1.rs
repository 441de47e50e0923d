//! AV1 by `re_rav1d`: the picture of one temporal unit.
//!
//! The crate has only dav1d's C interface, as Rust functions on raw pointers; only [`Decoder`] calls them. It decodes
//! on the calling thread: after a panic in a thread of the crate's own, the caller would wait forever.

#![expect(unsafe_code, reason = "re_rav1d has dav1d's C interface only")]

use std::{mem::MaybeUninit, ptr::NonNull, slice};

use re_rav1d::{
    Dav1dResult,
    include::dav1d::{
        data::Dav1dData,
        dav1d::{Dav1dContext, Dav1dSettings},
        headers::{DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422, Dav1dSequenceHeader},
        picture::Dav1dPicture,
    },
    src::lib::{
        dav1d_close, dav1d_data_create, dav1d_data_unref, dav1d_default_settings, dav1d_get_picture, dav1d_open,
        dav1d_parse_sequence_header, dav1d_picture_unref, dav1d_send_data,
    },
};

use super::{
    frame::{Chroma, Coding, Frame, Samples},
    plan::{CodePoints, Layer},
};
use crate::{
    bmff::Fields,
    error::{Error, Failure},
    limits::MEGAPIXEL,
};

/// The most frames of one item: layers of growing quality.
const MAX_FRAMES: usize = 8;
/// The most pixels in all frames of all tiles, if each tile has as many frames as the present one. To decode them takes
/// about 25 s.
const MAX_FRAME_PIXELS: u64 = 250 * MEGAPIXEL;
/// `-EAGAIN` of Linux: a picture must be taken, or data be sent, first.
const AGAIN: Dav1dResult = Dav1dResult(-11);
/// `-ENOPROTOOPT` of Linux: the decoder does not support the bitstream.
const UNKNOWN: Dav1dResult = Dav1dResult(-92);
const DONE: Dav1dResult = Dav1dResult(0);

/// Decodes a tile.
pub(super) fn decode(layer: &Layer<'_>, data: &[u8]) -> Result<Frame, Failure> {
    // A frame of 100 bytes can take as long as any other of its size, and a file has room for millions of them.
    let headers = Headers::count(data).ok_or(Error::Damaged)?;
    if headers.frames == 0 || headers.sequences == 0 {
        return Err(Error::Damaged.into());
    }
    let picture = u64::from(layer.size.0) * u64::from(layer.size.1);
    let is_long = headers.frames > 1 && picture * headers.frames as u64 > MAX_FRAME_PIXELS;
    if headers.frames > MAX_FRAMES || is_long || headers.sequences > 1 {
        return Err(Failure::Unsupported);
    }
    let sequence = sequence(data)?;
    let announced = layer.announced().ok_or(Error::Damaged)?;
    if coding(&sequence, 8).samples() > announced.samples || (sequence.hbd > 0 && announced.depth == 8) {
        return Err(Failure::Unsupported);
    }
    let pixels = u64::from(layer.tile_size.0) * u64::from(layer.tile_size.1);
    let max_pixels = u32::try_from(pixels).map_err(|_| Failure::Unsupported)?;
    Decoder::open(max_pixels)?.decode(data)?.frame()
}

/// The numbers of headers of an item.
#[derive(Debug, Default, PartialEq, Eq)]
struct Headers {
    sequences: usize,
    frames: usize,
}

impl Headers {
    /// Counts the headers among the OBUs of a temporal unit (AV1, 5.3); `None` if the OBUs do not fill it.
    fn count(data: &[u8]) -> Option<Self> {
        const SEQUENCE_HEADER: u8 = 1;
        const FRAME_HEADER: u8 = 3;
        const FRAME: u8 = 6;
        let mut headers = Self::default();
        let mut fields = Fields(data);
        while !fields.0.is_empty() {
            let header = fields.u8()?;
            if header & 4 != 0 {
                fields.skip(1);
            }
            let size = if header & 2 == 0 { fields.0.len() } else { leb128(&mut fields)? };
            fields.take(size)?;
            match header >> 3 & 15 {
                SEQUENCE_HEADER => headers.sequences += 1,
                FRAME_HEADER | FRAME => headers.frames += 1,
                _ => {}
            }
        }
        Some(headers)
    }
}

/// Reads only the sequence header.
fn sequence(data: &[u8]) -> Result<Dav1dSequenceHeader, Failure> {
    let mut sequence = MaybeUninit::<Dav1dSequenceHeader>::uninit();
    // SAFETY: the function reads `data.len()` bytes, and on success initializes the whole target of the first pointer.
    let result = unsafe {
        dav1d_parse_sequence_header(
            Some(NonNull::from(&mut sequence).cast()),
            Some(NonNull::from(data).cast()),
            data.len(),
        )
    };
    if result != DONE {
        return Err(failure(result));
    }
    // SAFETY: the function succeeded.
    Ok(unsafe { sequence.assume_init() })
}

fn coding(sequence: &Dav1dSequenceHeader, depth: u8) -> Coding {
    let chroma = match sequence.layout {
        DAV1D_PIXEL_LAYOUT_I400 => Chroma::None,
        DAV1D_PIXEL_LAYOUT_I420 => Chroma::Quarter,
        DAV1D_PIXEL_LAYOUT_I422 => Chroma::Half,
        _ => Chroma::Full,
    };
    let code = |code: u32| u8::try_from(code).unwrap_or(CodePoints::UNSPECIFIED);
    let code_points = CodePoints {
        primaries: code(sequence.pri),
        transfer: code(sequence.trc),
        matrix: code(sequence.mtrx),
        full_range: sequence.color_range != 0,
    };
    Coding { chroma, depth: [depth; 2], code_points }
}

fn leb128(fields: &mut Fields<'_>) -> Option<usize> {
    let mut number = 0;
    for shift in (0..56).step_by(7) {
        let byte = fields.u8()?;
        number |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// An open decoder. Dropping it closes the decoder.
struct Decoder(Option<Dav1dContext>);

/// A decoded picture. Dropping it releases the picture.
struct DecodedPicture(Dav1dPicture);

/// Input bytes of a decoder. Dropping it releases them.
struct Data(Dav1dData);

impl Decoder {
    fn open(max_pixels: u32) -> Result<Self, Failure> {
        let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
        // SAFETY: the function initializes the whole target of the pointer, which is valid for writes, and reads
        // nothing.
        let mut settings = unsafe {
            dav1d_default_settings(NonNull::from(&mut settings).cast());
            settings.assume_init()
        };
        settings.n_threads = 1;
        settings.max_frame_delay = 1;
        settings.frame_size_limit = max_pixels;
        // Of several layers only the best is returned.
        settings.all_layers = 0;
        let mut context = None;
        // SAFETY: both pointers come from exclusive references, which outlive the call.
        let result = unsafe { dav1d_open(Some(NonNull::from(&mut context)), Some(NonNull::from(&mut settings))) };
        if result == DONE { Ok(Self(context)) } else { Err(Error::Damaged.into()) }
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<DecodedPicture, Failure> {
        let mut data = Data::copy(bytes)?;
        // Each round sends a frame or receives a picture.
        for _ in 0..=MAX_FRAMES {
            if data.0.sz > 0 {
                // SAFETY: the context is open, because only `drop` closes it; the data was made by `dav1d_data_create`.
                let result = unsafe { dav1d_send_data(self.0, Some(NonNull::from(&mut data.0))) };
                if result != DONE && result != AGAIN {
                    return Err(failure(result));
                }
            }
            let mut picture = DecodedPicture(Dav1dPicture::default());
            // SAFETY: the context is open; the picture may be overwritten, because it holds no references.
            let result = unsafe { dav1d_get_picture(self.0, Some(NonNull::from(&mut picture.0))) };
            match result {
                DONE => return Ok(picture),
                AGAIN if data.0.sz > 0 => {}
                AGAIN => break,
                result => return Err(failure(result)),
            }
        }
        Err(Error::Damaged.into())
    }
}

fn failure(result: Dav1dResult) -> Failure {
    if result == UNKNOWN { Failure::Unsupported } else { Error::Damaged.into() }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the context comes from `dav1d_open`, and nothing else closes it.
        unsafe { dav1d_close(Some(NonNull::from(&mut self.0))) }
    }
}

impl Data {
    fn copy(bytes: &[u8]) -> Result<Self, Failure> {
        let mut data = Self(Dav1dData::default());
        // SAFETY: the pointer comes from an exclusive reference to a value without references of its own.
        let start = unsafe { dav1d_data_create(Some(NonNull::from(&mut data.0)), bytes.len()) };
        let start = NonNull::new(start).ok_or(Error::Damaged)?;
        // SAFETY: the function allocated `bytes.len()` bytes at `start`, which nothing else points to yet.
        unsafe { start.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        Ok(data)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        // SAFETY: the data is empty, or was written by `dav1d_data_create` or `dav1d_send_data`.
        unsafe { dav1d_data_unref(Some(NonNull::from(&mut self.0))) }
    }
}

impl Drop for DecodedPicture {
    fn drop(&mut self) {
        // SAFETY: the picture is empty, or was written by `dav1d_get_picture`.
        unsafe { dav1d_picture_unref(Some(NonNull::from(&mut self.0))) }
    }
}

impl DecodedPicture {
    /// Copies the samples.
    fn frame(&self) -> Result<Frame, Failure> {
        let picture = &self.0;
        // SAFETY: the header belongs to the picture, which holds a reference to it until it is released.
        let sequence = unsafe { picture.seq_hdr.ok_or(Error::Damaged)?.as_ref() };
        let positive = |side: i32| u32::try_from(side).map_err(|_| Error::Damaged);
        let size = (positive(picture.p.w)?, positive(picture.p.h)?);
        let depth = u8::try_from(picture.p.bpc).map_err(|_| Error::Damaged)?;
        let coding = coding(sequence, depth);
        if sequence.layout != picture.p.layout {
            return Err(Error::Damaged.into());
        }
        let planes = (0..if coding.chroma == Chroma::None { 1 } else { 3 })
            .map(|plane| self.plane(plane, size, coding.chroma))
            .collect::<Option<_>>();
        Ok(Frame { size, coding, planes: planes.ok_or(Error::Damaged)? })
    }

    /// Copies a plane; `None` if the picture does not have it.
    fn plane(&self, plane: usize, (width, height): (u32, u32), chroma: Chroma) -> Option<Samples> {
        let (mut columns, mut rows) = (width as usize, height as usize);
        if plane > 0 {
            (columns, rows) = (chroma.columns(columns), chroma.rows(rows));
        }
        let start = self.0.data[plane]?;
        let stride = usize::try_from(self.0.stride[plane.min(1)]).ok()?;
        let is_eight = self.0.p.bpc == 8;
        if stride < if is_eight { columns } else { 2 * columns } {
            return None;
        }
        if is_eight {
            let mut samples = Vec::with_capacity(columns * rows);
            for row in 0..rows {
                // SAFETY: a plane has `rows` rows of `stride` bytes, of which at least `columns` are samples of one
                // byte. Nothing writes to a picture after the decoder has returned it.
                samples.extend_from_slice(unsafe {
                    slice::from_raw_parts(start.cast().add(row * stride).as_ptr(), columns)
                });
            }
            Some(Samples::Eight(samples))
        } else {
            let mut samples = Vec::with_capacity(columns * rows);
            for row in 0..rows {
                // SAFETY: as above, with samples of two bytes. The decoder aligns planes and strides to multiples of
                // them.
                let line =
                    unsafe { slice::from_raw_parts(start.byte_add(row * stride).cast::<u16>().as_ptr(), columns) };
                samples.extend_from_slice(line);
            }
            Some(Samples::Sixteen(samples))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_counted() {
        // Temporal delimiter, sequence header of 3 bytes, frame of 2, frame header without a size.
        let headers = Headers::count(&[0x12, 0, 0x0A, 3, 7, 7, 7, 0x32, 2, 7, 7, 0x18, 7, 7]);
        assert_eq!(headers, Some(Headers { sequences: 1, frames: 2 }));
        assert_eq!(Headers::count(&[0x12, 0]), Some(Headers::default()));
        assert_eq!(Headers::count(&[0x32, 200, 1]), None);
        assert_eq!(Headers::count(&[0x32, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), None);
    }
}
