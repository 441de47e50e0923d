//! The choice of the page that is the photo.

use crate::error::Error;
use crate::ifd::{Directory, Structure};

const NEW_SUBFILE_TYPE: u16 = 254;
/// Deprecated by `NewSubfileType`: 2 is a reduced-resolution page.
const SUBFILE_TYPE: u16 = 255;
const SUB_DIRECTORIES: u16 = 330;
const PHOTOMETRIC: u16 = 262;
const TRANSPARENCY_MASK: u64 = 4;

/// The most directories that are read. Layered and scanned files have many pages; the photo is among the first.
const MAX_DIRECTORIES: usize = 100;

/// Returns the first full-resolution page of the chain, or of the subdirectories of its thumbnails. If all are
/// thumbnails, returns the first page that is no mask; `None` if there are only masks.
pub(super) fn main<'a>(structure: &Structure<'a>) -> Result<Option<Directory<'a>>, Error> {
    let mut offset = structure.first();
    let mut fallback = None;
    let mut left = MAX_DIRECTORIES;
    let mut found_any = false;
    // The count also ends circular chains.
    while offset != 0 && left > 0 {
        left -= 1;
        let Some(directory) = structure.directory(offset) else { break };
        found_any = true;
        offset = directory.next();
        if is_full(&directory) {
            return Ok(Some(directory));
        }
        let children: Vec<u64> =
            directory.values(SUB_DIRECTORIES).map(|values| values.uints().take(left).collect()).unwrap_or_default();
        for child in children {
            left -= 1;
            if let Some(child) = structure.directory(child).filter(is_full) {
                return Ok(Some(child));
            }
        }
        if fallback.is_none() && !is_mask(&directory) {
            fallback = Some(directory);
        }
    }
    // The first directory is often at the end of the file, which is missing in a truncated file.
    if found_any { Ok(fallback) } else { Err(Error::Truncated) }
}

fn is_full(directory: &Directory<'_>) -> bool {
    let kind = directory.uint(NEW_SUBFILE_TYPE).unwrap_or(0);
    // Bit 0: reduced resolution. Bit 2: transparency mask. Higher ones: depth maps and other companions of DNG 1.4.
    let is_companion = kind & !0b10 != 0 || (kind == 0 && directory.uint(SUBFILE_TYPE) == Some(2));
    !is_companion && !is_mask(directory)
}

fn is_mask(directory: &Directory<'_>) -> bool {
    directory.uint(NEW_SUBFILE_TYPE).unwrap_or(0) & 0b100 != 0 || directory.uint(PHOTOMETRIC) == Some(TRANSPARENCY_MASK)
}
