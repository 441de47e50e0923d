//! Minolta's MRW: a header of named blocks.

/// Returns the body of a block of an MRW file's header.
pub(crate) fn block(file: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    let length = |bytes: &[u8], at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let mut rest = file.get(8..8_usize.checked_add(length(file, 4)?)?.min(file.len()))?;
    while let Some((found, after)) = rest.split_first_chunk::<4>() {
        let (body, after) = after.get(4..)?.split_at_checked(length(after, 0)?)?;
        if *found == kind {
            return Some(body);
        }
        rest = after;
    }
    None
}
