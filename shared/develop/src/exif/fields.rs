//! From EXIF's fields (EXIF 2.32, chapter 4.6) to facts. What is blank, undefined or impossible becomes `None`.

use ::exif::{Context, In, Tag, Value};
use jiff::civil::DateTime;
use shared::photo::{Exif, Gps, TakenAt};

/// Blocks of one file; the first that has a field is asked.
pub(super) struct Blocks(pub(super) Vec<Block>);

/// A parsed TIFF structure, and what its first directory is about.
pub(super) struct Block {
    pub(super) exif: ::exif::Exif,
    /// `Tiff` but where a file keeps its EXIF or GPS directory as a structure of its own.
    pub(super) context: Context,
}

/// Text longer than this is not a name.
const MAX_TEXT: usize = 128;
/// "Greater than 65,534": the true number is in `ISOSpeed`.
const ISO_OVERFLOW: u32 = 65_535;
/// Metres: the Dead Sea, with room for a cave, to a stratospheric balloon.
const ALTITUDES: std::ops::RangeInclusive<f64> = -12_000.0..=100_000.0;
/// Years from the first photograph that survives.
const YEARS: std::ops::RangeInclusive<i16> = 1826..=2200;

impl Blocks {
    pub(super) fn from_one(exif: Option<::exif::Exif>) -> Self {
        Self(exif.map(|exif| Block { exif, context: Context::Tiff }).into_iter().collect())
    }

    pub(super) fn exif(&self) -> Exif {
        Exif {
            make: self.text(Tag::Make),
            model: self.text(Tag::Model),
            lens: self.text(Tag::LensModel),
            iso: self.iso(),
            f_number: self.number(Tag::FNumber).filter(|n| (0.1..=1000.0).contains(n)),
            // Shorter than any shutter, longer than any night.
            exposure_seconds: self.number(Tag::ExposureTime).filter(|s| (1e-7..=1e6).contains(s)),
            focal_length_mm: self.number(Tag::FocalLength).filter(|mm| (0.1..=100_000.0).contains(mm)),
            taken_at: self.taken_at(),
            gps: self.gps(),
        }
    }

    pub(super) fn orientation(&self) -> u8 {
        self.uint(Tag::Orientation).and_then(|n| u8::try_from(n).ok()).filter(|n| (1..=8).contains(n)).unwrap_or(1)
    }

    pub(super) fn stated_size(&self) -> Option<(u32, u32)> {
        let size = (self.uint(Tag::PixelXDimension)?, self.uint(Tag::PixelYDimension)?);
        // A thumbnail's size is not the photo's.
        (size.0.min(size.1) >= 256 && size.0.max(size.1) <= 65_535).then_some(size)
    }

    fn value(&self, tag: Tag) -> Option<&Value> {
        self.0.iter().find_map(|block| {
            let tag = if block.context == tag.context() { Tag(Context::Tiff, tag.number()) } else { tag };
            block.exif.get_field(tag, In::PRIMARY).map(|field| &field.value)
        })
    }

    fn uint(&self, tag: Tag) -> Option<u32> {
        self.value(tag)?.get_uint(0)
    }

    fn number(&self, tag: Tag) -> Option<f64> {
        number_at(self.value(tag)?, 0)
    }

