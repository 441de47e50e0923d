//! The EXIF block of the demo's photos, as cameras write it.

use std::io::Cursor;

use anyhow::{Context, Result};
use exif::experimental::Writer;
use exif::{Field, In, Rational, SRational, Tag, Value};

/// The rotation that makes the stored pixels upright; the four of EXIF's eight values that cameras write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// 1: as stored.
    Upright,
    /// 3: turn by 180 degrees.
    UpsideDown,
    /// 6: turn by 90 degrees clockwise.
    QuarterRight,
    /// 8: turn by 90 degrees counter-clockwise.
    QuarterLeft,
}

impl Orientation {
    /// Returns EXIF's number.
    pub fn number(self) -> u16 {
        match self {
            Self::Upright => 1,
            Self::UpsideDown => 3,
            Self::QuarterRight => 6,
            Self::QuarterLeft => 8,
        }
    }

    /// Returns width and height of the upright image.
    pub fn upright(self, width: u32, height: u32) -> (u32, u32) {
        match self {
            Self::Upright | Self::UpsideDown => (width, height),
            Self::QuarterRight | Self::QuarterLeft => (height, width),
        }
    }

    /// Returns the upright position of the stored pixel (`x`, `y`) of a `width` x `height` image.
    pub fn upright_position(self, x: u32, y: u32, width: u32, height: u32) -> (u32, u32) {
        match self {
            Self::Upright => (x, y),
            Self::UpsideDown => (width - 1 - x, height - 1 - y),
            Self::QuarterRight => (height - 1 - y, x),
            Self::QuarterLeft => (y, width - 1 - x),
        }
    }
}

/// One exposure: camera, lens, settings, time and place.
#[derive(Clone, Copy, Debug)]
pub struct Shot {
    /// Maker, as in the Make tag.
    pub make: &'static str,
    /// Model, as in the Model tag.
    pub model: &'static str,
    /// Lens model.
    pub lens: &'static str,
    /// ISO speed.
    pub iso: u16,
    /// F-number in tenths: 28 is f/2.8.
    pub f_number_tenths: u32,
    /// Exposure time in seconds, as a fraction.
    pub exposure: (u32, u32),
    /// Focal length in millimetres.
    pub focal_length_mm: u32,
    /// Local time of the camera, `YYYY:MM:DD HH:MM:SS`.
    pub local: &'static str,
    /// The clock's offset from UTC, `+02:00`.
    pub offset: &'static str,
    /// Latitude and longitude in degrees, altitude in metres; south, west and below the sea negative.
    pub gps: Option<(f64, f64, i32)>,
}

impl Shot {
    /// Returns the EXIF block of a stored image of `width` x `height` as a TIFF structure, without the `Exif\0\0` that
    /// precedes it in JPEG.
    pub fn exif(&self, orientation: Orientation, width: u32, height: u32) -> Result<Vec<u8>> {
        write(&self.fields(orientation, width, height), None)
    }

