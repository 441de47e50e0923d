//! GIF: XMP in an application extension (XMP specification, part 3, 1.1.2).

use super::Blocks;

const XMP: &[u8] = b"\x0BXMP DataXMP";
/// Length of the trailer after the packet, which is not in sub-blocks. The trailer's bytes are 1, 255 to 0, 0:
/// whichever of them a reader interprets as a length, the next sub-block is the end.
const TRAILER: usize = 258;

pub(crate) fn find<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    let mut walk = || {
        let mut rest = original.get(13 + colour_table(*original.get(10)?)..)?;
        loop {
            rest = match rest {
                [b'!', 0xFF, extension @ ..] if extension.starts_with(XMP) => {
                    let packet = &extension[XMP.len()..];
                    let after = behind_sub_blocks(packet)?;
                    let length = packet.len() - after.len();
                    blocks.add_xmp(packet.get(..length.saturating_sub(TRAILER))?);
                    after
                }
                [b'!', _, extension @ ..] => behind_sub_blocks(extension)?,
                // Position, size and flags; then a colour table and the size of codes.
                [b',', descriptor @ ..] => {
                    behind_sub_blocks(descriptor.get(10 + colour_table(*descriptor.get(8)?)..)?)?
                }
                _ => return Some(()),
            };
        }
    };
    walk();
}

/// Returns the bytes of the colour table that `flags` announce.
fn colour_table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn behind_sub_blocks(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, rest) = bytes.split_first()?;
        bytes = rest.get(usize::from(length)..)?;
        if length == 0 {
            return Some(bytes);
        }
    }
}
