//! Camera RAW: detection, size and orientation.

use image::RgbImage;

use super::{
    assert_near, develop_as, made, pixels,
    samples::{self, BLUE, Jpeg, RED},
};
use crate::{Derivatives, Error};

const NEW_SUBFILE_TYPE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const MAKE: u16 = 271;
const STRIP_OFFSETS: u16 = 273;
const ORIENTATION: u16 = 274;
const STRIP_BYTES: u16 = 279;
const CFA: u32 = 32_803;

/// Directories of a file with TIFF's signature: those of the chain, then those to which the first one refers.
#[derive(Default, Clone)]
struct Raw {
    make: &'static str,
    main: Vec<(u16, u32)>,
    inner: Vec<Vec<(u16, u32)>>,
    /// Data after the directories.
    data: Vec<u8>,
}

impl Raw {
    fn of(make: &'static str, inner: &[&[(u16, u32)]]) -> Self {
        Self { make, inner: inner.iter().map(|fields| fields.to_vec()).collect(), ..Self::default() }
    }

    fn with_data(mut self, data: &[u8]) -> Self {
        self.data = data.to_vec();
        self
    }

    fn with(mut self, tag: u16, value: u32) -> Self {
        self.main.push((tag, value));
        self
    }

    /// Returns the file. Values are LONGs; the maker and the offsets of the inner directories follow the first
    /// directory.
    fn bytes(&self) -> Vec<u8> {
        let mut fields = self.main.clone();
        let main_length = 2 + 12 * (fields.len() + 2) + 4;
        let make = format!("{}\0\0\0\0", self.make);
        let pointers_at = 8 + main_length + make.len();
        let mut inner_at = pointers_at + 4 * self.inner.len();
        let mut pointers = Vec::new();
        let mut inner = Vec::new();
        for directory in &self.inner {
            pointers.extend(u32::try_from(inner_at).unwrap().to_le_bytes());
            let bytes = table(&directory.iter().map(|&(tag, value)| (tag, 4, 1, value)).collect::<Vec<_>>());
            inner_at += bytes.len();
            inner.extend(bytes);
        }
        let count = u32::try_from(self.inner.len()).unwrap();
        let pointer =
            if count == 1 { u32::from_le_bytes(pointers[..4].try_into().unwrap()) } else { to_u32(pointers_at) };
        let mut main: Vec<(u16, u16, u32, u32)> = fields.drain(..).map(|(tag, value)| (tag, 4, 1, value)).collect();
        main.push((MAKE, 2, u32::try_from(make.len()).unwrap(), to_u32(8 + main_length)));
        main.push((330, 4, count, pointer));
        [b"II\x2A\0\x08\0\0\0", &table(&main)[..], make.as_bytes(), &pointers, &inner, &self.data].concat()
    }
}

fn to_u32(at: usize) -> u32 {
    u32::try_from(at).unwrap()
}

fn table(fields: &[(u16, u16, u32, u32)]) -> Vec<u8> {
    let mut bytes = u16::try_from(fields.len()).unwrap().to_le_bytes().to_vec();
    for (tag, kind, count, value) in fields {
        bytes.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    bytes.extend([0; 4]);
    bytes
}

fn content_type(file: &[u8], name: &str) -> &'static str {
    develop_as(file, name).map_or("refused", |developed| developed.content_type)
}

#[test]
fn sensor_and_maker_decide_not_the_name() {
    let sensor: &[(u16, u32)] = &[(WIDTH, 6048), (HEIGHT, 4024), (PHOTOMETRIC, CFA)];
    for (make, name, expected) in [
        ("NIKON CORPORATION", "a.tif", "image/x-nikon-nef"),
        ("NIKON", "a.nrw", "image/x-nikon-nrw"),
        ("NIKON", "a.arw", "image/x-nikon-nef"),
        ("SONY", "a.tif", "image/x-sony-arw"),
        ("SONY", "a.sr2", "image/x-sony-sr2"),
        ("RICOH IMAGING COMPANY, LTD.", "a", "image/x-pentax-pef"),
        ("Hasselblad", "a.FFF", "image/x-hasselblad-fff"),
        ("Hasselblad", "a.bin", "image/x-hasselblad-3fr"),
        ("EASTMAN KODAK COMPANY", "a.kdc", "image/x-kodak-kdc"),
        ("Canon", "a.tif", "image/x-dcraw"),
        ("Nobody", "a.erf", "image/x-epson-erf"),
        ("Nobody", "a.tif", "image/x-dcraw"),
        ("", "a.jpg", "image/x-dcraw"),
    ] {
        assert_eq!(content_type(&Raw::of(make, &[sensor]).bytes(), name), expected, "{make} {name}");
    }
    let packed: &[(u16, u32)] = &[(COMPRESSION, 34_713)];
    assert_eq!(content_type(&Raw::of("NIKON", &[packed]).bytes(), "a.tif"), "image/x-nikon-nef");
    let dng = Raw::of("NIKON", &[sensor]).with(50_706, 0x0401);
    assert_eq!(content_type(&dng.bytes(), "a.nef"), "image/x-adobe-dng");
}

#[test]
fn without_a_sensor_maker_and_name_decide() {
    let picture: &[(u16, u32)] = &[(WIDTH, 60), (HEIGHT, 40), (PHOTOMETRIC, 2)];
    let file = Raw::of("NIKON", &[picture]).bytes();
    assert_eq!(content_type(&file, "a.NEF"), "image/x-nikon-nef");
    // An ordinary TIFF without a picture is damaged.
    for name in ["a.tif", "a.arw", "a"] {
        assert_eq!(develop_as(&file, name), Err(Error::Damaged), "{name}");
    }
    let tiff = samples::encoded(samples::quarters(40, 30), image::ImageFormat::Tiff);
    for name in ["a.nef", "a.dng", "a.tif"] {
        let developed = develop_as(&tiff, name).unwrap();
        assert_eq!(developed.content_type, "image/tiff", "{name}");
        made(&developed);
    }
}