    /// The bytes of a text field up to its first NUL; some cameras pad with more, some with spaces.
    fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        match self.value(tag)? {
            Value::Ascii(parts) => parts.first().map(Vec::as_slice),
            _ => None,
        }
    }

    fn text(&self, tag: Tag) -> Option<String> {
        let text = String::from_utf8_lossy(self.bytes(tag)?);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let is_name = text.chars().any(char::is_alphanumeric)
            && text.len() <= MAX_TEXT
            && !text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER);
        is_name.then(|| text.to_owned())
    }

    fn iso(&self) -> Option<u32> {
        self.uint(Tag::PhotographicSensitivity)
            .filter(|&iso| iso != ISO_OVERFLOW)
            .or_else(|| self.uint(Tag::ISOSpeed))
            .or_else(|| self.uint(Tag::RecommendedExposureIndex))
            .filter(|iso| (1..=10_000_000).contains(iso))
    }

    fn taken_at(&self) -> Option<TakenAt> {
        let mut local = civil(self.bytes(Tag::DateTimeOriginal)?)?;
        if let Some(digits) = self.bytes(Tag::SubSecTimeOriginal).and_then(fraction) {
            local.push('.');
            local.push_str(&digits);
        }
        Some(TakenAt { local, offset: self.bytes(Tag::OffsetTimeOriginal).and_then(offset) })
    }

    fn gps(&self) -> Option<Gps> {
        let latitude = self.degrees(Tag::GPSLatitude, Tag::GPSLatitudeRef, *b"NS", 90.0)?;
        let longitude = self.degrees(Tag::GPSLongitude, Tag::GPSLongitudeRef, *b"EW", 180.0)?;
        // Exactly nothing on both axes is a receiver without a fix, not a boat in the Gulf of Guinea.
        if latitude == 0.0 && longitude == 0.0 {
            return None;
        }
        Some(Gps { latitude, longitude, altitude_m: self.altitude() })
    }

    fn degrees(&self, tag: Tag, reference: Tag, [positive, negative]: [u8; 2], max: f64) -> Option<f64> {
        let sign = match self.bytes(reference)?.first()?.to_ascii_uppercase() {
            side if side == positive => 1.0,
            side if side == negative => -1.0,
            _ => return None,
        };
        let value = self.value(tag)?;
        // Minutes may carry the fraction, and then seconds may be missing or 0/0.
        let (degrees, minutes) = (number_at(value, 0)?, number_at(value, 1).unwrap_or(0.0));
        let seconds = number_at(value, 2).unwrap_or(0.0);
        let in_range = degrees >= 0.0 && (0.0..60.0001).contains(&minutes) && (0.0..60.0001).contains(&seconds);
        let angle = degrees + minutes / 60.0 + seconds / 3600.0;
        (in_range && angle <= max).then_some(angle * sign)
    }

    fn altitude(&self) -> Option<f64> {
        let metres = self.number(Tag::GPSAltitude)?;
        // 1 is below sea level; 2 and 3 are the same above the ellipsoid (EXIF 3.0).
        let below = match self.value(Tag::GPSAltitudeRef) {
            Some(Value::Byte(reference)) => matches!(reference.first(), Some(1 | 3)),
            _ => false,
        };
        let metres = if below { -metres } else { metres };
        ALTITUDES.contains(&metres).then_some(metres)
    }
}

/// Finite, or `None`: 0/0 and 1/0 are how cameras say "unknown".
fn number_at(value: &Value, index: usize) -> Option<f64> {
    let number = match value {
        Value::Rational(numbers) => numbers.get(index)?.to_f64(),
        Value::SRational(numbers) => numbers.get(index)?.to_f64(),
        Value::Double(numbers) => *numbers.get(index)?,
        Value::Float(numbers) => f64::from(*numbers.get(index)?),
        other => f64::from(other.get_uint(index)?),
    };
    number.is_finite().then_some(number)
}

/// `2024:06:15 14:30:05`, as ISO 8601. Blanks and zeros stand for "unknown".
fn civil(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let parts: Vec<&str> = text.split([':', ' ', '-', 'T']).collect();
    let [year, month, day, hour, minute, second] = parts.as_slice() else { return None };
    if year.len() != 4 || [month, day, hour, minute, second].iter().any(|part| part.len() != 2) {
        return None;
    }
    let small = |part: &str| part.parse::<i8>().ok();
    let year = year.parse().ok().filter(|year| YEARS.contains(year))?;
    let clock =
        DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    Some(clock.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

/// Digits after the decimal point; trailing zeros are kept, they are the camera's precision.
fn fraction(bytes: &[u8]) -> Option<String> {
    let digits = std::str::from_utf8(bytes).ok()?.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let valid = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits.to_owned())
}

/// `+02:00`. Clocks on Earth are between -12 and +14 hours.
fn offset(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let (sign, clock) = text.split_at_checked(1)?;
    let (hours, minutes) = clock.split_once(':')?;
    let two_digits = |part: &str| (part.len() == 2).then(|| part.parse::<u32>().ok()).flatten();
    let total = two_digits(hours)? * 60 + two_digits(minutes).filter(|&minutes| minutes < 60)?;
    let valid = matches!(sign, "+" | "-") && total <= if sign == "+" { 14 * 60 } else { 12 * 60 };
    valid.then(|| text.to_owned())
}
