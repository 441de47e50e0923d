//! The header of lossless WebP (RFC 9649, 3), up to the number of groups of prefix codes.
//!
//! A picture refers to the group of each of its blocks by 16 bits, and 16 bytes of the file suffice for a code whose
//! table has 4 KB. 5 MB of the file therefore make a decoder allocate more than a gigabyte, whatever the size of the
//! picture.

/// Prefixes of distances (RFC 9649, 5.2.2); lengths have fewer.
const DISTANCE_PREFIXES: u32 = 40;

/// The start of lossless data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Data with signature and size: a `VP8L` chunk.
    Header,
    /// The picture itself, of this width and height: an `ALPH` chunk after its first byte.
    Picture(u32, u32),
}

/// Counts the groups of prefix codes that a decoder makes; `None` if the data does not state them, or has a transform
/// twice (RFC 9649, 4, allows each once), which decoders reject.
pub(super) fn code_groups(data: &[u8], start: Start) -> Option<u32> {
    let mut bits = Bits { bytes: data, at: 0 };
    let (width, height) = match start {
        Start::Picture(width, height) => (width, height),
        Start::Header => {
            bits.read(8)?;
            let size = (bits.read(14)? + 1, bits.read(14)? + 1);
            // Alpha and version.
            bits.read(4)?;
            size
        }
    };
    let mut across = width;
    let mut seen = [false; 4];
    while bits.read(1)? == 1 {
        let transform = bits.read(2)?;
        if std::mem::replace(&mut seen[transform as usize], true) {
            return None;
        }
        match transform {
            // Predictor and colour: a picture with one pixel per block.
            0 | 1 => {
                let side = bits.read(3)? + 2;
                bits.picture(blocks(across, height, side))?;
            }
            // Subtract green.
            2 => {}
            // Palette. Pixels of few colours are packed.
            _ => {
                let colours = bits.read(8)? + 1;
                bits.picture(colours)?;
                across = across.div_ceil(match colours {
                    0..=2 => 8,
                    3..=4 => 4,
                    5..=16 => 2,
                    _ => 1,
                });
            }
        }
    }
    bits.cache_size()?;
    if bits.read(1)? == 0 {
        return Some(1);
    }
    let side = bits.read(3)? + 2;
    Some(bits.picture(blocks(across, height, side))? + 1)
}

/// Returns the number of blocks with `1 << side` pixels per side.
fn blocks(width: u32, height: u32, side: u32) -> u32 {
    width.div_ceil(1 << side) * height.div_ceil(1 << side)
}

/// Bits of data, the least significant of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

/// A prefix code.
struct Code {
    /// The number of symbols of each length of 1 to 15.
    counts: [usize; 15],
    /// The symbols, in the order of their codes.
    symbols: Vec<u16>,
}

