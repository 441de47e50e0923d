//! Size and orientation of the picture in RAW formats with a structure of their own.

use crate::{
    bmff,
    ifd::{Directory, Structure},
    mrw,
    raw::directories::stored_size,
};

/// Width and height in pixels, as stored.
pub(super) type Size = (u32, u32);

/// Reads Fuji's RAF. The offset of a directory is at 92; it has the height and width of the picture without and with
/// its borders. All numbers are big-endian.
pub(super) fn raf(file: &[u8]) -> Option<Size> {
    const CROPPED: u16 = 0x111;
    const FULL: u16 = 0x100;
    /// The most entries of the directory; cameras write fewer than 100.
    const MAX_ENTRIES: usize = 256;
    let mut rest = file.get(u32_be(file, 92)? as usize..)?;
    let entries = (u32_be(rest, 0)? as usize).min(MAX_ENTRIES);
    rest = rest.get(4..)?;
    let mut full = None;
    for _ in 0..entries {
        let (tag, length) = (u16_be(rest, 0)?, usize::from(u16_be(rest, 2)?));
        let size = || non_zero(u16_be(rest, 6)?.into(), u16_be(rest, 4)?.into()).filter(|_| length >= 4);
        match tag {
            CROPPED => return size(),
            FULL => full = size(),
            _ => {}
        }
        rest = rest.get(4 + length..)?;
    }
    full
}

/// Reads Canon's CR3, which has IFD0 in a box.
pub(super) fn cr3(file: &[u8]) -> Option<Size> {
    let [main, ..] = bmff::canon_metadata(file);
    let structure = Structure::find(main?)?;
    stored_size(&structure.directory(structure.first())?)
}

/// Reads Panasonic's RW2, which has the borders of the picture on the sensor.
pub(super) fn rw2(main: &Directory<'_>) -> Option<Size> {
    const TOP: u16 = 4;
    let border = |index| u32::try_from(main.uint(TOP + index)?).ok();
    let (top, left, bottom, right) = (border(0)?, border(1)?, border(2)?, border(3)?);
    non_zero(right.checked_sub(left)?, bottom.checked_sub(top)?)
}

/// Reads Phase One's IIQ: a directory of its own format, whose offset is at 16. Offsets count from byte 8.
pub(super) fn iiq(file: &[u8]) -> Option<Size> {
    const WIDTH: u32 = 0x10C;
    const HEIGHT: u32 = 0x10D;
    /// The most entries; ExifTool's limit too.
    const MAX_ENTRIES: usize = 300;
    let block = file.get(8..)?;
    let number = if block.starts_with(b"IIII") { u32_le } else { u32_be };
    let directory = block.get(number(block, 8)? as usize..)?;
    let entries = (number(directory, 0)? as usize).min(MAX_ENTRIES);
    // Tag, type, length, value.
    let table = directory.get(8..)?.as_chunks::<16>().0.iter().take(entries);
    let value = |tag| table.clone().find(|entry| number(*entry, 0) == Some(tag)).and_then(|entry| number(entry, 12));
    non_zero(value(WIDTH)?, value(HEIGHT)?)
}

/// Reads Sigma's X3F: size and orientation are in the header, whose second version is longer.
pub(super) fn x3f(file: &[u8]) -> Option<(Size, u8)> {
    let version = u32_le(file, 4)? >> 16;
    let at = if version < 4 { 28 } else { 40 };
    let size = non_zero(u32_le(file, at)?, u32_le(file, at + 4)?)?;
    Some((size, orientation(u32_le(file, at + 8)?)))
}

/// Reads Minolta's MRW: the block `PRD` has height and width after those of the sensor.
pub(super) fn mrw(file: &[u8]) -> Option<Size> {
    let block = mrw::block(file, *b"\0PRD")?;
    non_zero(u16_be(block, 14)?.into(), u16_be(block, 12)?.into())
}

/// Reads Canon's CRW: heaps of records (CIFF specification 1.0), one of which has size and orientation.
pub(super) fn crw(file: &[u8]) -> Option<(Size, u8)> {
    /// The most nested heaps.
    const MAX_DEPTH: u32 = 4;
    let is_little = file.starts_with(b"II");
    let start = if is_little { u32_le } else { u32_be }(file, 2)? as usize;
    let mut entries_left = 1000;
    let image = ciff_record(file.get(start..)?, is_little, MAX_DEPTH, &mut entries_left)?;
    let number = |at| if is_little { u32_le(image, at) } else { u32_be(image, at) };
    Some((non_zero(number(0)?, number(4)?)?, orientation(number(12)?)))
}

