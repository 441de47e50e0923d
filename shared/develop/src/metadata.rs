//! Metadata of originals: the blocks of EXIF, XMP and IPTC in each container, and the record made from them.
//!
//! A photo without metadata is valid, so nothing here is an error. Metadata inflates to at most 16 MB; all loops are
//! linear in the size of the file.

pub(super) mod blocks;
mod exif;
mod gps;
mod iptc;
mod record;
mod text;
mod time;
mod xmp;

use domain::photo::Exif;

pub(super) use self::blocks::Blocks;
use self::{exif::Directories, iptc::Iptc, record::Sources, xmp::Xmp};
use super::{catch_panic::guarded, colour::DcfColour};

/// A file's metadata.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Metadata {
    pub(super) exif: Exif,
    /// Orientation, 1 to 8; `None` if none is stated, or an invalid one.
    pub(super) orientation: Option<u8>,
    /// The size in pixels as stored, as the camera states it: for formats whose pixels are not read here.
    pub(super) stated_size: Option<(u32, u32)>,
    /// The colour space of samples without a profile.
    pub(super) colour: DcfColour,
}

/// Adds the blocks of a container's metadata.
pub(super) type BlockReader = for<'a> fn(&'a [u8], &mut Blocks<'a>);

/// Reads a file's metadata by the reader of its format.
pub(super) fn read(find: BlockReader, original: &[u8]) -> Metadata {
    guarded(|| {
        let mut blocks = Blocks::default();
        find(original, &mut blocks);
        let found = std::mem::take(&mut blocks.exif);
        let directories = Directories::read(&found);
        // TIFF keeps the other blocks in fields, and so do some EXIF blocks.
        directories.embedded(exif::XMP).for_each(|packet| blocks.add_xmp(packet));
        directories.embedded(exif::IPTC).for_each(|datasets| blocks.add_iptc(datasets));
        directories.embedded(exif::PHOTOSHOP).for_each(|resources| blocks.add_photoshop(resources));
        let sources = Sources {
            exif: &directories,
            xmp: blocks.xmp.iter().map(|packet| Xmp::parse(packet)).collect(),
            iptc: blocks.iptc.iter().map(|datasets| Iptc::parse(datasets)).collect(),
        };
        Metadata {
            exif: sources.record(),
            orientation: directories.orientation(),
            stated_size: directories.stated_size(),
            colour: directories.colour(),
        }
    })
    .unwrap_or(Metadata {
        exif: Exif::default(),
        orientation: None,
        stated_size: None,
        colour: DcfColour::Unknown,
    })
}

/// Reads a sidecar: an XMP packet as a file.
pub(super) fn sidecar(xmp: &[u8]) -> Exif {
    guarded(|| {
        let directories = Directories::read(&[]);
        Sources { exif: &directories, xmp: vec![Xmp::parse(xmp)], iptc: Vec::new() }.record()
    })
    .unwrap_or_default()
}

/// Returns the orientation that a JPEG inside another file states.
pub(super) fn jpeg_orientation(jpeg: &[u8]) -> Option<u8> {
    guarded(|| {
        let mut blocks = Blocks::default();
        blocks::jpeg(jpeg, &mut blocks);
        Directories::read(&blocks.exif).orientation()
    })
    .flatten()
}
