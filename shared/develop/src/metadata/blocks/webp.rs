//! WebP: `EXIF` and `XMP ` chunks of the RIFF container.

use super::{Blocks, Context};

pub(crate) fn find<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    let mut rest = original.get(12..).unwrap_or_default();
    while let Some((kind, after)) = rest.split_first_chunk::<4>()
        && let Some((size, after)) = after.split_first_chunk::<4>()
    {
        let size = u32::from_le_bytes(*size) as usize;
        let body = &after[..size.min(after.len())];
        match kind {
            b"EXIF" => blocks.add_exif(Context::Main, body),
            // Some software ends the name with NUL instead of the space.
            b"XMP " | b"XMP\0" => blocks.add_xmp(body),
            _ => {}
        }
        // Chunks are padded to an even size.
        rest = after.get(size.next_multiple_of(2)..).unwrap_or_default();
    }
}
