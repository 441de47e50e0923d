//! The colour space that a camera names in EXIF instead of embedding a profile (DCF 2.0, optional colour space).

use super::Assumed;
use crate::tiff::{Directory, Structure};

const EXIF_DIRECTORY: u16 = 0x8769;
const INTEROPERABILITY_DIRECTORY: u16 = 0xA005;
const INTEROPERABILITY_INDEX: u16 = 1;
const COLOR_SPACE: u16 = 0xA001;
/// `ColorSpace` of sRGB.
const SRGB: u64 = 1;
/// `ColorSpace` that some cameras and Windows write for Adobe RGB; EXIF reserves it.
const ADOBE_RGB: u64 = 2;

/// Reads an EXIF block: a TIFF structure.
pub(super) fn assumed(exif: &[u8]) -> Assumed {
    let named = || {
        let structure = Structure::new(exif)?;
        let main = structure.directory(structure.first())?;
        in_main(&structure, &main)
    };
    named().unwrap_or_default()
}

fn in_main(structure: &Structure<'_>, main: &Directory<'_>) -> Option<Assumed> {
    let exif = structure.directory(main.uint(EXIF_DIRECTORY)?)?;
    let space = exif.uint(COLOR_SPACE);
    if space == Some(ADOBE_RGB) {
        return Some(Assumed::AdobeRgb);
    }
    let interoperability = structure.directory(exif.uint(INTEROPERABILITY_DIRECTORY)?)?;
    let is_r03 = interoperability.bytes(INTEROPERABILITY_INDEX)?.starts_with(b"R03");
    // DCF writes 65,535, "uncalibrated", beside R03. A file that says sRGB contradicts R03 and stays sRGB.
    (is_r03 && space != Some(SRGB)).then_some(Assumed::AdobeRgb)
}
