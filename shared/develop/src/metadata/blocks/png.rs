//! PNG: `eXIf` and `iTXt` chunks (PNG 3, 11.3), and the "raw profiles" of ImageMagick and ExifTool, which are
//! hexadecimal digits in a text chunk. The chunks may precede or follow the image data.

use std::{borrow::Cow, io::Read as _};

use flate2::read::ZlibDecoder;

use super::{Blocks, Context, MAX_BYTES};

const XMP: &[u8] = b"XML:com.adobe.xmp";
const RAW_PROFILE: &[u8] = b"Raw profile type ";
/// The prefix of the datasets in a raw profile of IPTC.
const PHOTOSHOP: &[u8] = b"8BIM";
/// The prefix of the packet in a raw profile of an APP1 segment.
const XMP_SEGMENT: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// Bytes of a keyword with its end. Longer keywords are not read here.
const MAX_KEYWORD: usize = 80;

pub(crate) fn find<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    let mut rest = original.get(8..).unwrap_or_default();
    let mut budget = MAX_BYTES;
    while let Some((length, after)) = rest.split_first_chunk::<4>()
        && let Some((kind, after)) = after.split_first_chunk::<4>()
        && let Some((body, after)) = after.split_at_checked(u32::from_be_bytes(*length) as usize)
    {
        match kind {
            b"eXIf" => blocks.add_exif(Context::Main, body),
            b"tEXt" | b"zTXt" | b"iTXt" => {
                text(*kind, body, &mut budget, blocks);
            }
            b"IEND" => break,
            _ => {}
        }
        // A checksum follows. Decoders verify those of the picture; a text is accepted without.
        rest = after.get(4..).unwrap_or_default();
    }
}

/// Adds the content of a text chunk, if its keyword is known.
fn text<'a>(kind: [u8; 4], body: &'a [u8], budget: &mut usize, blocks: &mut Blocks<'a>) -> Option<()> {
    let (keyword, value) = split_at_nul(body, MAX_KEYWORD)?;
    let profile = keyword.strip_prefix(RAW_PROFILE);
    if profile.is_none() && keyword != XMP {
        return None;
    }
    let value = match &kind {
        b"tEXt" => Cow::Borrowed(value),
        b"zTXt" => inflated(value.get(1..)?, budget),
        _ => {
            // Compression flag and method, language, translated keyword.
            let (&[compressed, _], value) = value.split_first_chunk::<2>()?;
            let (_, value) = split_at_nul(value, value.len())?;
            let (_, value) = split_at_nul(value, value.len())?;
            if compressed == 0 { Cow::Borrowed(value) } else { inflated(value, budget) }
        }
    };
    let Some(profile) = profile else {
        blocks.add_xmp(value);
        return Some(());
    };
    let bytes = raw_profile(&value)?;
    *budget = budget.checked_sub(bytes.len())?;
    match profile.to_ascii_lowercase().as_slice() {
        b"exif" => blocks.add_exif(Context::Main, bytes),
        // ImageMagick stores any APP1 segment there.
        b"app1" => match bytes.strip_prefix(XMP_SEGMENT) {
            Some(packet) => blocks.add_xmp(packet.to_vec()),
            None => blocks.add_exif(Context::Main, bytes),
        },
        b"xmp" => blocks.add_xmp(bytes),
        b"iptc" if bytes.starts_with(PHOTOSHOP) => blocks.add_photoshop(&bytes),
        b"iptc" => blocks.add_iptc(bytes),
        b"8bim" => blocks.add_photoshop(&bytes),
        _ => {}
    }
    Some(())
}

fn split_at_nul(bytes: &[u8], max: usize) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(max).position(|&byte| byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// Inflates the stream as far as it is valid and `budget` allows.
fn inflated(bytes: &[u8], budget: &mut usize) -> Cow<'static, [u8]> {
    let mut value = Vec::new();
    // Bytes inflated before an error are kept.
    let _ = ZlibDecoder::new(bytes).take(*budget as u64).read_to_end(&mut value);
    *budget -= value.len();
    Cow::Owned(value)
}

/// Returns the bytes of a raw profile: a line with its kind, one with its length, then lines of hexadecimal digits.
fn raw_profile(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.trim_ascii_start().splitn(3, |&byte| byte == b'\n');
    let (_kind, length, digits) = (lines.next()?, lines.next()?, lines.next()?);
    let length: usize = std::str::from_utf8(length).ok()?.trim().parse().ok()?;
    let mut digits =
        digits.iter().filter(|byte| !byte.is_ascii_whitespace()).map(|&digit| char::from(digit).to_digit(16));
    let mut bytes = Vec::new();
    while bytes.len() < length
        && let Some(high) = digits.next()
    {
        bytes.push(u8::try_from(high? << 4 | digits.next()??).ok()?);
    }
    Some(bytes)
}
