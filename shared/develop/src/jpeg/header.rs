//! A walk over a JPEG's markers (ITU-T T.81, annex B) before any decoding, which finds size, kind, profile, and whether
//! the file ends.

use super::{
    entropy,
    huffman::Tables,
    multi_picture::{MPF, other_pictures},
    scan::{Scan, ScanComponent},
};
use crate::{colour, error::Error};

/// The most scans of a file. More serve only to keep a decoder busy: cameras write at most about ten, and the finest
/// useful progression has fewer than a hundred.
const MAX_SCANS: usize = 200;

/// The most segments with parts of a profile: their numbers count to 255, and software writes parts twice.
const MAX_ICC_PARTS: usize = 512;

const ICC: &[u8] = b"ICC_PROFILE\0";
const ADOBE: &[u8] = b"Adobe";

/// Returns the next marker with a segment, or the end of the image; its segment; and the offset after it.
fn next_segment(bytes: &[u8], mut at: usize) -> Result<(u8, &[u8], usize), Error> {
    loop {
        // Between segments libjpeg skips to the next marker, and fill bytes before it.
        at += memchr::memchr(0xFF, bytes.get(at..).unwrap_or_default()).ok_or(Error::Truncated)?;
        at += bytes[at..].iter().position(|&byte| byte != 0xFF).ok_or(Error::Truncated)?;
        let marker = bytes[at];
        at += 1;
        match marker {
            0xD9 => return Ok((marker, &[], at)),
            // Stuffed zeros and restarts belong to entropy-coded data; TEM and a second SOI have no length.
            0x00 | 0x01 | 0xD0..=0xD8 => continue,
            _ => {}
        }
        let length = bytes.get(at..at + 2).ok_or(Error::Truncated)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if length < 2 {
            return Err(Error::Damaged);
        }
        let segment = bytes.get(at + 2..at + length).ok_or(Error::Truncated)?;
        return Ok((marker, segment, at + length));
    }
}

/// Returns the end of entropy-coded data that begins at `from`: before a marker that is not a restart, or at the file's
/// end.
fn end_of_data(bytes: &[u8], from: usize) -> usize {
    let data = bytes.get(from..).unwrap_or_default();
    let marker = data.windows(2).position(|two| two[0] == 0xFF && !matches!(two[1], 0 | 0xD0..=0xD7 | 0xFF));
    marker.map_or(bytes.len(), |offset| from + offset)
}

/// A JPEG as its markers describe it.
#[derive(Debug, Default)]
pub(crate) struct Header<'a> {
    /// Width in pixels, as stored.
    pub(crate) width: u32,
    /// Height in pixels, as stored.
    pub(crate) height: u32,
    /// The coding: the low nibble of SOFn. 0 to 2 are Huffman-coded baseline, extended, progressive.
    pub(super) process: u8,
    /// Bits per sample.
    pub(super) precision: u8,
    /// Horizontal and vertical sampling of each component.
    pub(super) sampling: Vec<(u8, u8)>,
    /// Whether there is an Adobe marker: CMYK is stored inverted.
    pub(super) adobe: bool,
    /// Whether three components are luma and chroma, by all indications.
    pub(super) is_luma_and_chroma: bool,
    /// The quantisers before the first scan, in zigzag order, and the one of each component.
    pub(super) quantisers: [Option<[u16; 64]>; 4],
    pub(super) quantiser_ids: Vec<u8>,
    /// Bytes up to the end of the image.
    pub(crate) length: usize,
    /// Whether the end-of-image marker exists. Otherwise the file ends, or continues with other data.
    pub(super) has_end: bool,
    /// The last scan, if the walk can decode it.
    pub(super) scan: Option<Scan>,
    /// The tables of that scan.
    pub(super) tables: Tables,
    /// The number of scans.
    pub(super) scans: usize,
    /// The number of components of the first scan.
    first_scan: usize,
    /// Offsets of further pictures in the file, by its index.
    pub(crate) other_pictures: Vec<usize>,
    restart_interval: u32,
    /// Ids of the components, in the order of `sampling`.
    ids: Vec<u8>,
    /// For each component, a bit per coefficient whose last bit a scan contains.
    exact: Vec<u64>,
    /// The height of a DNL marker (annex B.2.5) if the frame has none, and the offset of the frame's height.
    late_height: Option<u16>,
    height_at: usize,
    icc: Vec<(u8, u8, &'a [u8])>,
}

