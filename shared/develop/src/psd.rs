//! Photoshop documents (PSD and PSB), which are stored and measured without pictures.

use super::{Decoded, Original, error::Error};

/// The sections of the file, each of which follows its length.
struct Sections<'a> {
    resources: &'a [u8],
    /// Whether the merged picture, which follows the layers, is complete.
    is_whole: bool,
}

impl<'a> Sections<'a> {
    fn read(file: &'a [u8]) -> Option<Self> {
        /// Signature, version, channels, size, depth, mode.
        const HEADER: usize = 26;
        let is_large = file.get(4..6)? == [0, 2];
        let section = |rest: &'a [u8], long: bool| {
            let (length, rest) = if long {
                let (length, rest) = rest.split_first_chunk::<8>()?;
                (usize::try_from(u64::from_be_bytes(*length)).ok()?, rest)
            } else {
                let (length, rest) = rest.split_first_chunk::<4>()?;
                (u32::from_be_bytes(*length) as usize, rest)
            };
            rest.split_at_checked(length)
        };
        let (_colours, rest) = section(file.get(HEADER..)?, false)?;
        let (resources, rest) = section(rest, false)?;
        let is_whole = section(rest, is_large).is_some_and(|(_layers, picture)| is_whole(file, picture) == Some(true));
        Some(Self { resources, is_whole })
    }
}

/// Returns whether all rows of the merged picture exist, as far as their coding shows without decoding.
fn is_whole(file: &[u8], picture: &[u8]) -> Option<bool> {
    const RAW: u16 = 0;
    const RUN_LENGTHS: u16 = 1;
    let number = |at: usize| Some(u64::from(u32::from_be_bytes(*file.get(at..)?.first_chunk()?)));
    let short = |bytes: &[u8], at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let (channels, depth) = (u64::from(short(file, 12)?), u64::from(short(file, 22)?));
    let (height, width) = (number(14)?, number(18)?);
    let rows = usize::try_from(channels * height).ok()?;
    let length = match short(picture, 0)? {
        RAW => (rows as u64).checked_mul((width * depth).div_ceil(8))?,
        // The lengths of all rows, in 16 bits or PSB's 32, precede them.
        RUN_LENGTHS if file.get(4..6)? == [0, 2] => {
            let table = picture.get(2..)?.get(..rows.checked_mul(4)?)?;
            table.as_chunks::<4>().0.iter().map(|length| u64::from(u32::from_be_bytes(*length)) + 4).sum()
        }
        RUN_LENGTHS => {
            let table = picture.get(2..)?.get(..rows.checked_mul(2)?)?;
            table.as_chunks::<2>().0.iter().map(|length| u64::from(u16::from_be_bytes(*length)) + 2).sum()
        }
        _ => 1,
    };
    Some(length.checked_add(2)? <= picture.len() as u64)
}

/// Returns the run of resources: metadata and settings.
pub(super) fn resources(file: &[u8]) -> Option<&[u8]> {
    Some(Sections::read(file)?.resources)
}

/// Reads the size.
pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    let side = |at: usize| {
        let side = original.bytes.get(at..)?.first_chunk()?;
        Some(u32::from_be_bytes(*side)).filter(|&side| side > 0)
    };
    let sections = Sections::read(original.bytes).filter(|sections| sections.is_whole);
    if sections.is_none() {
        return Err(Error::Truncated);
    }
    Ok(Decoded::unsupported(side(18).zip(side(14))))
}
