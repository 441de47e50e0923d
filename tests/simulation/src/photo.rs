//! Files of photos: small JPEGs that the pipeline decodes, each with bytes of its own.

use std::sync::LazyLock;

use bytes::Bytes;
use image::{ImageBuffer, ImageFormat, Rgb};

/// Width and height of the picture in pixels. Small, because millions are developed.
const SIDE: u32 = 8;
/// JPEG (ITU T.81, B.2.4.5): a comment has at most 65,533 bytes.
const MAX_COMMENT: usize = 65_533;

static PICTURE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let shade = |n: u32| u8::try_from(n * 30 % 256).unwrap_or_default();
    let picture = ImageBuffer::from_fn(SIDE, SIDE, |x, y| Rgb([shade(x), shade(y), shade(x + y)]));
    let mut jpeg = Vec::new();
    picture
        .write_to(&mut std::io::Cursor::new(&mut jpeg), ImageFormat::Jpeg)
        .unwrap_or_else(|error| panic!("a picture can be encoded: {error}"));
    jpeg
});

/// Returns a JPEG of about `size` bytes that no other number has. Comments between its header and its picture fill it.
pub fn jpeg(number: u64, size: usize) -> Bytes {
    let (start, picture) = PICTURE.split_at(2);
    let mut file = Vec::with_capacity(size.max(PICTURE.len()) + 32);
    file.extend(start);
    comment(&mut file, format!("photo {number:020}").as_bytes());
    let mut left = size.saturating_sub(file.len() + picture.len());
    while left > 4 {
        let length = (left - 4).min(MAX_COMMENT);
        comment(&mut file, &vec![b'.'; length]);
        left -= length + 4;
    }
    file.extend(picture);
    file.into()
}

fn comment(file: &mut Vec<u8>, text: &[u8]) {
    file.extend([0xff, 0xfe]);
    file.extend(u16::try_from(text.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
    file.extend(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_differ_and_have_their_size() {
        for size in [0, 5_000, 200_000] {
            let (a, b) = (jpeg(1, size), jpeg(2, size));
            assert!(a != b && a.len() == b.len() && a.len() >= size.saturating_sub(4), "{size}");
            let read = image::load_from_memory(&a).expect("a JPEG");
            assert_eq!((read.width(), read.height()), (SIDE, SIDE));
        }
    }
}
