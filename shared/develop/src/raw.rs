//! Camera RAW, by the JPEGs that cameras embed for their displays and for photo browsers.

pub(super) mod directories;
mod largest_jpeg;
mod size;

use self::directories::{Sensor, stored_size};
use super::{
    Decoded, Original, catch_panic::guarded, error::Error, ifd::Structure, jpeg, jpeg::Header, metadata,
    orient::upright,
};

/// The most attempts to decode one file: if the largest JPEG is damaged, the next one is tried.
const MAX_ATTEMPTS: usize = 3;

/// Decodes the largest embedded JPEG. Size and orientation are those of the sensor's picture, as the file states them.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all decoders; RAW without a JPEG is kept")]
pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    let sensor = guarded(|| sensor(original.bytes)).unwrap_or_default();
    let mut orientation = original.metadata.orientation.or(sensor.orientation);
    let mut size = sensor.size.or(original.metadata.stated_size);
    let mut picture = None;
    let candidates = largest_jpeg::candidates(original.bytes, &sensor.not_pictures, original.limits);
    let headers = candidates.into_iter().filter_map(|bytes| Some((bytes, Header::read(bytes).ok()?)));
    let mut jpegs: Vec<(&[u8], Header<'_>)> = headers.collect();
    // Further pictures of a JPEG, such as the gain map of an HDR preview, are not candidates.
    let begins_at = |bytes: &[u8]| original.bytes.len() - bytes.len();
    let further = |(bytes, header): &(&[u8], Header<'_>)| {
        let first = begins_at(bytes);
        header.other_pictures.iter().map(|at| first.saturating_add(*at)).collect::<Vec<_>>()
    };
    let further_pictures: Vec<usize> = jpegs.iter().flat_map(further).collect();
    jpegs.retain(|(bytes, header)| header.is_decodable() && !further_pictures.contains(&begins_at(bytes)));
    for (bytes, header) in jpegs.into_iter().take(MAX_ATTEMPTS) {
        // A damaged JPEG does not mean that the RAW picture is damaged.
        picture = jpeg::decode(bytes, &header).ok().flatten();
        if picture.is_some() {
            orientation = orientation.or_else(|| metadata::jpeg_orientation(bytes));
            size = size.or(Some((header.width, header.height)));
            break;
        }
    }
    let is_upright = match (&picture, size, orientation) {
        (Some(picture), Some(size), Some(turn)) => is_turned_already(picture.size, size, turn),
        _ => false,
    };
    Ok(Decoded { size, orientation, picture, is_upright }.stated(original.metadata.colour))
}

/// Returns whether a JPEG is upright already, unlike the sensor's picture: cameras write it in the sensor's
/// orientation, and some software upright. Rotations by 180° and mirrored pictures cannot be detected, and cameras do
/// not write them.
fn is_turned_already(jpeg: (u32, u32), stored: (u32, u32), orientation: u8) -> bool {
    let is_tall = |(width, height): (u32, u32)| height > width;
    let is_square = |(width, height): (u32, u32)| width == height;
    let lies_on_its_side = upright((1, 2), orientation) == (2, 1);
    lies_on_its_side && !is_square(jpeg) && !is_square(stored) && is_tall(jpeg) != is_tall(stored)
}

/// Reads the size of the sensor's picture, as each kind of file states it.
fn sensor(file: &[u8]) -> Sensor {
    let turned = |found: Option<(size::Size, u8)>| Sensor {
        size: found.map(|(size, _)| size),
        orientation: found.map(|(_, orientation)| orientation),
        not_pictures: Vec::new(),
    };
    let only = |size| Sensor { size, ..Sensor::default() };
    match file {
        [b'F', b'U', b'J', b'I', ..] => return only(size::raf(file)),
        [b'F', b'O', b'V', b'b', ..] => return turned(size::x3f(file)),
        [0, b'M', b'R', b'M', ..] => return only(size::mrw(file)),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => return only(size::cr3(file)),
        [_, _, _, _, _, _, b'H', b'E', b'A', b'P', ..] => return turned(size::crw(file)),
        _ => {}
    }
    let Some(structure) = Structure::find(file) else { return Sensor::default() };
    let main = structure.directory(structure.first());
    let stated = match file {
        [_, _, _, _, _, _, _, _, b'I', b'I', b'I', b'I', ..] | [_, _, _, _, _, _, _, _, b'M', b'M', b'M', b'M', ..] => {
            size::iiq(file)
        }
        [b'I', b'I', b'U', ..] => main.as_ref().and_then(size::rw2),
        [b'I', b'I', b'R', ..] | [b'M', b'M', b'O', ..] => main.as_ref().and_then(stored_size),
        _ => None,
    };
    let found = Sensor::read(&structure);
    Sensor { size: stated.or(found.size), ..found }
}
