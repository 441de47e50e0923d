//! Small originals of every kind.

use std::io::Cursor;

use ::exif::{Field, experimental::Writer};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use mozjpeg::{ColorSpace, Compress, Marker};

pub(super) const RED: [u8; 3] = [220, 30, 30];
pub(super) const GREEN: [u8; 3] = [30, 200, 40];
pub(super) const BLUE: [u8; 3] = [30, 40, 220];
pub(super) const YELLOW: [u8; 3] = [230, 220, 30];

/// Returns a picture with red and green above, blue and yellow below.
pub(crate) fn quarters(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb(match (x < width / 2, y < height / 2) {
            (true, true) => RED,
            (false, true) => GREEN,
            (true, false) => BLUE,
            (false, false) => YELLOW,
        })
    })
}

/// Returns noise over a gradient: all blocks differ, so damage anywhere is visible.
pub(crate) fn busy(width: u32, height: u32) -> RgbImage {
    let mut state = 0x2545_F491_u32;
    RgbImage::from_fn(width, height, |x, y| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let noise = state % 40;
        Rgb([x * 200 / width + noise, y * 200 / height + noise, 100 + noise].map(|level| u8::try_from(level).unwrap()))
    })
}

/// Options of a JPEG to write.
#[derive(Default)]
pub(crate) struct Jpeg<'a> {
    pub(super) exif: Option<&'a [u8]>,
    pub(super) icc: Option<&'a [u8]>,
    pub(super) progressive: bool,
    /// The colour space in the file, if it differs from the encoder's choice.
    pub(super) stored: Option<ColorSpace>,
}

impl Jpeg<'_> {
    pub(crate) fn rgb(&self, picture: &RgbImage) -> Vec<u8> {
        self.write(ColorSpace::JCS_RGB, picture.width(), picture.height(), picture.as_raw())
    }

    /// Writes a JPEG from samples in `space`. RGB becomes YCbCr in the file; others are unchanged.
    pub(crate) fn write(&self, space: ColorSpace, width: u32, height: u32, samples: &[u8]) -> Vec<u8> {
        let mut encoder = Compress::new(space);
        encoder.set_size(width as usize, height as usize);
        encoder.set_fastest_defaults();
        if let Some(stored) = self.stored {
            encoder.set_color_space(stored);
        }
        encoder.set_quality(92.0);
        if self.progressive {
            encoder.set_progressive_mode();
        }
        let mut started = encoder.start_compress(Vec::new()).unwrap();
        if let Some(exif) = self.exif {
            started.write_marker(Marker::APP(1), &[b"Exif\0\0", exif].concat());
        }
        if let Some(icc) = self.icc {
            // The encoder's own function counts chunks from 0, the specification from 1.
            let chunks = icc.chunks(65_519);
            let count = u8::try_from(chunks.len()).unwrap();
            for (number, chunk) in (1_u8..).zip(chunks) {
                started.write_marker(Marker::APP(2), &[b"ICC_PROFILE\0", &[number, count][..], chunk].concat());
            }
        }
        started.write_scanlines(samples).unwrap();
        started.finish().unwrap()
    }
}

pub(crate) fn jpeg(picture: &RgbImage) -> Vec<u8> {
    Jpeg::default().rgb(picture)
}

pub(crate) fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.into().write_to(&mut file, format).unwrap();
    file.into_inner()
}

pub(crate) fn exif(fields: &[Field]) -> Vec<u8> {
    let mut writer = Writer::new();
    for field in fields {
        writer.push_field(field);
    }
    let mut file = Cursor::new(Vec::new());
    writer.write(&mut file, false).unwrap();
    file.into_inner()
}

/// Returns one box of an ISO base media file.
pub(crate) fn base_media_box(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + body.len()).unwrap();
    [&size.to_be_bytes()[..], &kind, body].concat()
}

/// Returns the boxes around a HEIC picture of this size, rotated by `quarter_turns` anticlockwise, without pixels.
pub(crate) fn heic(width: u32, height: u32, quarter_turns: u8) -> Vec<u8> {
    let size = [&[0; 4][..], &width.to_be_bytes(), &height.to_be_bytes()].concat();
    let properties = [base_media_box(*b"ispe", &size), base_media_box(*b"irot", &[quarter_turns])].concat();
    let meta = [vec![0; 4], base_media_box(*b"iprp", &base_media_box(*b"ipco", &properties))].concat();
    [
        base_media_box(*b"ftyp", b"heic\0\0\0\0mif1heic"),
        base_media_box(*b"meta", &meta),
        base_media_box(*b"mdat", &[7; 200]),
    ]
    .concat()
}
