//! Tests of the whole pipeline, with pictures drawn here.

mod broken;
mod cmyk_profiles;
mod colours;
mod gain_maps;
#[cfg(feature = "heic")]
mod heics;
#[cfg(feature = "jxl")]
mod jxls;
mod metadata;
mod raws;
mod replay;
pub(crate) mod samples;
mod seeds;
mod tiffs;
mod whole;

use super::*;

fn develop_as(bytes: &[u8], filename: &str) -> Result<Developed, Error> {
    develop(bytes, filename, &Limits::default())
}

fn made(developed: &Developed) -> (&Jpeg, &Jpeg, &[u8]) {
    match &developed.derivatives {
        Derivatives::Made { preview, thumb, thumbhash } => (preview, thumb, thumbhash),
        Derivatives::UnsupportedFormat => panic!("nothing was made"),
    }
}

/// Decodes a derivative to RGB.
fn pixels(jpeg: &Jpeg) -> image::RgbImage {
    let mut decoder = mozjpeg::Decompress::new_mem(&jpeg.bytes).unwrap().rgb().unwrap();
    assert_eq!((decoder.width(), decoder.height()), (jpeg.width as usize, jpeg.height as usize));
    image::RgbImage::from_raw(jpeg.width, jpeg.height, decoder.read_scanlines().unwrap()).unwrap()
}

#[track_caller]
fn assert_near(actual: [u8; 3], expected: [u8; 3], tolerance: u8) {
    let near = actual.iter().zip(expected).all(|(&a, e)| a.abs_diff(e) <= tolerance);
    assert!(near, "{actual:?} is not near {expected:?}");
}
