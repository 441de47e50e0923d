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

/// Returns the parts of the file's codestream.
#[cfg_attr(not(feature = "jxl"), expect(dead_code, reason = "for the decoder"))]
fn codestream(file: &[u8]) -> Vec<&[u8]> {
    if !file.starts_with(SIGNATURE) {
        return vec![file];
    }
    let mut parts = Vec::new();
    for found in bmff::boxes(file) {
        match &found.kind {
            b"jxlc" => return vec![found.body],
            // An index precedes the data; its highest bit marks the last part.
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

/// Stub for builds without a decoder: the file is stored without pictures.
#[cfg(not(feature = "jxl"))]
#[expect(clippy::unnecessary_wraps, reason = "the signature of all decoders")]
pub(super) fn read(_: &Original<'_>) -> Result<Decoded, Error> {
    Ok(Decoded::unsupported(None))
}

/// Stub for builds without a decoder: compressed metadata is not read.
#[cfg(not(feature = "jxl"))]
pub(super) fn inflated(_: &[u8], _: usize) -> Option<Vec<u8>> {
    None
}
