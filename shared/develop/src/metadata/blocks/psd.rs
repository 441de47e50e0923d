//! Photoshop documents: EXIF, IPTC and XMP are resources.

use super::{Blocks, Context};
use crate::{metadata::iptc::resource, psd};

/// "EXIF data 1" (Adobe Photoshop File Formats Specification, image resources).
const EXIF_RESOURCE: u16 = 0x0422;

pub(crate) fn find<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    let Some(resources) = psd::resources(original) else { return };
    if let Some(exif) = resource(resources, EXIF_RESOURCE) {
        blocks.add_exif(Context::Main, exif);
    }
    blocks.add_photoshop(resources);
}
