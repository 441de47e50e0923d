//! The directories of a camera RAW file based on TIFF, and the one that describes the sensor's picture.

use std::ops::Range;

use crate::ifd::{Directory, Structure};

/// The most directories. Cameras write at most eight.
const MAX_DIRECTORIES: usize = 64;
/// The most strips or tiles of one directory. 100-megapixel files have about 1,600 tiles of 256 x 256.
const MAX_CHUNKS: usize = 1 << 16;

pub(crate) const MAKE: u16 = 271;
/// DNG specification 1.6, chapter 4: every DNG has it in its first directory.
pub(crate) const DNG_VERSION: u16 = 50_706;
const NEW_SUBFILE_TYPE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const STRIP_OFFSETS: u16 = 273;
const ORIENTATION: u16 = 274;
const STRIP_BYTES: u16 = 279;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTES: u16 = 325;
const SUB_DIRECTORIES: u16 = 330;
const DEFAULT_CROP_SIZE: u16 = 50_720;

/// Photometric interpretations of sensor samples: colour filter array (TIFF/EP) and `LinearRaw` (DNG).
const SENSOR_PHOTOMETRICS: [u64; 2] = [32_803, 34_892];
/// Photometric interpretations of a picture's companions (DNG 1.6): transparency mask, depth map, photometric mask.
const COMPANION_PHOTOMETRICS: [u64; 3] = [4, 51_177, 52_527];
/// Compressions of sensor samples only, by ExifTool's list (Image::ExifTool::Exif, `%compression`), which LibRaw
/// shares: Sony ARW, packed RAW, Samsung SRW and SRW 2, Kodak KDC, Nikon NEF, Kodak DCR, Pentax PEF. Other software
/// uses some of these numbers for pictures, so they count only for a camera of these makers.
const SENSOR_COMPRESSIONS: [u64; 8] = [32_767, 32_769, 32_770, 32_772, 32_867, 34_713, 65_000, 65_535];
/// JPEG in TIFF's two ways, and DNG's lossy JPEG.
const JPEG_COMPRESSIONS: [u64; 3] = [6, 7, 34_892];

/// Returns the directories of the chain and those to which they refer, each once, the first one first.
pub(crate) fn all<'a>(structure: &Structure<'a>) -> impl Iterator<Item = Directory<'a>> {
    let mut waiting = vec![structure.first()];
    let mut seen = Vec::new();
    std::iter::from_fn(move || {
        loop {
            let offset = waiting.pop()?;
            if seen.len() == MAX_DIRECTORIES {
                return None;
            }
            if seen.contains(&offset) {
                continue;
            }
            seen.push(offset);
            let Some(directory) = structure.directory(offset) else { continue };
            waiting.push(directory.next());
            let children: Vec<u64> = directory
                .values(SUB_DIRECTORIES)
                .map(|values| values.uints().take(MAX_DIRECTORIES).collect())
                .unwrap_or_default();
            waiting.extend(children.into_iter().rev());
            return Some(directory);
        }
    })
}

/// Returns whether a directory describes samples of a sensor.
pub(crate) fn is_of_sensor(directory: &Directory<'_>, is_known_maker: bool) -> bool {
    let is_one_of = |tag, list: &[u64]| directory.uint(tag).is_some_and(|value| list.contains(&value));
    is_one_of(PHOTOMETRIC, &SENSOR_PHOTOMETRICS) || (is_known_maker && is_one_of(COMPRESSION, &SENSOR_COMPRESSIONS))
}

/// The directories' description of the sensor's picture.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sensor {
    /// Pixels, as stored.
    pub(super) size: Option<(u32, u32)>,
    /// The orientation in the sensor's directory, 1 to 8.
    pub(super) orientation: Option<u8>,
    /// Places of JPEG streams that are not visible pictures: sensor samples, masks and depth maps.
    pub(super) not_pictures: Vec<Range<usize>>,
}

impl Sensor {
    pub(super) fn read(structure: &Structure<'_>) -> Self {
        let mut sensor = Self::default();
        let mut best = None;
        let mut is_dng = false;
        for (index, directory) in all(structure).enumerate() {
            is_dng |= index == 0 && directory.values(DNG_VERSION).is_some();
            let is_of_sensor = is_of_sensor(&directory, true);
            let is_companion =
                directory.uint(PHOTOMETRIC).is_some_and(|photometric| COMPANION_PHOTOMETRICS.contains(&photometric));
            if is_of_sensor || is_companion {
                sensor.not_pictures.extend(jpegs(&directory));
            }
            let Some(size) = size(&directory, is_dng).filter(|_| is_of_sensor) else { continue };
            // The main picture takes precedence over reduced and enhanced ones, and the larger of two over the smaller.
            let is_main = directory.uint(NEW_SUBFILE_TYPE).unwrap_or(0) == 0;
            let rank = (is_main, u64::from(size.0) * u64::from(size.1));
            if best.is_none_or(|best| rank > best) {
                best = Some(rank);
                sensor.size = Some(size);
                let orientation = directory.uint(ORIENTATION).and_then(|number| u8::try_from(number).ok());
                sensor.orientation = orientation.filter(|number| (1..=8).contains(number));
            }
        }
        sensor.not_pictures.sort_unstable_by_key(|range| range.start);
        sensor
    }
}

/// Returns width and height. A DNG's exclude the borders that its `DefaultCropSize` removes.
fn size(directory: &Directory<'_>, is_dng: bool) -> Option<(u32, u32)> {
    let cropped = || {
        let values = directory.values(DEFAULT_CROP_SIZE).filter(|_| is_dng)?;
        sides(values.number(0)?, values.number(1)?)
    };
    cropped().or_else(|| stored_size(directory))
}

/// Returns width and height from TIFF's fields.
pub(super) fn stored_size(directory: &Directory<'_>) -> Option<(u32, u32)> {
    let side = |tag| directory.uint(tag).and_then(|side| u32::try_from(side).ok()).filter(|&side| side > 0);
    Some((side(WIDTH)?, side(HEIGHT)?))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn sides(width: f64, height: f64) -> Option<(u32, u32)> {
    let range = 1.0..=f64::from(u32::MAX);
    (range.contains(&width) && range.contains(&height)).then(|| (width.round() as u32, height.round() as u32))
}

/// Returns the places of a directory's strips or tiles, if they are JPEG streams.
fn jpegs(directory: &Directory<'_>) -> Vec<Range<usize>> {
    if !directory.uint(COMPRESSION).is_some_and(|compression| JPEG_COMPRESSIONS.contains(&compression)) {
        return Vec::new();
    }
    // The number is limited before they are collected: a field may be as long as the file.
    let uints =
        |tag| directory.values(tag).into_iter().flat_map(|values| values.uints().take(MAX_CHUNKS).collect::<Vec<_>>());
    let offsets = uints(TILE_OFFSETS).chain(uints(STRIP_OFFSETS));
    let lengths = uints(TILE_BYTES).chain(uints(STRIP_BYTES));
    offsets
        .zip(lengths)
        .take(MAX_CHUNKS)
        .filter_map(|(offset, length)| {
            let start = usize::try_from(offset).ok()?;
            Some(start..start.checked_add(usize::try_from(length).ok()?)?)
        })
        .collect()
}
