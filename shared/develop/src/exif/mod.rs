//! EXIF: finding the block in each container, and reading the few fields a photographer asks for.

mod fields;
mod find;

use shared::photo::Exif;

use self::{fields::Blocks, find::blocks};
use super::{guard::guarded, sniff::Format};

/// What a file's metadata says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Metadata {
    pub(super) exif: Exif,
    /// 1 to 8; 1 where nothing, or nonsense, is written.
    pub(super) orientation: u8,
    /// Pixels, as stored: what the camera says of formats whose pixels are not read here.
    pub(super) stated_size: Option<(u32, u32)>,
}

/// Reads a file's metadata. A photo without any is a photo too, so nothing here is an error.
pub(super) fn read(format: Format, original: &[u8]) -> Metadata {
    metadata(|| blocks(format, original))
}

/// Reads one EXIF block, where there is one.
pub(super) fn read_block(block: Option<&[u8]>) -> Metadata {
    metadata(|| Blocks::from_one(block.and_then(find::parse)))
}

fn metadata(find: impl FnOnce() -> Blocks) -> Metadata {
    guarded(|| {
        let blocks = find();
        Metadata { exif: blocks.exif(), orientation: blocks.orientation(), stated_size: blocks.stated_size() }
    })
    .unwrap_or(Metadata { exif: Exif::default(), orientation: 1, stated_size: None })
}
