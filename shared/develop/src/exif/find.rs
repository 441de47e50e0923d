//! Where each kind of file keeps its EXIF block.

use std::io::Cursor;

use ::exif::{Context, Error, Reader};

use super::fields::{Block, Blocks};
use crate::{
    bmff,
    jpeg::Header,
    sniff::{CR3, Format, RAF},
};

/// All blocks of a file, the first one first in question.
pub(super) fn blocks(format: Format, original: &[u8]) -> Blocks {
    match format {
        Format::Raw(CR3) => {
            let [main, exif, gps] = bmff::canon_metadata(original);
            // Canon makes a TIFF structure of its own of each directory.
            Blocks(
                [(main, Context::Tiff), (exif, Context::Exif), (gps, Context::Gps)]
                    .into_iter()
                    .filter_map(|(block, context)| Some(Block { exif: parse(block?)?, context }))
                    .collect(),
            )
        }
        Format::Raw(RAF) => Blocks::from_one(fuji_jpeg(original).and_then(in_jpeg)),
        Format::Raw(_) => tiff_raw(original),
        _ => Blocks::from_one(salvage(
            Reader::new().continue_on_error(true).read_from_container(&mut Cursor::new(original)),
        )),
    }
}

/// A TIFF structure. Directories that run past its end are common (software that cuts maker notes): what can be read
/// before is kept.
pub(super) fn parse(block: &[u8]) -> Option<::exif::Exif> {
    salvage(Reader::new().continue_on_error(true).read_raw(block.to_vec()))
}

fn salvage(result: Result<::exif::Exif, Error>) -> Option<::exif::Exif> {
    result.or_else(|error| error.distill_partial_result(|_| ())).ok()
}

fn in_jpeg(jpeg: &[u8]) -> Option<::exif::Exif> {
    Header::read(jpeg).ok()?.exif.and_then(parse)
}

/// RAF's header has the offset and length of its JPEG at 84 and 88, big-endian.
fn fuji_jpeg(original: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| Some(u32::from_be_bytes(*original.get(at..)?.first_chunk::<4>()?) as usize);
    let start = number(84)?;
    original.get(start..start.checked_add(number(88)?)?)
}

fn tiff_raw(original: &[u8]) -> Blocks {
    let mut tiff = original.to_vec();
    // Olympus and Panasonic put their own number where TIFF has 42.
    match tiff.get_mut(..4) {
        Some([b'I', b'I', magic @ ..]) => magic.copy_from_slice(&[0x2A, 0]),
        Some([b'M', b'M', magic @ ..]) => magic.copy_from_slice(&[0, 0x2A]),
        _ => {}
    }
    let main = salvage(Reader::new().continue_on_error(true).read_raw(tiff));
    // Panasonic keeps most fields in the JPEG inside.
    let inner = main.as_ref().and_then(|main| {
        let field = main.get_field(::exif::Tag(Context::Tiff, PANASONIC_JPEG), ::exif::In::PRIMARY)?;
        match &field.value {
            ::exif::Value::Undefined(jpeg, _) => in_jpeg(jpeg),
            _ => None,
        }
    });
    Blocks(main.into_iter().chain(inner).map(|exif| Block { exif, context: Context::Tiff }).collect())
}

/// `JpgFromRaw` in RW2 files.
const PANASONIC_JPEG: u16 = 0x002E;