/// Returns the record with the picture's size, in a heap or one inside it. The heap's directory is at its end.
fn ciff_record<'a>(heap: &'a [u8], is_little: bool, depth: u32, entries_left: &mut u32) -> Option<&'a [u8]> {
    const IMAGE_INFO: u16 = 0x1810;
    let number = |bytes: &[u8], at| if is_little { u32_le(bytes, at) } else { u32_be(bytes, at) };
    let short = |bytes: &[u8], at| if is_little { u16_le(bytes, at) } else { u16_be(bytes, at) };
    let directory = heap.get(number(heap, heap.len().checked_sub(4)?)? as usize..)?;
    let entries = directory.get(2..)?.as_chunks::<10>().0.iter().take(short(directory, 0)?.into());
    for entry in entries {
        *entries_left = entries_left.checked_sub(1)?;
        let tag = short(entry, 0)?;
        let record = || {
            let start = number(entry, 6)? as usize;
            heap.get(start..start.checked_add(number(entry, 2)? as usize)?)
        };
        // The upper bits show whether the record is in the heap or in the entry; the next three are its type.
        if tag == IMAGE_INFO {
            return record();
        }
        if matches!(tag & 0xF800, 0x2800 | 0x3000)
            && depth > 0
            && let Some(found) = record().and_then(|heap| ciff_record(heap, is_little, depth - 1, entries_left))
        {
            return Some(found);
        }
    }
    None
}

/// Converts degrees clockwise to EXIF's orientation.
fn orientation(degrees: u32) -> u8 {
    match degrees.cast_signed().rem_euclid(360) {
        90 => 6,
        180 => 3,
        270 => 8,
        _ => 1,
    }
}

fn non_zero(width: u32, height: u32) -> Option<Size> {
    (width > 0 && height > 0).then_some((width, height))
}

fn u16_be(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    u16_be(bytes, at).map(u16::swap_bytes)
}

fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    u32_be(bytes, at).map(u32::swap_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuji_states_height_before_width() {
        let entry = |tag: u16, values: [u16; 2]| {
            [tag.to_be_bytes(), 4_u16.to_be_bytes(), values[0].to_be_bytes(), values[1].to_be_bytes()].concat()
        };
        let head = [&b"FUJIFILMCCD-RAW "[..], &[0; 76], &100_u32.to_be_bytes(), &[0; 4]].concat();
        let with = |entries: &[Vec<u8>]| {
            let count = u32::try_from(entries.len()).unwrap().to_be_bytes();
            raf(&[&head[..], &count, &entries.concat()].concat())
        };
        let (full, cropped) = (entry(0x100, [4182, 6384]), entry(0x111, [4160, 6240]));
        assert_eq!(with(&[full.clone(), cropped]), Some((6240, 4160)));
        assert_eq!(with(std::slice::from_ref(&full)), Some((6384, 4182)));
        assert_eq!(with(&[]), None);
        assert_eq!(raf(&head[..90]), None);
    }

    #[test]
    fn sigma_states_size_and_turn() {
        let header = |version: u32, at: usize| {
            let mut file = b"FOVb".to_vec();
            file.extend((version << 16).to_le_bytes());
            file.resize(at, 0);
            file.extend([2640_u32, 1760, 270].map(u32::to_le_bytes).concat());
            file
        };
        assert_eq!(x3f(&header(2, 28)), Some(((2640, 1760), 8)));
        assert_eq!(x3f(&header(4, 40)), Some(((2640, 1760), 8)));
        assert_eq!(x3f(&header(2, 28)[..38]), None);
    }

    #[test]
    fn heaps_that_contain_themselves_end() {
        // A heap whose directory has many entries that are heaps of the same bytes.
        let mut heap = 2000_u16.to_le_bytes().to_vec();
        for _ in 0..2000 {
            heap.extend([0x0A, 0x30]);
            heap.extend(20_006_u32.to_le_bytes());
            heap.extend([0; 4]);
        }
        heap.extend([0; 4]);
        let file = [&b"II\x0E\0\0\0HEAPCCDR"[..], &heap].concat();
        assert_eq!(crw(&file), None);
    }
}
