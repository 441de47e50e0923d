//! An sRGB profile of 480 bytes (ICC.1:2010, version 4).
//!
//! The profile is built here because profiles of colour libraries contain their creation time, so equal pictures would
//! differ.

/// D50, the white of profiles, and sRGB's primaries adapted to it: X, Y and Z as s15Fixed16Number.
const WHITE: [u32; 3] = [0xF6D6, 0x1_0000, 0xD32D];
const RED: [u32; 3] = [0x6FA2, 0x38F5, 0x0390];
const GREEN: [u32; 3] = [0x6299, 0xB785, 0x18DA];
const BLUE: [u32; 3] = [0x24A0, 0x0F84, 0xB6CF];
/// The Bradford matrix from D65 to D50.
const ADAPTATION: [u32; 9] = [0x1_0C42, 0x05DE, 0xFFFF_F325, 0x0793, 0xFD90, 0xFFFF_FBA1, 0xFFFF_FDA2, 0x03DC, 0xC06E];
/// Function type 3 of a parametric curve: exponent 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, and the end of the linear
/// part, 0.04045.
const CURVE: [u32; 6] = [3 << 16, 0x2_6666, 0xF2A7, 0x0D59, 0x13D0, 0x0A5B];

/// Bytes of the header and the tag count.
const TAGS_AT: usize = 132;

/// Returns the profile.
pub(super) fn srgb_profile() -> Vec<u8> {
    // The three curves are one element.
    let elements: [(&[&[u8; 4]], Vec<u8>); 8] = [
        (&[b"desc"], text("sRGB")),
        (&[b"cprt"], text("CC0")),
        (&[b"wtpt"], numbers(*b"XYZ ", &WHITE)),
        (&[b"chad"], numbers(*b"sf32", &ADAPTATION)),
        (&[b"rXYZ"], numbers(*b"XYZ ", &RED)),
        (&[b"gXYZ"], numbers(*b"XYZ ", &GREEN)),
        (&[b"bXYZ"], numbers(*b"XYZ ", &BLUE)),
        (&[b"rTRC", b"gTRC", b"bTRC"], numbers(*b"para", &CURVE)),
    ];
    let count = elements.iter().map(|(names, _)| names.len()).sum::<usize>();
    let data_at = TAGS_AT + 12 * count;
    let (mut tags, mut data) = (Vec::new(), Vec::new());
    for (names, element) in elements {
        for name in names {
            tags.extend(*name);
            tags.extend(be32(data_at + data.len()));
            tags.extend(be32(element.len()));
        }
        data.extend(element);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let mut profile = Vec::with_capacity(data_at + data.len());
    profile.extend(be32(data_at + data.len()));
    profile.extend(b"\0\0\0\0\x04\x30\0\0mntrRGB XYZ ");
    // The required creation time is that of the specification.
    profile.extend(b"\x07\xDA\0\x0C\0\x01\0\0\0\0\0\0acsp");
    profile.resize(68, 0);
    profile.extend(WHITE.into_iter().flat_map(u32::to_be_bytes));
    profile.resize(TAGS_AT - 4, 0);
    profile.extend(be32(count));
    profile.extend(tags);
    profile.extend(data);
    profile
}

fn be32(number: usize) -> [u8; 4] {
    // Far below 4 GB: all lengths are within this profile.
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

fn numbers(kind: [u8; 4], numbers: &[u32]) -> Vec<u8> {
    let mut element = [kind, [0; 4]].concat();
    element.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    element
}

/// Returns a text in one language.
fn text(text: &str) -> Vec<u8> {
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut element = b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0CenUS".to_vec();
    element.extend(be32(utf16.len()));
    element.extend(be32(28));
    element.extend(utf16);
    element
}

#[cfg(test)]
mod tests {
    use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

    use super::*;

    #[test]
    fn profile_converts_nothing() {
        let bytes = srgb_profile();
        assert_eq!(bytes.len(), 480);
        let profile = ColorProfile::new_from_slice(&bytes).unwrap();
        assert_eq!(profile.color_space, DataColorSpace::Rgb);
        let all: Vec<u8> = (0..=255_u8).flat_map(|level| [level, 255 - level, level / 2]).collect();
        let mut converted = vec![0; all.len()];
        let srgb = ColorProfile::new_srgb();
        let transform = profile.create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, TransformOptions::default());
        transform.unwrap().transform(&all, &mut converted).unwrap();
        assert!(all.iter().zip(&converted).all(|(a, b)| a.abs_diff(*b) <= 1));
    }
}