impl Bits<'_> {
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut number = 0;
        for bit in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            number |= u32::from(byte >> (self.at % 8) & 1) << bit;
            self.at += 1;
        }
        Some(number)
    }

    /// Returns the colours of the cache; 0 without one.
    fn cache_size(&mut self) -> Option<usize> {
        Some(if self.read(1)? == 1 { 1 << self.read(4)? } else { 0 })
    }

    /// Skips a picture without groups. Returns the largest number in red and green of a pixel, which is a group's
    /// number in the picture of groups. Copies and the cache only repeat earlier pixels.
    fn picture(&mut self, pixels: u32) -> Option<u32> {
        let cache = self.cache_size()?;
        let green = self.code(256 + 24 + cache)?;
        let [red, blue, alpha, distance] =
            [self.code(256)?, self.code(256)?, self.code(256)?, self.code(DISTANCE_PREFIXES as usize)?];
        let (mut at, mut largest) = (0, 0);
        while at < pixels {
            match self.symbol(&green)? {
                literal @ 0..256 => {
                    largest = largest.max(self.symbol(&red)? << 8 | literal);
                    self.symbol(&blue)?;
                    self.symbol(&alpha)?;
                    at += 1;
                }
                length @ 256..280 => {
                    let length = self.extended(length - 256)?;
                    let distance = self.symbol(&distance)?;
                    self.extended(distance)?;
                    at = at.checked_add(length)?;
                }
                _ => at += 1,
            }
        }
        Some(largest)
    }

    /// Returns the length or distance of a prefix and the bits after it; `None` for a prefix that the format does not
    /// have. A code of one or two symbols writes them with 8 bits, so any number is possible.
    fn extended(&mut self, prefix: u32) -> Option<u32> {
        if prefix >= DISTANCE_PREFIXES {
            return None;
        }
        if prefix < 4 {
            return Some(prefix + 1);
        }
        let extra = (prefix - 2) >> 1;
        let offset = (2 + (prefix & 1)) << extra;
        Some(offset + self.read(extra)? + 1)
    }

    fn symbol(&mut self, code: &Code) -> Option<u32> {
        if code.symbols.len() == 1 {
            return code.symbols.first().map(|&symbol| u32::from(symbol));
        }
        let (mut number, mut first, mut index) = (0, 0, 0);
        for count in code.counts {
            number |= self.read(1)? as usize;
            if number < first + count {
                return code.symbols.get(index + number - first).map(|&symbol| u32::from(symbol));
            }
            index += count;
            first = (first + count) << 1;
            number <<= 1;
        }
        None
    }

    fn code(&mut self, symbols: usize) -> Option<Code> {
        if self.read(1)? == 1 {
            let two = self.read(1)? == 1;
            let wide = self.read(1)? == 1;
            let mut code = Code { counts: [0; 15], symbols: Vec::new() };
            code.symbols.push(u16::try_from(self.read(if wide { 8 } else { 1 })?).ok()?);
            if two {
                // In the order of the file, as the decoder reads them.
                code.symbols.push(u16::try_from(self.read(8)?).ok()?);
                code.counts[0] = 2;
            }
            return Some(code);
        }
        let mut lengths = vec![0_u8; symbols];
        self.lengths(&mut lengths)?;
        Some(Code::of(&lengths))
    }

    /// Reads the lengths of a code, which are coded themselves.
    fn lengths(&mut self, lengths: &mut [u8]) -> Option<()> {
        const ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let mut of_lengths = [0_u8; 19];
        let written = self.read(4)? as usize + 4;
        for &symbol in ORDER.get(..written)? {
            of_lengths[symbol] = u8::try_from(self.read(3)?).ok()?;
        }
        let code = Code::of(&of_lengths);
        let mut left = if self.read(1)? == 1 {
            let bits = 2 + 2 * self.read(3)?;
            2 + self.read(bits)? as usize
        } else {
            lengths.len()
        };
        let (mut at, mut previous) = (0, 8);
        while at < lengths.len() && left > 0 {
            left -= 1;
            let (length, repeats) = match self.symbol(&code)? {
                16 => (previous, 3 + self.read(2)?),
                17 => (0, 3 + self.read(3)?),
                18 => (0, 11 + self.read(7)?),
                length => (u8::try_from(length).ok()?, 1),
            };
            lengths.get_mut(at..at + repeats as usize)?.fill(length);
            at += repeats as usize;
            previous = if length == 0 { previous } else { length };
        }
        Some(())
    }
}

impl Code {
    fn of(lengths: &[u8]) -> Self {
        let mut code = Self { counts: [0; 15], symbols: Vec::new() };
        for (length, count) in (1_u8..).zip(&mut code.counts) {
            let symbols = (0_u16..).zip(lengths).filter(|(_, of_symbol)| **of_symbol == length);
            code.symbols.extend(symbols.map(|(symbol, _)| symbol));
            *count = code.symbols.len();
        }
        // The counts are cumulative, so each becomes the difference to the previous one.
        for at in (1..code.counts.len()).rev() {
            code.counts[at] -= code.counts[at - 1];
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes numbers with their numbers of bits, as a file stores them.
    fn written(numbers: &[(u32, u32)]) -> Vec<u8> {
        let bits: Vec<u8> = numbers
            .iter()
            .flat_map(|&(number, count)| (0..count).map(move |bit| u8::from(number >> bit & 1 == 1)))
            .collect();
        bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |all, bit| all << 1 | bit)).collect()
    }

    /// Returns a code of one symbol: simple, one, eight bits wide.
    fn single(symbol: u32) -> [(u32, u32); 4] {
        [(1, 1), (0, 1), (1, 1), (symbol, 8)]
    }

    #[test]
    fn group_count_is_one_above_largest_index() {
        // A picture of 4 x 4 pixels in one block of group 0x1234: no transform, no cache, groups, blocks of 4 pixels.
        let start = [(0x2F, 8), (3, 14), (3, 14), (0, 4), (0, 1), (0, 1), (1, 1), (0, 3)];
        let groups = [single(0x34), single(0x12), single(0), single(0), single(0)].concat();
        let data = written(&[&start[..], &[(0, 1)], &groups].concat());
        assert_eq!(code_groups(&data, Start::Header), Some(0x1235));
        assert_eq!(code_groups(&data[..data.len() - 2], Start::Header), None);
        let alone = written(&[&start[..6], &[(0, 1)]].concat());
        assert_eq!(code_groups(&alone, Start::Header), Some(1));
    }

    #[test]
    fn codes_are_canonical() {
        let code = Code::of(&[2, 1, 0, 3, 3]);
        let mut bits = Bits { bytes: &[0b0111_1101, 0b1111_1111], at: 0 };
        // 0 for the length 1, 10 for 2, 110 and 111 for the two of 3.
        let mut read = || bits.symbol(&code);
        assert_eq!([read(), read(), read()], [Some(0), Some(4), Some(3)]);
    }
}
