//! Metadata as cameras write it, valid and invalid.

mod blocks;
mod hostile;
mod rights;
mod sidecars;
mod spellings;

use ::exif::{Field, In, Rational, Tag, Value};
use domain::photo::{Exif, Gps, TakenAt};

use super::{
    develop_as,
    samples::{self, Jpeg},
};

fn read(fields: &[(Tag, Value)]) -> (Exif, u8) {
    let fields: Vec<Field> =
        fields.iter().map(|(tag, value)| Field { tag: *tag, ifd_num: In::PRIMARY, value: value.clone() }).collect();
    let exif = samples::exif(&fields);
    let original = Jpeg { exif: Some(&exif), ..Jpeg::default() }.rgb(&samples::quarters(16, 16));
    let developed = develop_as(&original, "a.jpg").unwrap();
    (developed.exif, developed.orientation)
}

fn text(text: &str) -> Value {
    Value::Ascii(vec![text.as_bytes().to_vec()])
}

fn ratio(parts: &[(u32, u32)]) -> Value {
    Value::Rational(parts.iter().map(|&(num, denom)| Rational { num, denom }).collect())
}

#[test]
fn all_fields_are_read() {
    let (exif, orientation) = read(&[
        (Tag::Make, text("Canon")),
        (Tag::Model, text("Canon EOS R5  ")),
        (Tag::Orientation, Value::Short(vec![6])),
        (Tag::LensModel, text("RF24-70mm F2.8 L IS USM")),
        (Tag::PhotographicSensitivity, Value::Short(vec![400])),
        (Tag::FNumber, ratio(&[(28, 10)])),
        (Tag::ExposureTime, ratio(&[(1, 250)])),
        (Tag::FocalLength, ratio(&[(50, 1)])),
        (Tag::DateTimeOriginal, text("2024:06:15 14:30:05")),
        (Tag::SubSecTimeOriginal, text("12")),
        (Tag::OffsetTimeOriginal, text("+02:00")),
        (Tag::GPSLatitudeRef, text("S")),
        (Tag::GPSLatitude, ratio(&[(33, 1), (51, 1), (3540, 100)])),
        (Tag::GPSLongitudeRef, text("E")),
        (Tag::GPSLongitude, ratio(&[(151, 1), (12, 1), (0, 1)])),
        (Tag::GPSAltitudeRef, Value::Byte(vec![1])),
        (Tag::GPSAltitude, ratio(&[(7, 2)])),
    ]);
    assert_eq!(orientation, 6);
    let gps = exif.gps.clone().unwrap();
    assert!((gps.latitude + 33.859_833_333).abs() < 1e-6);
    let expected = Exif {
        make: Some("Canon".to_owned()),
        model: Some("Canon EOS R5".to_owned()),
        lens: Some("RF24-70mm F2.8 L IS USM".to_owned()),
        iso: Some(400),
        f_number: Some(2.8),
        exposure_seconds: Some(0.004),
        focal_length_mm: Some(50.0),
        taken_at: Some(TakenAt { local: "2024-06-15T14:30:05.12".to_owned(), offset: Some("+02:00".to_owned()) }),
        gps: Some(Gps { latitude: gps.latitude, longitude: 151.2, altitude_m: Some(-3.5) }),
        ..Exif::default()
    };
    assert_eq!(exif, expected);
}

#[test]
fn nonsense_is_left_out() {
    let (exif, orientation) = read(&[
        (Tag::Make, text("\0\0\0\0")),
        (Tag::Model, text("    ")),
        (Tag::LensModel, text("----")),
        (Tag::Orientation, Value::Short(vec![9])),
        (Tag::PhotographicSensitivity, Value::Short(vec![0])),
        (Tag::FNumber, ratio(&[(0, 0)])),
        (Tag::ExposureTime, ratio(&[(1, 0)])),
        (Tag::FocalLength, ratio(&[(0, 1)])),
        (Tag::DateTimeOriginal, text("    :  :     :  :  ")),
        (Tag::GPSLatitudeRef, text("N")),
        (Tag::GPSLatitude, ratio(&[(91, 1), (0, 1), (0, 1)])),
        (Tag::GPSLongitudeRef, text("E")),
        (Tag::GPSLongitude, ratio(&[(0, 0), (0, 0), (0, 0)])),
    ]);
    assert_eq!((exif, orientation), (Exif::default(), 1));
}

#[test]
fn impossible_dates_are_left_out() {
    for date in
        ["0000:00:00 00:00:00", "2024:02:30 10:00:00", "2024:06:15 25:00:00", "2024:06:15", "not a date at all!"]
    {
        assert_eq!(read(&[(Tag::DateTimeOriginal, text(date))]).0.taken_at, None, "{date}");
    }
}

#[test]
fn invalid_offsets_are_left_out() {
    for offset in ["   :  ", "+25:00", "02:00", "+02:60"] {
        let fields = [(Tag::DateTimeOriginal, text("2024:06:15 14:30:05")), (Tag::OffsetTimeOriginal, text(offset))];
        let taken_at = read(&fields).0.taken_at.unwrap();
        assert_eq!(taken_at, TakenAt { local: "2024-06-15T14:30:05".to_owned(), offset: None }, "{offset}");
    }
}

#[test]
fn padding_is_trimmed() {
    let value = Value::Ascii(vec![b"NIKON D70".to_vec(), Vec::new(), Vec::new()]);
    assert_eq!(read(&[(Tag::Model, value)]).0.model.as_deref(), Some("NIKON D70"));
}

#[test]
fn position_of_zeros_is_left_out() {
    let zero = ratio(&[(0, 1), (0, 1), (0, 1)]);
    let (exif, _) = read(&[
        (Tag::GPSLatitudeRef, text("N")),
        (Tag::GPSLatitude, zero.clone()),
        (Tag::GPSLongitudeRef, text("E")),
        (Tag::GPSLongitude, zero),
    ]);
    assert_eq!(exif.gps, None);
}

#[test]
fn fields_before_a_cut_in_exif_are_kept() {
    let mut block = samples::exif(&[
        Field { tag: Tag::Make, ifd_num: In::PRIMARY, value: text("Leica Camera AG") },
        Field { tag: Tag::FNumber, ifd_num: In::PRIMARY, value: ratio(&[(2, 1)]) },
    ]);
    block.truncate(block.len() - 4);
    let original = Jpeg { exif: Some(&block), ..Jpeg::default() }.rgb(&samples::quarters(16, 16));
    let exif = develop_as(&original, "a.jpg").unwrap().exif;
    assert_eq!(exif.make.as_deref(), Some("Leica Camera AG"));
    assert_eq!(exif.f_number, None);
}