#[test]
fn size_is_that_of_the_main_picture() {
    let thumbnail: &[(u16, u32)] = &[(NEW_SUBFILE_TYPE, 1), (WIDTH, 9000), (HEIGHT, 6000), (PHOTOMETRIC, CFA)];
    let main: &[(u16, u32)] = &[(WIDTH, 6048), (HEIGHT, 4024), (PHOTOMETRIC, CFA)];
    let small: &[(u16, u32)] = &[(WIDTH, 600), (HEIGHT, 400), (PHOTOMETRIC, CFA)];
    let jpeg: &[(u16, u32)] = &[(WIDTH, 9000), (HEIGHT, 6000), (PHOTOMETRIC, 6)];
    let file = Raw::of("NIKON", &[thumbnail, jpeg, main, small]).with(ORIENTATION, 8);
    let developed = develop_as(&file.bytes(), "a.nef").unwrap();
    assert_eq!((developed.dimensions, developed.orientation), (Some((4024, 6048)), 8));
}

#[test]
fn directories_in_circles_end() {
    let mut circle = Raw::of("NIKON", &[&[(330, 8), (PHOTOMETRIC, CFA)]]).bytes();
    assert_eq!(content_type(&circle, "a"), "image/x-nikon-nef");
    let end = 8 + 2 + 12 * 2;
    circle[end..end + 4].copy_from_slice(&8_u32.to_le_bytes());
    assert_eq!(content_type(&circle, "a"), "image/x-nikon-nef");
}

fn top_left(picture: &RgbImage) -> [u8; 3] {
    picture.get_pixel(5, 5).0
}

/// Sensors are on their side for an upright picture. So is the embedded JPEG, unless software has rotated it.
#[test]
fn jpeg_inside_comes_out_upright_once() {
    let sensor: &[(u16, u32)] = &[(WIDTH, 6048), (HEIGHT, 4024), (PHOTOMETRIC, CFA)];
    let turned_by = |orientation: u16| {
        let value = exif::Value::Short(vec![orientation]);
        samples::exif(&[exif::Field { tag: exif::Tag::Orientation, ifd_num: exif::In::PRIMARY, value }])
    };
    let lying = samples::quarters(900, 600);
    let upright = image::imageops::rotate90(&lying);
    let plain = |picture| samples::jpeg(picture);
    let stating = |picture, orientation| Jpeg { exif: Some(&turned_by(orientation)), ..Jpeg::default() }.rgb(picture);
    for (jpeg, label) in [
        (plain(&lying), "as the sensor lies"),
        (stating(&lying, 6), "as the sensor lies, and says so"),
        (stating(&lying, 1), "as the sensor lies, turned later"),
        (plain(&upright), "upright"),
        (stating(&upright, 1), "upright, and says so"),
    ] {
        let file = Raw::of("NIKON", &[sensor]).with(ORIENTATION, 6).with_data(&jpeg).bytes();
        let developed = develop_as(&file, "a.nef").unwrap();
        assert_eq!((developed.dimensions, developed.orientation), (Some((4024, 6048)), 6), "{label}");
        let (preview, ..) = made(&developed);
        assert_eq!((preview.width, preview.height), (600, 900), "{label}");
        assert_near(top_left(&pixels(preview)), BLUE, 14);
    }
    // Only the JPEG states the orientation.
    let file = Raw::of("NIKON", &[sensor]).with_data(&stating(&lying, 6)).bytes();
    let developed = develop_as(&file, "a.nef").unwrap();
    assert_eq!((developed.dimensions, developed.orientation), (Some((4024, 6048)), 6));
    assert_near(top_left(&pixels(made(&developed).0)), BLUE, 14);
    // Only the sensor's directory states the orientation.
    let turned: &[(u16, u32)] = &[(WIDTH, 6048), (HEIGHT, 4024), (ORIENTATION, 1), (PHOTOMETRIC, CFA)];
    let file = Raw::of("NIKON", &[turned]).with_data(&stating(&lying, 6)).bytes();
    let developed = develop_as(&file, "a.nef").unwrap();
    assert_near(top_left(&pixels(made(&developed).0)), RED, 14);
}

#[test]
fn lossy_sensor_samples_are_no_picture() {
    let jpeg = samples::jpeg(&samples::quarters(900, 600));
    let directory = |at: usize| {
        let fields = [
            (COMPRESSION, 34_892),
            (PHOTOMETRIC, 34_892),
            (STRIP_OFFSETS, to_u32(at)),
            (STRIP_BYTES, to_u32(jpeg.len())),
        ];
        Raw::of("Google", &[&fields[..]]).with(50_706, 0x0401)
    };
    let at = directory(0).bytes().len();
    let developed = develop_as(&directory(at).with_data(&jpeg).bytes(), "a.dng").unwrap();
    assert_eq!(developed.derivatives, Derivatives::UnsupportedFormat);
    let preview = samples::jpeg(&samples::quarters(700, 500));
    let developed = develop_as(&directory(at).with_data(&[&jpeg[..], &preview].concat()).bytes(), "a.dng").unwrap();
    assert_eq!(made(&developed).0.width, 700);
}