    /// Returns a complete TIFF file with the same fields and uncompressed RGB pixels; in TIFF, EXIF is part of the
    /// format.
    pub fn tiff(&self, orientation: Orientation, width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>> {
        let mut fields = self.fields(orientation, width, height);
        fields.extend([
            field(Tag::ImageWidth, Value::Long(vec![width])),
            field(Tag::ImageLength, Value::Long(vec![height])),
            field(Tag::BitsPerSample, Value::Short(vec![8, 8, 8])),
            field(Tag::Compression, Value::Short(vec![1])),
            field(Tag::PhotometricInterpretation, Value::Short(vec![2])),
            field(Tag::SamplesPerPixel, Value::Short(vec![3])),
            field(Tag::RowsPerStrip, Value::Long(vec![height])),
            field(Tag::PlanarConfiguration, Value::Short(vec![1])),
        ]);
        write(&fields, Some(rgb))
    }

    fn fields(&self, orientation: Orientation, width: u32, height: u32) -> Vec<Field> {
        let mut fields = vec![
            field(Tag::Make, text(self.make)),
            field(Tag::Model, text(self.model)),
            field(Tag::Orientation, Value::Short(vec![orientation.number()])),
            field(Tag::XResolution, rational(300, 1)),
            field(Tag::YResolution, rational(300, 1)),
            field(Tag::ResolutionUnit, Value::Short(vec![2])),
            field(Tag::DateTime, text(self.local)),
            field(Tag::YCbCrPositioning, Value::Short(vec![1])),
            field(Tag::ExposureTime, rational(self.exposure.0, self.exposure.1)),
            field(Tag::FNumber, rational(self.f_number_tenths, 10)),
            field(Tag::PhotographicSensitivity, Value::Short(vec![self.iso])),
            field(Tag::ExifVersion, Value::Undefined(b"0232".to_vec(), 0)),
            field(Tag::DateTimeOriginal, text(self.local)),
            field(Tag::DateTimeDigitized, text(self.local)),
            field(Tag::OffsetTime, text(self.offset)),
            field(Tag::OffsetTimeOriginal, text(self.offset)),
            field(Tag::OffsetTimeDigitized, text(self.offset)),
            field(Tag::ComponentsConfiguration, Value::Undefined(vec![1, 2, 3, 0], 0)),
            field(Tag::FlashpixVersion, Value::Undefined(b"0100".to_vec(), 0)),
            field(Tag::PixelXDimension, Value::Long(vec![width])),
            field(Tag::PixelYDimension, Value::Long(vec![height])),
            field(Tag::ExposureBiasValue, Value::SRational(vec![SRational { num: 0, denom: 3 }])),
            field(Tag::FocalLength, rational(self.focal_length_mm, 1)),
            field(Tag::ColorSpace, Value::Short(vec![1])),
            field(Tag::LensModel, text(self.lens)),
        ];
        if let Some((latitude, longitude, altitude)) = self.gps {
            fields.extend([
                field(Tag::GPSVersionID, Value::Byte(vec![2, 3, 0, 0])),
                field(Tag::GPSLatitudeRef, text(if latitude < 0.0 { "S" } else { "N" })),
                field(Tag::GPSLatitude, degrees(latitude)),
                field(Tag::GPSLongitudeRef, text(if longitude < 0.0 { "W" } else { "E" })),
                field(Tag::GPSLongitude, degrees(longitude)),
                field(Tag::GPSAltitudeRef, Value::Byte(vec![u8::from(altitude < 0)])),
                field(Tag::GPSAltitude, rational(altitude.unsigned_abs(), 1)),
            ]);
        }
        fields
    }
}

fn write(fields: &[Field], strip: Option<&[u8]>) -> Result<Vec<u8>> {
    let strips: Vec<&[u8]> = strip.into_iter().collect();
    let mut writer = Writer::new();
    for field in fields {
        writer.push_field(field);
    }
    if !strips.is_empty() {
        writer.set_strips(&strips, In::PRIMARY);
    }
    let mut out = Cursor::new(Vec::new());
    writer.write(&mut out, true).context("Failed to write the EXIF of a demo photo")?;
    Ok(out.into_inner())
}

fn field(tag: Tag, value: Value) -> Field {
    Field { tag, ifd_num: In::PRIMARY, value }
}

fn text(text: &str) -> Value {
    Value::Ascii(vec![text.as_bytes().to_vec()])
}

fn rational(num: u32, denom: u32) -> Value {
    Value::Rational(vec![Rational { num, denom }])
}

/// Returns degrees, minutes, seconds: EXIF's only format of a position.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 180 degrees of 3,600,000 units")]
fn degrees(decimal: f64) -> Value {
    let thousandths = (decimal.abs() * 3_600_000.0).round() as u32;
    Value::Rational(vec![
        Rational { num: thousandths / 3_600_000, denom: 1 },
        Rational { num: thousandths / 60_000 % 60, denom: 1 },
        Rational { num: thousandths % 60_000, denom: 1000 },
    ])
}
