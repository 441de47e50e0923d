//! Entropy decoding (ITU-T T.81, annex F.2.2), with one table look-up per coefficient.
//!
//! The decoder is strict: any difference from the standard is a [`Stop`], which leaves the file to libjpeg.
#![expect(clippy::inline_always, reason = "a call for each coefficient costs as much as the coefficient")]

use crate::jpeg::{entropy::Stop, huffman::Huffman};

/// Bits of one look-up: nearly all codes of a photo, most of them with the bits of their coefficient.
const LOOK: u32 = 10;
/// Bits of the longest code and of the largest coefficient after it: one refill holds both.
const REFILL: u32 = 32;
/// The end-of-image marker.
const END_OF_IMAGE: u8 = 0xD9;
/// The run of an entry that ends its block.
const END_OF_BLOCK: u8 = 128;

/// The meaning of the next bits.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// The coefficient, if its bits are within the look-up.
    value: i16,
    /// Zeros before it.
    run: u8,
    /// Bits of code and coefficient; 0 if they exceed the look-up. If only the coefficient exceeds it, `run` is the
    /// code's symbol and `value` its length.
    bits: u8,
}

/// A Huffman table, indexed by the next bits.
pub(super) struct Lookup {
    entries: Box<[Entry; 1 << LOOK]>,
    codes: Huffman,
}

impl Lookup {
    /// Returns `None` for tables that no encoder writes: codes of only ones, or too many codes.
    pub(super) fn new(codes: &Huffman, is_dc: bool) -> Option<Self> {
        let mut entries = Box::new([Entry::default(); 1 << LOOK]);
        for (code, length, symbol) in codes.codes() {
            let size = u32::from(symbol & 15);
            if code + 1 >= 1 << length || is_dc && symbol > 11 {
                return None;
            }
            let Some(rest) = LOOK.checked_sub(length + size) else {
                if let Some(rest) = LOOK.checked_sub(length) {
                    let entry = Entry { value: i16::try_from(length).ok()?, run: symbol, bits: 0 };
                    entries.get_mut((code << rest) as usize..((code + 1) << rest) as usize)?.fill(entry);
                }
                continue;
            };
            let run = if is_dc { 0 } else { run_of(symbol) };
            for coefficient in 0..1_u32 << size {
                let entry = Entry { value: extended(coefficient, size), run, bits: u8::try_from(length + size).ok()? };
                let first = (code << size | coefficient) << rest;
                entries.get_mut(first as usize..(first + (1 << rest)) as usize)?.fill(entry);
            }
        }
        Some(Self { entries, codes: codes.clone() })
    }

    /// Returns the symbol and the length of the code with which 16 bits begin.
    #[inline(never)]
    fn find(&self, bits: u32) -> Option<(u8, u32)> {
        self.codes.find(bits)
    }
}

/// Returns the zeros before the coefficient of a symbol: only a run of fifteen may have no coefficient after it.
fn run_of(symbol: u8) -> u8 {
    let (run, size) = (symbol >> 4, symbol & 15);
    if size == 0 && run != 15 { END_OF_BLOCK } else { run }
}

/// Returns a coefficient's bits as a number (figure F.12): those that begin with 0 are negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "at most 15 bits")]
fn extended(bits: u32, size: u32) -> i16 {
    let value = bits as i32;
    (if size > 0 && bits >> (size - 1) == 0 { value - (1 << size) + 1 } else { value }) as i16
}

