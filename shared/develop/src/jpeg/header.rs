//! A walk over a JPEG's markers (ITU-T T.81, annex B) before any decoding: size, kind, profile, and whether it ends.

use crate::refusal::Refusal;

/// A file with more scans is built to keep a decoder busy: cameras write at most about ten, and the finest useful
/// progression has fewer than a hundred.
const MAX_SCANS: usize = 200;

const ICC: &[u8] = b"ICC_PROFILE\0";
const ADOBE: &[u8] = b"Adobe";

/// Where the run of zeros before `end` begins. One zero after 0xFF belongs to the picture: it is stuffed.
fn padded_from(bytes: &[u8], end: usize) -> Option<usize> {
    // Fill bytes (0xFF) may stand before the marker.
    let end = bytes[..end].iter().rposition(|&byte| byte != 0xFF)? + 1;
    let last = bytes[..end].iter().rposition(|&byte| byte != 0)?;
    let start = if bytes[last] == 0xFF { last + 2 } else { last + 1 };
    (start < end).then_some(start)
}

/// What the markers say.
#[derive(Debug, Default)]
pub(crate) struct Header<'a> {
    /// Pixels, as stored.
    pub(crate) width: u32,
    /// Pixels, as stored.
    pub(crate) height: u32,
    /// Which coding: the low nibble of SOFn. 0 to 2 are Huffman-coded baseline, extended, progressive.
    pub(super) process: u8,
    /// Bits a sample.
    pub(super) precision: u8,
    /// Horizontal and vertical sampling of each component.
    pub(super) sampling: Vec<(u8, u8)>,
    /// An Adobe marker: CMYK is stored inverted.
    pub(super) adobe: bool,
    /// Where zeros begin that fill the space before the end-of-image marker.
    pub(super) padded_from: Option<usize>,
    icc: Vec<(u8, u8, &'a [u8])>,
}

impl<'a> Header<'a> {
    /// Refuses a file whose markers end before the end-of-image marker. What follows that marker is ignored: phones
    /// append depth maps, motion and second pictures there.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut header = Self::default();
        let mut scans = 0;
        let mut at = 2;
        loop {
            // Between segments libjpeg skips to the next marker, and fill bytes before it.
            at +=
                bytes.get(at..).unwrap_or_default().iter().position(|&byte| byte == 0xFF).ok_or(Refusal::Truncated)?;
            at += bytes[at..].iter().position(|&byte| byte != 0xFF).ok_or(Refusal::Truncated)?;
            let marker = bytes[at];
            at += 1;
            match marker {
                0xD9 => {
                    header.padded_from = padded_from(bytes, at - 2);
                    break;
                }
                // Stuffed zeros and restarts belong to entropy-coded data; TEM and a second SOI have no length.
                0x00 | 0x01 | 0xD0..=0xD8 => continue,
                _ => {}
            }
            let length = bytes.get(at..at + 2).ok_or(Refusal::Truncated)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            if length < 2 {
                return Err(Refusal::Damaged);
            }
            let segment = bytes.get(at + 2..at + length).ok_or(Refusal::Truncated)?;
            at += length;
            match marker {
                // SOFn, but for DHT (C4), JPG (C8) and DAC (CC).
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF if header.width == 0 => {
                    header.frame(marker, segment)?;
                }
                0xDA => scans += 1,
                0xE2 => {
                    if let Some([sequence, count, chunk @ ..]) = segment.strip_prefix(ICC) {
                        header.icc.push((*sequence, *count, chunk));
                    }
                }
                0xEE => header.adobe |= segment.starts_with(ADOBE),
                _ => {}
            }
            if scans > MAX_SCANS {
                return Err(Refusal::Damaged);
            }
        }
        if header.width == 0 || scans == 0 {
            return Err(Refusal::Damaged);
        }
        Ok(header)
    }

    fn frame(&mut self, marker: u8, segment: &[u8]) -> Result<(), Refusal> {
        let [precision, y1, y0, x1, x0, count, components @ ..] = segment else { return Err(Refusal::Damaged) };
        self.process = marker & 0x0F;
        self.precision = *precision;
        self.height = u32::from(u16::from_be_bytes([*y1, *y0]));
        self.width = u32::from(u16::from_be_bytes([*x1, *x0]));
        self.sampling = components
            .chunks_exact(3)
            .take(usize::from(*count))
            .map(|component| (component[1] >> 4, component[1] & 0x0F))
            .collect();
        // A height of 0 is filled in by a later marker (DNL), which libjpeg does not read.
        if self.width == 0 || self.height == 0 { Err(Refusal::Damaged) } else { Ok(()) }
    }

    /// Whether the decoder knows this coding. Arithmetic, lossless, hierarchical and 12-bit JPEG are for medicine and
    /// archives.
    pub(super) fn is_decodable(&self) -> bool {
        self.process <= 2 && self.precision == 8 && matches!(self.sampling.len(), 1 | 3 | 4)
    }

    /// Bytes that a progressive decoder holds: two for each coefficient of each component.
    pub(super) fn coefficient_bytes(&self) -> u64 {
        if self.process != 2 {
            return 0;
        }
        let max_h = self.sampling.iter().map(|&(h, _)| u64::from(h)).max().unwrap_or(1).max(1);
        let max_v = self.sampling.iter().map(|&(_, v)| u64::from(v)).max().unwrap_or(1).max(1);
        let share: u64 = self.sampling.iter().map(|&(h, v)| u64::from(h) * u64::from(v)).sum();
        2 * u64::from(self.width) * u64::from(self.height) * share / (max_h * max_v)
    }

    /// The ICC profile, put together from its chunks (ICC.1, annex B.4). `None` if one is missing.
    pub(super) fn icc_profile(&self) -> Option<Vec<u8>> {
        let mut chunks = self.icc.clone();
        chunks.sort_by_key(|&(sequence, _, _)| sequence);
        let &(first, count, _) = chunks.first()?;
        // Counted from 1; some encoders, the binding used here among them, count from 0.
        let complete = first <= 1
            && chunks.len() == usize::from(count)
            && chunks.iter().zip(first..).all(|(&(sequence, total, _), next)| sequence == next && total == count);
        complete.then(|| chunks.iter().flat_map(|&(_, _, chunk)| chunk).copied().collect())
    }
}
