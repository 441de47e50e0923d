//! Fax codings of black and white (ITU-T T.4 and T.6), by the `fax` crate.

use std::{borrow::Cow, cell::Cell, convert::Infallible, rc::Rc};

use fax::{
    Color,
    decoder::{DecodeStatus, Group3Decoder, Group4Decoder, pels},
};

use super::{Failure, layout::Compression};
use crate::error::Error;

/// The most bytes of fill before a line. A scan line of 40 ms at 9,600 bit/s, the slowest device of T.4, has 48.
const MAX_FILL: usize = 4096;

/// The lines of one strip.
pub(super) struct Ccitt<'a> {
    decoder: Decoder<'a>,
    width: u16,
    /// The bytes that the current line may still read. The decoder stores all changes of a line, and codes that go
    /// backwards can make any number of them.
    left: Rc<Cell<usize>>,
}

enum Decoder<'a> {
    Group3(Group3Decoder<Bytes<'a>>),
    Group4(Group4Decoder<Bytes<'a>>),
}

/// An iterator over bytes that are borrowed or owned.
struct Bytes<'a> {
    data: Cow<'a, [u8]>,
    at: usize,
    left: Rc<Cell<usize>>,
}

impl Iterator for Bytes<'_> {
    type Item = Result<u8, Infallible>;

    fn next(&mut self) -> Option<Self::Item> {
        let byte = *self.data.get(self.at)?;
        self.at += 1;
        self.left.set(self.left.get().checked_sub(1)?);
        Some(Ok(byte))
    }
}

impl<'a> Ccitt<'a> {
    pub(super) fn new(compression: Compression, data: Cow<'a, [u8]>, width: u32) -> Result<Self, Failure> {
        let width = u16::try_from(width).map_err(|_| Failure::Unsupported)?;
        let left = Rc::new(Cell::new(line_bytes(width)));
        let bytes = Bytes { data, at: 0, left: Rc::clone(&left) };
        let decoder = match compression {
            // Without end-of-line codes the decoder finds no first line.
            Compression::CcittGroup3 => Decoder::Group3(Group3Decoder::new(bytes).map_err(|_| Failure::Unsupported)?),
            Compression::CcittGroup4 => {
                Decoder::Group4(Group4Decoder::new(bytes, width).map_err(|_| Failure::Unsupported)?)
            }
            _ => return Err(Failure::Unsupported),
        };
        Ok(Self { decoder, width, left })
    }

    /// Fills one row; black is 1.
    pub(super) fn read(&mut self, row: &mut [u8]) -> Result<(), Failure> {
        let damaged = Failure::Refused(Error::Damaged);
        self.left.set(line_bytes(self.width));
        let changes = match &mut self.decoder {
            Decoder::Group3(lines) => {
                // The end may be reported together with the last line.
                if lines.advance().is_err() && lines.transitions().is_empty() {
                    return Err(damaged);
                }
                if lines.transitions().last() != Some(&self.width) {
                    return Err(damaged);
                }
                lines.transitions()
            }
            Decoder::Group4(lines) => match lines.advance() {
                Ok(DecodeStatus::Incomplete) => lines.transition(),
                // Rows are missing.
                Ok(DecodeStatus::End) => return Err(Failure::Refused(Error::Truncated)),
                Err(_) => return Err(damaged),
            },
        };
        row.fill(0);
        for (at, color) in pels(changes, self.width).enumerate() {
            if color == Color::Black {
                row[at / 8] |= 0x80 >> (at % 8);
            }
        }
        Ok(())
    }
}

/// Returns the most bytes of a line. The worst line changes at every pixel, in 6 bits each.
fn line_bytes(width: u16) -> usize {
    usize::from(width) + MAX_FILL
}
