//! Decompression of one strip or tile, row by row.

use std::{
    borrow::Cow,
    io::{Cursor, ErrorKind, Read},
};

use flate2::read::ZlibDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use weezl::{BitOrder, LzwError, LzwStatus, decode::Decoder as LzwDecoder};

use super::{
    Failure,
    ccitt::Ccitt,
    jpeg::JpegChunk,
    layout::{Compression, Layout},
};
use crate::{error::Error, limits::check_working_bytes};

/// The decompressed bytes of a strip or tile, in order.
pub(super) enum ChunkReader<'a> {
    None(Cursor<Cow<'a, [u8]>>),
    PackBits(PackBits<'a>),
    Lzw { data: Cow<'a, [u8]>, at: usize, decoder: Box<LzwDecoder> },
    Deflate(Box<ZlibDecoder<Cursor<Cow<'a, [u8]>>>>),
    Zstandard(Box<StreamingDecoder<Cursor<Cow<'a, [u8]>>, FrameDecoder>>),
    Ccitt(Box<Ccitt<'a>>),
    Jpeg(JpegChunk),
}

impl<'a> ChunkReader<'a> {
    /// Creates a reader for a chunk of `width` and `rows`; `tables` are those that its JPEG shares with the others.
    pub(super) fn new(
        layout: &Layout,
        data: &'a [u8],
        tables: Option<&[u8]>,
        (width, rows): (u32, u32),
    ) -> Result<Self, Failure> {
        if layout.compression == Compression::Jpeg {
            return Ok(Self::Jpeg(JpegChunk::decode(layout, data, tables, (width, rows))?));
        }
        let data = if layout.reversed_bits {
            // Each plane needs a copy, and planes may share a strip.
            let copies = data.len() as u64 * layout.planes() as u64;
            check_working_bytes(layout.width, layout.height, layout.working_bytes() + copies)?;
            Cow::Owned(data.iter().map(|byte| byte.reverse_bits()).collect())
        } else {
            Cow::Borrowed(data)
        };
        Ok(match layout.compression {
            Compression::None | Compression::Jpeg => Self::None(Cursor::new(data)),
            Compression::PackBits => Self::PackBits(PackBits { data, at: 0, run: Run::Literal(0) }),
            Compression::Lzw => {
                // libtiff before 3.0 wrote codes in reverse bit order.
                if data.starts_with(&[0]) && data.get(1).is_some_and(|byte| byte & 1 == 1) {
                    return Err(Failure::Unsupported);
                }
                let decoder = Box::new(LzwDecoder::with_tiff_size_switch(BitOrder::Msb, 8));
                Self::Lzw { data, at: 0, decoder }
            }
            Compression::Deflate => Self::Deflate(Box::new(ZlibDecoder::new(Cursor::new(data)))),
            Compression::Zstandard => {
                // The decoder keeps a window in a buffer that doubles as it grows.
                let bytes = layout.row_bytes(width) as u64 * u64::from(rows);
                let window = zstandard_window(&data).ok_or(Error::Damaged)?.min(bytes);
                let windows = 2 * window * layout.planes() as u64;
                check_working_bytes(layout.width, layout.height, layout.working_bytes() + windows)?;
                let decoder = StreamingDecoder::new(Cursor::new(data)).map_err(|_| Error::Damaged)?;
                Self::Zstandard(Box::new(decoder))
            }
            Compression::CcittRle | Compression::CcittGroup3 | Compression::CcittGroup4 => {
                Self::Ccitt(Box::new(Ccitt::new(layout.compression, data, width)?))
            }
        })
    }

    /// Fills one row.
    pub(super) fn read(&mut self, row: &mut [u8]) -> Result<(), Failure> {
        match self {
            Self::None(data) => data.read_exact(row).map_err(|error| failure(&error)),
            Self::PackBits(data) => data.read(row).ok_or(Failure::Refused(Error::Truncated)),
            Self::Lzw { data, at, decoder } => lzw(data, at, decoder, row),
            Self::Deflate(stream) => stream.read_exact(row).map_err(|error| failure(&error)),
            Self::Zstandard(stream) => stream.read_exact(row).map_err(|error| failure(&error)),
            Self::Ccitt(lines) => lines.read(row),
            Self::Jpeg(decoded) => decoded.read(row),
        }
    }
}

fn failure(error: &std::io::Error) -> Failure {
    Failure::Refused(if error.kind() == ErrorKind::UnexpectedEof { Error::Truncated } else { Error::Damaged })
}

fn lzw(data: &[u8], at: &mut usize, decoder: &mut LzwDecoder, mut row: &mut [u8]) -> Result<(), Failure> {
    while !row.is_empty() {
        let result = decoder.decode_bytes(&data[*at..], row);
        *at += result.consumed_in;
        row = &mut row[result.consumed_out..];
        match result.status {
            Ok(LzwStatus::Ok) => {}
            Ok(LzwStatus::Done | LzwStatus::NoProgress) if row.is_empty() => {}
            Ok(LzwStatus::Done | LzwStatus::NoProgress) => return Err(Failure::Refused(Error::Truncated)),
            Err(LzwError::InvalidCode) => return Err(Failure::Refused(Error::Damaged)),
        }
    }
    Ok(())
}

/// Returns the bytes of the window of a Zstandard frame (RFC 8878, 3.1.1.1), or of its content if that is one segment.
fn zstandard_window(frame: &[u8]) -> Option<u64> {
    let &[descriptor, next] = frame.get(4..)?.first_chunk::<2>()?;
    if descriptor & 0x20 == 0 {
        let base = 1_u64 << (10 + (next >> 3));
        return Some(base + base / 8 * u64::from(next & 7));
    }
    // The size follows the dictionary's identifier, of which `next` may be a byte.
    let identifier = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let digits = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let field = frame.get(5 + identifier..)?.get(..digits)?;
    let size = field.iter().rev().fold(0, |size, &byte| size << 8 | u64::from(byte));
    Some(if digits == 2 { size + 256 } else { size })
}

/// Runs of equal bytes and literal bytes (TIFF 6.0, section 9). A run may end in the next row.
pub(super) struct PackBits<'a> {
    data: Cow<'a, [u8]>,
    at: usize,
    run: Run,
}

enum Run {
    Literal(usize),
    Repeat(usize, u8),
}

impl PackBits<'_> {
    fn read(&mut self, row: &mut [u8]) -> Option<()> {
        let mut filled = 0;
        while filled < row.len() {
            let rest = &mut row[filled..];
            match &mut self.run {
                Run::Literal(0) | Run::Repeat(0, _) => self.run = self.next_run()?,
                Run::Literal(left) => {
                    let count = rest.len().min(*left);
                    rest[..count].copy_from_slice(self.data.get(self.at..self.at + count)?);
                    self.at += count;
                    filled += count;
                    *left -= count;
                }
                Run::Repeat(left, byte) => {
                    let count = rest.len().min(*left);
                    rest[..count].fill(*byte);
                    filled += count;
                    *left -= count;
                }
            }
        }
        Some(())
    }

    fn next_run(&mut self) -> Option<Run> {
        /// A byte without a meaning.
        const NOTHING: u8 = 128;
        let mut bytes = self.data.get(self.at..)?.iter().copied().enumerate();
        let (at, head) = bytes.find(|&(_, byte)| byte != NOTHING)?;
        self.at += at + 1;
        Some(if head < NOTHING {
            Run::Literal(usize::from(head) + 1)
        } else {
            let byte = *self.data.get(self.at)?;
            self.at += 1;
            Run::Repeat(257 - usize::from(head), byte)
        })
    }
}
