//! JPEG XL (ISO/IEC 18181): the codestream, bare or in a container of boxes (part 2).

#[cfg(feature = "jxl")]
mod decode;

#[cfg(feature = "jxl")]
pub(super) use self::decode::{inflated, read};
use super::bmff;
#[cfg(not(feature = "jxl"))]
use super::{Decoded, Original, error::Error};

/// The box at the start of a container.
pub(super) const SIGNATURE: &[u8] = b"\0\0\0\x0CJXL \r\n\x87\n";

/// The file's codestream, in its parts.
#[cfg_attr(not(feature = "jxl"), expect(dead_code, reason = "for the decoder"))]
fn codestream(file: &[u8]) -> Vec<&[u8]> {
    if !file.starts_with(SIGNATURE) {
        return vec![file];
    }
    let mut parts = Vec::new();
    for found in bmff::boxes(file) {
        match &found.kind {
            b"jxlc" => return vec![found.body],
            // An index, whose highest bit marks the last part.
            b"jxlp" => {
                if let Some((index, part)) = found.body.split_first_chunk::<4>() {
                    parts.push((u32::from_be_bytes(*index) & 0x7FFF_FFFF, part));
                }
            }
            _ => {}
        }
    }
    parts.sort_by_key(|&(index, _)| index);
    parts.into_iter().map(|(_, part)| part).collect()
}

/// Without a decoder, the file is kept as it is.
#[cfg(not(feature = "jxl"))]
#[expect(clippy::unnecessary_wraps, reason = "the signature of all decoders")]
pub(super) fn read(_: &Original<'_>) -> Result<Decoded, Error> {
    Ok(Decoded::unsupported(None))
}

/// Without a decoder, compressed metadata is not read.
#[cfg(not(feature = "jxl"))]
pub(super) fn inflated(_: &[u8], _: usize) -> Option<Vec<u8>> {
    None
}
