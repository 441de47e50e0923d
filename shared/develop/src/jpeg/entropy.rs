//! A walk through the entropy-coded data of a sequential JPEG (ITU-T T.81, annex F.2.2), without its pixels, which
//! finds the end of the picture's last unit.
//!
//! libjpeg gives the same warning for harmless bytes that software left behind the picture and for a damaged picture
//! that ended too early. This walk distinguishes them.

use super::{
    huffman::{Huffman, Tables},
    scan::Scan,
};

/// The decoder's view of one scan.
pub(super) struct Walk<'a> {
    scan: &'a Scan,
    tables: &'a Tables,
    bits: Bits<'a>,
    /// Units decoded since the last restart marker.
    since_restart: u32,
}

/// The data does not decode any further.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stop;

/// Returns the end of a picture of `units` units in one scan; `None` if units are missing or left over.
///
/// Left over are bytes that decode as whole units up to the next marker, with the encoder's padding. A picture that
/// lost its place leaves some; padding and forgotten bytes do not decode to whole units that end there.
pub(super) fn end_of_picture(bytes: &[u8], scan: &Scan, tables: &Tables, units: u64) -> Option<usize> {
    let mut walk = Walk { scan, tables, bits: Bits::new(bytes, scan.from), since_restart: 0 };
    for _ in 0..units {
        walk.unit().ok()?;
    }
    if !walk.bits.is_padded() {
        return None;
    }
    let end = walk.bits.byte_position();
    while !walk.bits.is_at_end() {
        match walk.unit() {
            Err(Stop) => break,
            Ok(()) if walk.bits.ends_here() => return None,
            Ok(()) => {}
        }
    }
    Some(end)
}

impl Walk<'_> {
    /// Skips one unit (MCU), and the restart marker before it.
    fn unit(&mut self) -> Result<(), Stop> {
        if self.scan.restart_interval > 0 && self.since_restart == self.scan.restart_interval {
            self.bits.restart()?;
            self.since_restart = 0;
        }
        self.since_restart += 1;
        for component in &self.scan.components {
            for _ in 0..component.blocks {
                self.block(component.dc, component.ac)?;
            }
        }
        Ok(())
    }

    fn block(&mut self, dc: usize, ac: usize) -> Result<(), Stop> {
        let (dc, ac) = (self.tables.dc(dc).ok_or(Stop)?, self.tables.ac(ac).ok_or(Stop)?);
        let size = self.bits.symbol(dc)?;
        self.bits.skip(u32::from(size & 15))?;
        let mut coefficient = 1;
        while coefficient < 64 {
            let symbol = self.bits.symbol(ac)?;
            let (run, size) = (symbol >> 4, symbol & 15);
            match (run, size) {
                (15, 0) => coefficient += 16,
                (_, 0) => break,
                _ => {
                    coefficient += u32::from(run) + 1;
                    self.bits.skip(u32::from(size))?;
                }
            }
        }
        if coefficient > 64 { Err(Stop) } else { Ok(()) }
    }
}

/// Bits of entropy-coded data, without stuffed zeros.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte to read.
    at: usize,
    /// Unread bits: the last `left` bits of `held`.
    held: u32,
    left: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, held: 0, left: 0 }
    }

    /// Returns the next byte of the data, and its length in bytes of the file; `None` at a marker and at the end of the
    /// file.
    fn peek(&self) -> Option<(u8, usize)> {
        match (self.bytes.get(self.at)?, self.bytes.get(self.at + 1)) {
            (0xFF, Some(0)) => Some((0xFF, 2)),
            (0xFF, _) => None,
            (byte, _) => Some((*byte, 1)),
        }
    }

    fn bit(&mut self) -> Result<u32, Stop> {
        if self.left == 0 {
            let (byte, taken) = self.peek().ok_or(Stop)?;
            self.at += taken;
            (self.held, self.left) = (u32::from(byte), 8);
        }
        self.left -= 1;
        Ok(self.held >> self.left & 1)
    }

    fn skip(&mut self, bits: u32) -> Result<(), Stop> {
        for _ in 0..bits {
            self.bit()?;
        }
        Ok(())
    }

    fn symbol(&mut self, table: &Huffman) -> Result<u8, Stop> {
        let mut code = 0;
        for &(first, end, begins_at) in &table.lengths {
            code = code << 1 | self.bit()?;
            if (first..end).contains(&code) {
                let offset = usize::try_from(code - first).map_err(|_| Stop)?;
                return table.symbols.get(begins_at + offset).copied().ok_or(Stop);
            }
        }
        Err(Stop)
    }

    /// Returns whether the rest of the current byte is an encoder's padding: ones (annex F.1.2.3), or zeros as some
    /// write.
    fn is_padded(&self) -> bool {
        let ones = (1 << self.left) - 1;
        let rest = self.held & ones;
        self.left == 0 || rest == ones || rest == 0
    }

    /// Returns the offset in the file of the byte after the current one.
    fn byte_position(&self) -> usize {
        self.at
    }

    /// Returns whether no bit is left before a marker or the file's end.
    fn is_at_end(&self) -> bool {
        self.left == 0 && self.peek().is_none()
    }

    /// Returns whether the data ends in the current byte, with padding.
    fn ends_here(&self) -> bool {
        self.is_padded() && self.peek().is_none()
    }

    /// Skips a restart marker and the padding before it.
    fn restart(&mut self) -> Result<(), Stop> {
        self.left = 0;
        while self.bytes.get(self.at) == Some(&0xFF) && self.bytes.get(self.at + 1) == Some(&0xFF) {
            self.at += 1;
        }
        match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
            (Some(0xFF), Some(0xD0..=0xD7)) => {
                self.at += 2;
                Ok(())
            }
            _ => Err(Stop),
        }
    }
}
