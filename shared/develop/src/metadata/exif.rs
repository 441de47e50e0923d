//! EXIF (CIPA DC-008, version 3.0): the directories of its blocks, and the fields of the record.

use domain::photo::{Gps, TakenAt};

use super::{
    blocks::{Context, ExifBlock},
    gps,
    text::{decode, decode_utf16},
    time::Time,
};
use crate::colour::DcfColour;
use crate::ifd::{Directory, Structure, Values};

/// "Greater than 65,534": `ISOSpeed` has the actual number.
const ISO_OVERFLOW: u32 = 65_535;
/// The most blocks with fields. Files have one, at most three.
const MAX_BLOCKS: usize = 8;

/// The directories of a file's EXIF blocks. The first block that has a field determines its value.
#[derive(Debug, Default)]
pub(super) struct Directories<'a> {
    /// IFD0 of each block.
    main: Vec<Directory<'a>>,
    exif: Vec<Directory<'a>>,
    gps: Vec<Directory<'a>>,
    interoperability: Vec<Directory<'a>>,
}

impl<'a> Directories<'a> {
    pub(super) fn read(blocks: &'a [ExifBlock<'a>]) -> Self {
        let mut directories = Self::default();
        for block in blocks {
            let Some(tiff) = Structure::find(&block.bytes) else { continue };
            let chain = tiff.chain();
            match block.context {
                Context::Main => directories.add_main(tiff, chain.first()),
                Context::Exif => directories.exif.extend(chain.into_iter().next()),
                Context::Gps => directories.gps.extend(chain.into_iter().next()),
                Context::Pages => {
                    let is_reduced = |page: &&Directory| page.uint(NEW_SUBFILE_TYPE).is_some_and(|kind| kind & 1 == 1);
                    let photo = chain.iter().find(|page| !is_reduced(page)).or(chain.first());
                    directories.add_main(tiff, photo);
                    directories.add_main(tiff, chain.first());
                }
            }
            if directories.main.len() >= MAX_BLOCKS {
                break;
            }
        }
        directories
    }

    fn add_main(&mut self, tiff: Structure<'a>, main: Option<&Directory<'a>>) {
        let Some(main) = main.filter(|main| !main.is_empty()) else { return };
        let pointed = |directory: &Directory<'a>, tag| directory.uint(tag).and_then(|offset| tiff.directory(offset));
        let exif = pointed(main, EXIF_DIRECTORY);
        self.interoperability.extend(exif.as_ref().and_then(|exif| pointed(exif, INTEROPERABILITY_DIRECTORY)));
        let gps = pointed(main, GPS_DIRECTORY).or_else(|| pointed(exif.as_ref()?, GPS_DIRECTORY));
        self.exif.extend(exif);
        self.gps.extend(gps);
        self.main.push(main.clone());
    }

    /// Returns a field of IFD0 or of the EXIF directory, whichever has it.
    fn entries(&self, tag: u16) -> impl Iterator<Item = Values<'a>> {
        self.exif.iter().chain(&self.main).filter_map(move |directory| directory.values(tag))
    }

    fn gps_entry(&self, tag: u16) -> Option<Values<'a>> {
        self.gps.iter().find_map(|directory| directory.values(tag))
    }

    fn uint(&self, tag: u16) -> Option<u32> {
        self.entries(tag).find_map(|entry| entry.uint(0).and_then(|value| u32::try_from(value).ok()))
    }

    pub(super) fn number(&self, tag: u16) -> Option<f64> {
        self.entries(tag).find_map(|entry| entry.number(0))
    }

    pub(super) fn text(&self, tag: u16) -> Option<String> {
        self.texts(tag).find(|text| !text.trim().is_empty())
    }

    fn texts(&self, tag: u16) -> impl Iterator<Item = String> {
        self.entries(tag).filter_map(|entry| entry.text().map(decode))
    }

    /// Returns the text of a field that Windows adds, in UTF-16.
    pub(super) fn windows_text(&self, tag: u16) -> Option<String> {
        self.entries(tag).find_map(|entry| entry.text().map(decode_utf16))
    }

    /// Returns the bytes of a field with a structure of its own: XMP, IPTC, Photoshop resources.
    pub(super) fn embedded(&self, tag: u16) -> impl Iterator<Item = &'a [u8]> {
        self.main.iter().filter_map(move |directory| directory.values(tag)).map(|entry| entry.bytes())
    }

    /// Returns the photographer's part, or the editor's if that is blank. A NUL separates them.
    pub(super) fn copyright(&self) -> Option<String> {
        let parts = self.entries(COPYRIGHT).find_map(|entry| entry.text())?;
        parts.split(|&byte| byte == 0).map(decode).find(|part| !part.trim().is_empty())
    }

    pub(super) fn orientation(&self) -> Option<u8> {
        let written = self.main.iter().chain(&self.exif).filter_map(|directory| directory.uint(ORIENTATION));
        let mut valid =
            written.filter_map(|number| u8::try_from(number).ok()).filter(|number| (1..=8).contains(number));
        valid.next()
    }

    pub(super) fn stated_size(&self) -> Option<(u32, u32)> {
        let size = (self.uint(PIXEL_X_DIMENSION)?, self.uint(PIXEL_Y_DIMENSION)?);
        // A thumbnail's size is not the photo's.
        (size.0.min(size.1) >= 256 && size.0.max(size.1) <= 65_535).then_some(size)
    }

    /// Returns the colour space by the rules of DCF (CIPA DC-009, 3.4).
    pub(super) fn colour(&self) -> DcfColour {
        let index = self.interoperability.iter().find_map(|directory| directory.values(INTEROPERABILITY_INDEX)?.text());
        match (self.uint(COLOR_SPACE), index.and_then(|index| index.first_chunk::<3>())) {
            (Some(1), _) => DcfColour::Srgb,
            (Some(2), _) | (_, Some(b"R03")) => DcfColour::AdobeRgb,
            (_, Some(b"R98")) => DcfColour::Srgb,
            _ => DcfColour::Unknown,
        }
    }

    pub(super) fn iso(&self) -> Option<u32> {
        self.uint(PHOTOGRAPHIC_SENSITIVITY)
            .filter(|&iso| iso != 0 && iso != ISO_OVERFLOW)
            .or_else(|| self.uint(ISO_SPEED))
            .or_else(|| self.uint(RECOMMENDED_EXPOSURE_INDEX))
    }

    /// Returns the time of the exposure, or of the scan of a film. `DateTime` is the time of the last change and is not
    /// used; its offset is used if both times are equal, or if only the offset is written.
    pub(super) fn taken_at(&self) -> Option<TakenAt> {
        let changed = self.time(DATE_TIME, None, None);
        [
            (DATE_TIME_ORIGINAL, SUB_SEC_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL),
            (DATE_TIME_DIGITIZED, SUB_SEC_TIME_DIGITIZED, OFFSET_TIME_DIGITIZED),
        ]
        .into_iter()
        .find_map(|(time, subseconds, offset)| {
            let time = self.time(time, Some(subseconds), Some(offset))?;
            let same = |other: &Option<Time>| other.as_ref().is_some_and(|other| other.same_second(&time));
            let digitized = self.time(DATE_TIME_DIGITIZED, None, None);
            let changed = changed.clone().or_else(|| Some(time.clone()));
            let others = [(digitized, OFFSET_TIME_DIGITIZED), (changed, OFFSET_TIME)];
            let borrowed = others.iter().filter(|(other, _)| same(other)).find_map(|(_, tag)| self.text(*tag));
            Some(TakenAt::from(time.with(None, borrowed.as_deref())))
        })
    }

    fn time(&self, time: u16, subseconds: Option<u16>, offset: Option<u16>) -> Option<Time> {
        let time = self.texts(time).find_map(|text| Time::parse(&text))?;
        let text = |tag: Option<u16>| tag.and_then(|tag| self.text(tag));
        Some(time.with(text(subseconds).as_deref(), text(offset).as_deref()))
    }

    pub(super) fn gps(&self) -> Option<Gps> {
        let angle = |tag| self.gps_entry(tag).map(|entry| [0, 1, 2].map(|index| entry.number(index)));
        let side = |tag| self.gps_entry(tag).and_then(|entry| entry.text()?.first().copied());
        let latitude = gps::degrees(angle(GPS_LATITUDE)?, gps::sign(side(GPS_LATITUDE_REF)?, *b"NS")?)?;
        let longitude = gps::degrees(angle(GPS_LONGITUDE)?, gps::sign(side(GPS_LONGITUDE_REF)?, *b"EW")?)?;
        let altitude = self.gps_entry(GPS_ALTITUDE).and_then(|entry| entry.number(0));
        // 1 is below sea level; 2 and 3 mean the same relative to the ellipsoid (EXIF 3.0).
        let below = self.gps_entry(GPS_ALTITUDE_REF).is_some_and(|entry| {
            matches!(entry.uint(0), Some(1 | 3)) || matches!(entry.text(), Some([b'1' | b'3', ..]))
        });
        gps::position(latitude, longitude, altitude.map(|metres| if below { -metres } else { metres }))
    }
}

