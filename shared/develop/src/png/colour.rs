//! The colour space of a PNG (PNG, third edition, 4.3): cICP takes precedence over iCCP, sRGB, and gAMA with cHRM.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::colour::{Assumed, Colour, MAX_PROFILE_BYTES, Primaries, SRGB_PRIMARIES, Space, Transfer, coded_primaries};

/// The gAMA of a file that uses sRGB's curve.
const SRGB_GAMMA: f32 = 0.45455;
/// The largest difference without a conversion: libpng's threshold.
const SAME_GAMMA: f32 = 0.05;
const SAME_CHROMATICITY: f32 = 0.002;

/// The chunks about colour.
#[derive(Default)]
struct Chunks<'a> {
    cicp: Option<&'a [u8]>,
    iccp: Option<&'a [u8]>,
    srgb: bool,
    gama: Option<f32>,
    chrm: Option<Primaries>,
}

/// Reads the chunks before the image data; `None` for HDR, where only tone mapping would give an sRGB picture.
pub(super) fn read(file: &[u8]) -> Option<Colour> {
    let chunks = Chunks::read(file);
    match chunks.cicp.map_or(Coded::Unknown, coded) {
        Coded::Space(space) => return Some(Colour { icc: None, assumed: Assumed::Space(space) }),
        Coded::Unsupported => return None,
        Coded::Unknown => {}
    }
    let icc = chunks.iccp.and_then(profile);
    let assumed = if chunks.srgb { Assumed::Srgb } else { chunks.described() };
    Some(Colour { icc, assumed })
}

impl<'a> Chunks<'a> {
    fn read(file: &'a [u8]) -> Self {
        let mut found = Self::default();
        let mut rest = file.get(8..).unwrap_or_default();
        while let Some((&[l3, l2, l1, l0, k3, k2, k1, k0], after)) = rest.split_first_chunk::<8>() {
            let length = u32::from_be_bytes([l3, l2, l1, l0]) as usize;
            let Some((data, after)) = after.split_at_checked(length) else { break };
            match &[k3, k2, k1, k0] {
                b"IDAT" => break,
                b"cICP" => found.cicp = found.cicp.or(Some(data)),
                b"iCCP" => found.iccp = found.iccp.or(Some(data)),
                b"sRGB" => found.srgb = true,
                b"gAMA" => found.gama = found.gama.or_else(|| fixed(data, 0).filter(|g| (0.01..=10.0).contains(g))),
                b"cHRM" => found.chrm = found.chrm.or_else(|| chromaticities(data)),
                _ => {}
            }
            rest = after.get(4..).unwrap_or_default();
        }
        found
    }

    /// Returns the space of gAMA and cHRM. A missing chunk means sRGB's values.
    fn described(&self) -> Assumed {
        let primaries = self.chrm.filter(|chrm| !is_near(chrm, &SRGB_PRIMARIES));
        let transfer = match self.gama {
            None => Transfer::Srgb,
            // Most files with 0.45455 were made from sRGB.
            Some(gamma) if primaries.is_none() && (gamma / SRGB_GAMMA - 1.0).abs() < SAME_GAMMA => Transfer::Srgb,
            Some(gamma) => Transfer::Gamma(1.0 / gamma),
        };
        match (primaries, transfer) {
            (None, Transfer::Srgb) => Assumed::Srgb,
            (primaries, transfer) => Assumed::Space(Space { primaries: primaries.unwrap_or(SRGB_PRIMARIES), transfer }),
        }
    }
}

/// The content of a cICP chunk.
enum Coded {
    Space(Space),
    /// HDR, or narrow range.
    Unsupported,
    /// Unknown values: the chunk is ignored.
    Unknown,
}

fn coded(cicp: &[u8]) -> Coded {
    // PNG has RGB only, for which the matrix is 0.
    let &[primaries, transfer, 0, full_range] = cicp else { return Coded::Unknown };
    let Some(primaries) = coded_primaries(primaries) else { return Coded::Unknown };
    let transfer = match transfer {
        1 | 6 | 14 | 15 => Transfer::Bt709,
        4 => Transfer::Gamma(2.2),
        5 => Transfer::Gamma(2.8),
        8 => Transfer::Gamma(1.0),
        13 => Transfer::Srgb,
        // Perceptual quantizer and hybrid log-gamma.
        16 | 18 => return Coded::Unsupported,
        _ => return Coded::Unknown,
    };
    if full_range == 1 { Coded::Space(Space { primaries, transfer }) } else { Coded::Unsupported }
}

/// Returns the profile of an iCCP chunk: a name, NUL, the compression method, and zlib data; `None` if it inflates to
/// more than [`MAX_PROFILE_BYTES`].
fn profile(iccp: &[u8]) -> Option<Vec<u8>> {
    let name = iccp.iter().take(80).position(|&byte| byte == 0)?;
    let data = iccp.get(name + 1..)?.strip_prefix(&[0])?;
    let mut profile = Vec::new();
    // A missing checksum at the end is harmless: the inflated bytes are checked as a profile.
    let _ = ZlibDecoder::new(data).take(MAX_PROFILE_BYTES as u64 + 1).read_to_end(&mut profile);
    (!profile.is_empty() && profile.len() <= MAX_PROFILE_BYTES).then_some(profile)
}

/// Returns a number that is stored times 100,000.
fn fixed(data: &[u8], index: usize) -> Option<f32> {
    let number = u32::from_be_bytes(*data.get(index * 4..)?.first_chunk()?);
    #[expect(clippy::cast_precision_loss, reason = "six digits are kept")]
    let number = number as f32 / 100_000.0;
    Some(number)
}

fn chromaticities(data: &[u8]) -> Option<Primaries> {
    let pair = |index: usize| Some((fixed(data, 2 * index)?, fixed(data, 2 * index + 1)?));
    Some([pair(0)?, pair(1)?, pair(2)?, pair(3)?])
}

fn is_near(a: &Primaries, b: &Primaries) -> bool {
    a.iter().zip(b).all(|(a, b)| (a.0 - b.0).abs() < SAME_CHROMATICITY && (a.1 - b.1).abs() < SAME_CHROMATICITY)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn iccp(bytes: usize) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(b"name\0\0".to_vec(), Compression::fast());
        encoder.write_all(&vec![7; bytes]).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn profiles_that_inflate_too_far_are_dropped() {
        assert_eq!(profile(&iccp(MAX_PROFILE_BYTES)).map(|profile| profile.len()), Some(MAX_PROFILE_BYTES));
        assert_eq!(profile(&iccp(MAX_PROFILE_BYTES + 1)), None);
        assert_eq!(profile(b"name\0\0not zlib"), None);
        assert_eq!(profile(b"no end of the name"), None);
    }

    #[test]
    fn gamma_of_45455_is_srgb() {
        let described = |gama, chrm| Chunks { gama, chrm, ..Chunks::default() }.described();
        let adobe = [(0.3127, 0.3290), (0.64, 0.33), (0.21, 0.71), (0.15, 0.06)];
        assert_eq!(described(Some(0.45455), Some(SRGB_PRIMARIES)), Assumed::Srgb);
        assert_eq!(described(None, None), Assumed::Srgb);
        assert_eq!(described(Some(1.0), None), Assumed::Space(Space::LINEAR));
        let space = Space { primaries: adobe, transfer: Transfer::Gamma(1.0 / 0.45455) };
        assert_eq!(described(Some(0.45455), Some(adobe)), Assumed::Space(space));
    }
}