impl<'a> Header<'a> {
    /// Reads the markers. Returns an error for a file whose markers end before its first scan. Data after the
    /// end-of-image marker is ignored: phones append depth maps, motion and second pictures there.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut header = Self { is_luma_and_chroma: true, ..Self::default() };
        let mut at = 2;
        loop {
            let begins_at = at;
            let (marker, segment, next) = match next_segment(bytes, at) {
                Ok(found) => found,
                // The picture is complete; the rest may be a phone's own data.
                Err(_) if header.scans > 0 => {
                    header.length = end_of_data(bytes, begins_at);
                    break;
                }
                Err(error) => return Err(error),
            };
            at = next;
            match marker {
                0xD9 => {
                    header.length = at;
                    header.has_end = true;
                    break;
                }
                // SOFn, except DHT (C4), JPG (C8) and DAC (CC).
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF if header.width == 0 => {
                    header.height_at = at - segment.len() + 1;
                    header.frame(marker, segment)?;
                }
                0xC4 => header.tables.read(segment),
                0xDA => header.scan(segment, at),
                0xDC if header.scans == 1 => {
                    header.late_height = segment.first_chunk().map(|two| u16::from_be_bytes(*two));
                }
                0xDD => {
                    let interval = segment.first_chunk().map(|two| u32::from(u16::from_be_bytes(*two)));
                    header.restart_interval = interval.unwrap_or(0);
                }
                0xE2 => {
                    if let Some([sequence, count, chunk @ ..]) = segment.strip_prefix(ICC)
                        && header.icc.len() < MAX_ICC_PARTS
                    {
                        header.icc.push((*sequence, *count, chunk));
                    } else if let Some(index) = segment.strip_prefix(MPF) {
                        let index_at = at - index.len();
                        header.other_pictures = other_pictures(index).iter().map(|offset| index_at + offset).collect();
                    }
                }
                0xDB if header.scans == 0 => header.quantisers(segment),
                0xEE => {
                    header.adobe |= segment.starts_with(ADOBE);
                    header.is_luma_and_chroma &= segment.get(11).is_none_or(|transform| *transform == 1);
                }
                _ => {}
            }
            if header.scans > MAX_SCANS {
                return Err(Error::Damaged);
            }
        }
        header.late_height = header.late_height.filter(|_| header.height == 0);
        header.height += u32::from(header.late_height.unwrap_or(0));
        if header.width == 0 || header.height == 0 || header.scans == 0 {
            return Err(Error::Damaged);
        }
        if !header.has_end && !header.is_exact() {
            return Err(Error::Truncated);
        }
        Ok(header)
    }

    /// Returns a copy of the file whose frame has the height that follows its first scan, because libjpeg does not read
    /// it there; `None` if the frame has it.
    pub(super) fn with_height(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let height = self.late_height?;
        let mut copy = bytes.to_vec();
        copy.get_mut(self.height_at..self.height_at + 2)?.copy_from_slice(&height.to_be_bytes());
        Some(copy)
    }

    fn scan(&mut self, segment: &[u8], from: usize) {
        self.scans += 1;
        self.scan = None;
        let Some((&count, rest)) = segment.split_first() else { return };
        if self.scans == 1 {
            self.first_scan = usize::from(count);
        }
        let Some((selectors, [first, last, bits])) = rest.split_at_checked(2 * usize::from(count)) else { return };
        let mut components = Vec::new();
        for selector in selectors.chunks_exact(2) {
            let Some(index) = self.ids.iter().position(|id| *id == selector[0]) else { return };
            // Some cameras write invalid values here in sequential files.
            let band = if self.process == 2 { u32::from(*first)..=u32::from(*last).min(63) } else { 0..=63 };
            if self.process != 2 || bits.trailing_zeros() >= 4 {
                self.exact[index] |= band.fold(0, |all, coefficient| all | 1 << coefficient);
            }
            let (h, v) = self.sampling[index];
            let blocks = if count == 1 { 1 } else { u32::from(h) * u32::from(v) };
            components.push(ScanComponent {
                index,
                blocks,
                dc: usize::from(selector[1] >> 4),
                ac: usize::from(selector[1] & 15),
            });
        }
        if matches!(self.process, 0 | 1) && self.precision == 8 && components.len() == self.sampling.len() {
            self.scan = Some(Scan { from, components, restart_interval: self.restart_interval });
        }
    }

    /// Returns the end of the picture of a file with one sequential scan; `None` if units are missing or left over, and
    /// for other files.
    pub(super) fn end_of_picture(&self, bytes: &[u8]) -> Option<usize> {
        let scan = self.scan.as_ref().filter(|_| self.scans == 1)?;
        let (max_h, max_v) = self.max_sampling();
        // A single component is not interleaved: its units are its blocks, whatever its sampling.
        let (across, down) = if self.sampling.len() == 1 { (8, 8) } else { (8 * max_h, 8 * max_v) };
        let units = u64::from(self.width.div_ceil(across)) * u64::from(self.height.div_ceil(down));
        entropy::end_of_picture(bytes, scan, &self.tables, units)
    }

    /// Reads a DQT segment's tables (annex B.2.4.1).
    fn quantisers(&mut self, mut segment: &[u8]) {
        while let Some((&wide_and_id, rest)) = segment.split_first() {
            let bytes = if wide_and_id >> 4 == 0 { 1 } else { 2 };
            let Some((steps, rest)) = rest.split_at_checked(64 * bytes) else { return };
            if let Some(slot) = self.quantisers.get_mut(usize::from(wide_and_id & 15)) {
                let mut steps =
                    steps.chunks_exact(bytes).map(|step| step.iter().fold(0, |all, byte| all << 8 | u16::from(*byte)));
                *slot = Some(std::array::from_fn(|_| steps.next().unwrap_or(0)));
            }
            segment = rest;
        }
    }

    pub(super) fn max_sampling(&self) -> (u32, u32) {
        let most = |side: fn(&(u8, u8)) -> u8| self.sampling.iter().map(side).max().unwrap_or(1).max(1).into();
        (most(|sampling| sampling.0), most(|sampling| sampling.1))
    }

    /// Returns whether scans have given each coefficient its last bit.
    fn is_exact(&self) -> bool {
        !self.exact.is_empty() && self.exact.iter().all(|coefficients| *coefficients == u64::MAX)
    }

    fn frame(&mut self, marker: u8, segment: &[u8]) -> Result<(), Error> {
        let [precision, y1, y0, x1, x0, count, components @ ..] = segment else { return Err(Error::Damaged) };
        self.process = marker & 0x0F;
        self.precision = *precision;
        self.height = u32::from(u16::from_be_bytes([*y1, *y0]));
        self.width = u32::from(u16::from_be_bytes([*x1, *x0]));
        self.sampling = components
            .chunks_exact(3)
            .take(usize::from(*count))
            .map(|component| (component[1] >> 4, component[1] & 0x0F))
            .collect();
        self.ids = components.chunks_exact(3).take(usize::from(*count)).map(|component| component[0]).collect();
        self.quantiser_ids = components.chunks_exact(3).take(usize::from(*count)).map(|it| it[2]).collect();
        self.is_luma_and_chroma &= self.ids != *b"RGB";
        self.exact = vec![0; self.ids.len()];
        // T.81, B.2.2. Zeros would make units without blocks, and any number of them would be a picture.
        let sides = self.sampling.iter().flat_map(|&(h, v)| [h, v]);
        if self.width == 0 || !sides.into_iter().all(|side| (1..=4).contains(&side)) {
            return Err(Error::Damaged);
        }
        Ok(())
    }

    /// Returns whether the decoder supports this coding. Arithmetic, lossless, hierarchical and 12-bit JPEG are used in
    /// medicine and archives.
    pub(crate) fn is_decodable(&self) -> bool {
        self.process <= 2 && self.precision == 8 && matches!(self.sampling.len(), 1 | 3 | 4)
    }

    /// Returns the bytes that libjpeg holds until the last scan: the coefficients of a progressive picture, and of a
    /// sequential one whose components are in separate scans.
    pub(crate) fn coefficient_bytes(&self) -> u64 {
        /// 64 coefficients of two bytes.
        const BLOCK_BYTES: u64 = 128;
        if self.process != 2 && self.first_scan >= self.sampling.len() {
            return 0;
        }
        let (max_h, max_v) = self.max_sampling();
        // Whole units of an interleaved scan, whatever the scans of the file.
        let units = u64::from(self.width.div_ceil(8 * max_h)) * u64::from(self.height.div_ceil(8 * max_v));
        let blocks: u64 = self.sampling.iter().map(|&(h, v)| u64::from(h) * u64::from(v)).sum();
        units * blocks * BLOCK_BYTES
    }

    /// Returns the ICC profile, joined from its chunks (ICC.1, annex B.4).
    pub(super) fn icc_profile(&self) -> Option<Vec<u8>> {
        colour::join_chunks(&self.icc)
    }
}
