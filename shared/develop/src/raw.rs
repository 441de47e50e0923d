//! Camera RAW, by the JPEGs that cameras put into it: what their displays and photographers' browsers show.

use memchr::memmem;

use super::{Decoded, Original, error::Error, jpeg, jpeg::Header, limits::Limits};

/// Places in a file where a JPEG may begin that are looked at. Cameras write two to five.
const MAX_CANDIDATES: usize = 24;
/// Pixels of the longer side of a JPEG that is worth a preview; thumbnails have 160 to 320.
const LEAST_LONG_SIDE: u32 = 640;

/// Decodes the largest JPEG inside. The size is the camera's own statement, or else that of the JPEG.
pub(super) fn read(original: &Original<'_>) -> Result<Decoded, Error> {
    let stated = original.metadata.stated_size;
    let Some((bytes, header)) = largest_jpeg(original.bytes, original.limits) else {
        return Ok(Decoded::unsupported(stated));
    };
    // One that is damaged says nothing about the RAW picture.
    let picture = jpeg::decode(bytes, &header).ok().flatten();
    let size = stated.or(Some((header.width, header.height)));
    Ok(Decoded { size, orientation: None, picture }.stated(original.metadata.colour))
}

/// Returns the largest JPEG inside that can be decoded, with its header.
fn largest_jpeg<'a>(original: &'a [u8], limits: &Limits) -> Option<(&'a [u8], Header<'a>)> {
    let mut largest: Option<(&[u8], Header<'_>)> = None;
    let mut from = 0;
    for _ in 0..MAX_CANDIDATES {
        let Some(offset) = memmem::find(&original[from..], b"\xFF\xD8\xFF") else { break };
        let jpeg = &original[from + offset..];
        from += offset + 3;
        // Not the first one's thumbnail.
        let Ok(header) = Header::read(jpeg) else { continue };
        from += header.length.saturating_sub(3);
        let usable = header.is_decodable()
            && header.width.max(header.height) >= LEAST_LONG_SIDE
            && limits.check_pixels(header.width, header.height).is_ok();
        let pixels = |header: &Header<'_>| u64::from(header.width) * u64::from(header.height);
        if usable && largest.as_ref().is_none_or(|(_, largest)| pixels(&header) > pixels(largest)) {
            largest = Some((jpeg, header));
        }
    }
    largest
}