/// Bits of entropy-coded data, without stuffed zeros. During a block, a copy of this struct stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Unread bits, of which the next is the highest.
    held: u64,
    /// The number of unread bits, and how many of them are zeros after the end of the data.
    count: u32,
    padding: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, held: 0, count: 0, padding: 0 }
    }

    /// Ensures that [`REFILL`] bits are available.
    #[inline(always)]
    fn refill(&mut self) {
        if self.count > REFILL {
            return;
        }
        if let Some(next) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            let next = u32::from_be_bytes(*next);
            // No byte is 0xFF: none of their inverses is 0.
            if (!next).wrapping_sub(0x0101_0101) & next & 0x8080_8080 == 0 {
                self.held |= u64::from(next) << (REFILL - self.count);
                self.count += 32;
                self.at += 4;
                return;
            }
        }
        *self = self.refilled_by_bytes();
    }

    #[cold]
    #[inline(never)]
    fn refilled_by_bytes(mut self) -> Self {
        while self.count <= 56 {
            let byte = match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                (None | Some(0xFF), _) => {
                    self.padding += 8;
                    0
                }
                (Some(byte), _) => {
                    self.at += 1;
                    *byte
                }
            };
            self.held |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    #[inline(always)]
    fn skip(&mut self, bits: u32) {
        self.held <<= bits;
        self.count -= bits;
    }

    /// Reads the next code's symbol and coefficient, by the code's own length.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a code has 16 bits at most, and a coefficient 15")]
    fn long(&mut self, entry: Entry, table: &Lookup) -> Result<(u8, i16), Stop> {
        let (symbol, length) = match u32::try_from(entry.value) {
            Ok(length @ 1..) => (entry.run, length),
            _ => table.find((self.held >> 48) as u32).ok_or(Stop)?,
        };
        self.skip(length);
        let size = u32::from(symbol & 15);
        // In two steps: a size of 0 would shift by the whole width.
        let value = extended((self.held >> 1 >> (63 - size)) as u32, size);
        self.skip(size);
        Ok((symbol, value))
    }

    #[inline(always)]
    fn dc(&mut self, table: &Lookup) -> Result<i16, Stop> {
        self.refill();
        let entry = table.entries[(self.held >> (64 - LOOK)) as usize];
        if entry.bits != 0 {
            self.skip(u32::from(entry.bits));
            return Ok(entry.value);
        }
        self.long(entry, table).map(|(_, value)| value)
    }

    /// Decodes one block. Each coefficient is written to its place in `places`, relative to the start of `block`.
    #[inline(always)]
    pub(super) fn block(
        &mut self,
        (dc, ac): (&Lookup, &Lookup),
        predicted: &mut i16,
        places: &[u16; 64],
        block: &mut [i16],
    ) -> Result<(), Stop> {
        let mut bits = *self;
        *predicted = predicted.wrapping_add(bits.dc(dc)?);
        block[0] = *predicted;
        let mut at = 1;
        while at < 64 {
            bits.refill();
            let entry = ac.entries[(bits.held >> (64 - LOOK)) as usize];
            let (run, value) = if entry.bits != 0 {
                bits.skip(u32::from(entry.bits));
                (entry.run, entry.value)
            } else {
                let (symbol, value) = bits.long(entry, ac)?;
                (run_of(symbol), value)
            };
            at += usize::from(run);
            let Some(place) = places.get(at) else {
                if at < usize::from(END_OF_BLOCK) {
                    return Err(Stop);
                }
                break;
            };
            block[usize::from(*place)] = value;
            at += 1;
        }
        *self = bits;
        Ok(())
    }

    /// Skips the restart marker of this number, which must come next.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), Stop> {
        *self = Self::new(self.bytes, self.ends_before(0xD0 | number)?);
        Ok(())
    }

    /// Returns whether only the padding of a byte is left before the picture's end. None of the data's bits may be
    /// missing.
    pub(super) fn is_at_end(&self) -> Result<bool, Stop> {
        let is_cut = self.at == self.bytes.len();
        Ok(self.left()? < 8 && (is_cut || self.ends_before(END_OF_IMAGE).is_ok()))
    }

    /// Checks that this marker comes next. Any number of fill bytes may precede a marker (annex B.1.1.2).
    fn ends_before(&self, marker: u8) -> Result<usize, Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let fill = rest.iter().take_while(|byte| **byte == 0xFF).count();
        let is_next = fill > 0 && rest.get(fill) == Some(&marker);
        if self.left()? < 8 && is_next { Ok(self.at + fill + 1) } else { Err(Stop) }
    }

    /// Returns the unread bits of the data. Fails if bits after its end were used.
    fn left(&self) -> Result<u32, Stop> {
        self.count.checked_sub(self.padding).ok_or(Stop)
    }
}