// Of IFD0.
const NEW_SUBFILE_TYPE: u16 = 0x00FE;
pub(super) const IMAGE_DESCRIPTION: u16 = 0x010E;
pub(super) const MAKE: u16 = 0x010F;
pub(super) const MODEL: u16 = 0x0110;
const ORIENTATION: u16 = 0x0112;
const DATE_TIME: u16 = 0x0132;
pub(super) const ARTIST: u16 = 0x013B;
/// Microsoft's rating in stars, 0 to 5.
pub(super) const RATING: u16 = 0x4746;
const COPYRIGHT: u16 = 0x8298;
const EXIF_DIRECTORY: u16 = 0x8769;
const GPS_DIRECTORY: u16 = 0x8825;
pub(super) const XP_TITLE: u16 = 0x9C9B;
/// XMP specification, part 3.
pub(super) const XMP: u16 = 0x02BC;
pub(super) const IPTC: u16 = 0x83BB;
pub(super) const PHOTOSHOP: u16 = 0x8649;

// Of the EXIF directory.
pub(super) const EXPOSURE_TIME: u16 = 0x829A;
pub(super) const F_NUMBER: u16 = 0x829D;
const PHOTOGRAPHIC_SENSITIVITY: u16 = 0x8827;
const RECOMMENDED_EXPOSURE_INDEX: u16 = 0x8832;
const ISO_SPEED: u16 = 0x8833;
const DATE_TIME_ORIGINAL: u16 = 0x9003;
const DATE_TIME_DIGITIZED: u16 = 0x9004;
const OFFSET_TIME: u16 = 0x9010;
const OFFSET_TIME_ORIGINAL: u16 = 0x9011;
const OFFSET_TIME_DIGITIZED: u16 = 0x9012;
pub(super) const FOCAL_LENGTH: u16 = 0x920A;
const SUB_SEC_TIME_ORIGINAL: u16 = 0x9291;
const SUB_SEC_TIME_DIGITIZED: u16 = 0x9292;
const COLOR_SPACE: u16 = 0xA001;
const PIXEL_X_DIMENSION: u16 = 0xA002;
const PIXEL_Y_DIMENSION: u16 = 0xA003;
const INTEROPERABILITY_DIRECTORY: u16 = 0xA005;
pub(super) const LENS_MODEL: u16 = 0xA434;
/// EXIF 3.0.
pub(super) const IMAGE_TITLE: u16 = 0xA436;
/// EXIF 3.0.
pub(super) const PHOTOGRAPHER: u16 = 0xA437;

// Of the interoperability directory.
const INTEROPERABILITY_INDEX: u16 = 0x0001;

// Of the GPS directory.
const GPS_LATITUDE_REF: u16 = 1;
const GPS_LATITUDE: u16 = 2;
const GPS_LONGITUDE_REF: u16 = 3;
const GPS_LONGITUDE: u16 = 4;
const GPS_ALTITUDE_REF: u16 = 5;
const GPS_ALTITUDE: u16 = 6;
