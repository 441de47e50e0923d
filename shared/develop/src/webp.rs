//! WebP: the first frame, by the `image` crate.

mod lossless;

use std::io::Cursor;

use image::{ColorType, ImageDecoder, codecs::webp::WebPDecoder};

use self::lossless::Start;
use super::{Decoded, Original, error::Error, image_crate, limits::Limits, truncation};

/// Bytes per pixel of an animation's frame with alpha, and of its canvas: 4 + 1 for the alpha, 1.5 for YCbCr, 4 each
/// for frame, canvas and pixels.
const OF_ANIMATION: u64 = 15;
/// Bytes per pixel of lossy with alpha, which is decoded to four bytes first: 4 + 1, 1.5 for YCbCr, 4 for the pixels.
const WITH_ALPHA: u64 = 11;
/// Bytes per pixel of lossless without alpha, which is decoded with alpha first: 4, and 3 for the pixels. Lossy takes
/// 4.5.
const OPAQUE: u64 = 7;

pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    truncation::webp(original.bytes)?;
    check_code_groups(original.bytes, original.limits)?;
    let bytes_per_pixel = |decoder: &WebPDecoder<_>| match decoder.color_type() {
        _ if decoder.has_animation() => OF_ANIMATION,
        ColorType::Rgb8 => OPAQUE,
        _ => WITH_ALPHA,
    };
    image_crate::decode(original, || WebPDecoder::new(Cursor::new(original.bytes)), bytes_per_pixel)
}

/// The most groups of prefix codes in a lossless picture. libwebp's encoder makes at most 2,600
/// (`MAX_HUFF_IMAGE_SIZE`), and a group takes 20 to 100 KB.
const MAX_CODE_GROUPS: u32 = 4096;

/// Returns an error for lossless data whose codes would not fit into memory. The decoder reads the first chunk of each
/// kind.
fn check_code_groups(file: &[u8], limits: &Limits) -> Result<(), Error> {
    let [mut picture, mut alpha, mut frame, mut size] = [None; 4];
    for (kind, body) in chunks(file.get(12..).unwrap_or_default()) {
        let first = match kind {
            b"VP8L" => &mut picture,
            b"ALPH" => &mut alpha,
            b"ANMF" => &mut frame,
            b"VP8X" => &mut size,
            _ => continue,
        };
        first.get_or_insert(body);
    }
    let number = |bytes: &[u8], at| {
        let &[low, middle, high] = bytes.get(at..)?.first_chunk::<3>()?;
        // A side is stored minus one.
        Some(u32::from_le_bytes([low, middle, high, 0]) + 1)
    };
    let mut parts = vec![(picture, alpha, size.and_then(|size| Some((number(size, 4)?, number(size, 7)?))))];
    if let Some(frame) = frame {
        let mut inner = chunks(frame.get(16..).unwrap_or_default());
        // One chunk, or alpha and a lossy one.
        let (kind, body) = inner.next().unwrap_or((b"none", &[]));
        let of = |requested| Some(body).filter(|_| kind == requested);
        parts.push((of(b"VP8L"), of(b"ALPH"), number(frame, 6).zip(number(frame, 9))));
    }
    for (picture, alpha, size) in parts {
        // A code of one symbol takes no bits, so only the size limits the walk below.
        if let Some((width, height)) = size {
            limits.check_pixels(width, height)?;
        }
        let of_picture = picture.and_then(|data| lossless::code_groups(data, Start::Header));
        let of_alpha = alpha.zip(size).and_then(|(data, (width, height))| {
            let (info, data) = data.split_first()?;
            // The decoder reads sizes of 16 bits.
            let start = Start::Picture(width & 0xFFFF, height & 0xFFFF);
            (info & 3 == 1).then(|| lossless::code_groups(data, start)).flatten()
        });
        if of_picture.max(of_alpha).is_some_and(|groups| groups > MAX_CODE_GROUPS) {
            return Err(Error::Damaged);
        }
    }
    Ok(())
}

/// Returns kinds and bodies of RIFF's chunks, which are padded to an even size.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (kind, after) = rest.split_first_chunk::<4>()?;
        let (size, after) = after.split_first_chunk::<4>()?;
        let size = u32::from_le_bytes(*size) as usize;
        rest = after.get(size.next_multiple_of(2)..).unwrap_or_default();
        Some((kind, &after[..size.min(after.len())]))
    })
}
