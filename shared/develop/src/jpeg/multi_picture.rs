//! The index of a file with several pictures (CIPA DC-007, MPF). The first picture is the photo, whatever the size of
//! the others: gain maps of HDR photos, depth maps, previews, further angles.

use crate::ifd::Structure;

/// The prefix of the APP2 segment with an index.
pub(super) const MPF: &[u8] = b"MPF\0";
/// The field of an index with 16 bytes per picture: attributes, size, offset, and two dependent entries.
const ENTRIES: u16 = 0xB002;
/// The most pictures of one file that are read. Phones write two or three.
const MAX_PICTURES: usize = 16;

/// Returns the starts of the pictures after the first one, relative to the start of `index`, which is the segment's
/// content after [`MPF`].
pub(super) fn other_pictures(index: &[u8]) -> Vec<usize> {
    let entries = Structure::new(index)
        .and_then(|structure| structure.directory(structure.first()))
        .and_then(|directory| directory.bytes(ENTRIES))
        .unwrap_or_default();
    let number = if index.starts_with(b"II") { u32::from_le_bytes } else { u32::from_be_bytes };
    let others = entries.as_chunks::<16>().0.iter().take(MAX_PICTURES).skip(1);
    others.map(|entry| number([entry[8], entry[9], entry[10], entry[11]]) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_are_read() {
        let little = b"II\x2A\0\x08\0\0\0\x01\0\x02\xB0\x07\0\x20\0\0\0\x1A\0\0\0\0\0\0\0";
        let big = b"MM\0\x2A\0\0\0\x08\0\x01\xB0\x02\0\x07\0\0\0\x20\0\0\0\x1A\0\0\0\0";
        let entries = |offset: [u8; 4]| [&[0; 16][..], &[0; 8], &offset, &[0; 4]].concat();
        assert_eq!(other_pictures(&[&little[..], &entries([1, 2, 0, 0])].concat()), [0x201]);
        assert_eq!(other_pictures(&[&big[..], &entries([0, 0, 2, 1])].concat()), [0x201]);
        assert!(other_pictures(little).is_empty());
        assert!(other_pictures(b"").is_empty());
    }
}
