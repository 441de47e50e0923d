//! Finds the blocks of EXIF, XMP and IPTC in each kind of file.

mod gif;
mod heif;
mod jpeg;
mod jxl;
mod png;
mod psd;
mod raw;
mod webp;

use std::borrow::Cow;

pub(crate) use self::{
    gif::find as gif,
    heif::find as heif,
    jpeg::find as jpeg,
    jxl::find as jxl,
    png::find as png,
    psd::find as psd,
    raw::{find_in_cr3 as cr3, find_in_mrw as mrw, find_in_raf as raf, find_in_tiff as raw, find_in_x3f as x3f},
    webp::find as webp,
};
use super::iptc::{IPTC_RESOURCE, XMP_RESOURCE, resource};

/// The most bytes of one file's metadata after inflation or joining.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// The most blocks of one kind. Files have one, at most three.
const MAX_BLOCKS: usize = 8;

/// The blocks of a file, in order of preference within each kind.
#[derive(Debug, Default)]
pub(crate) struct Blocks<'a> {
    pub(super) exif: Vec<ExifBlock<'a>>,
    /// XMP packets (ISO 16684-1).
    pub(super) xmp: Vec<Cow<'a, [u8]>>,
    /// Runs of IPTC-IIM datasets.
    pub(super) iptc: Vec<Cow<'a, [u8]>>,
    /// Bytes of Photoshop's resources among the blocks.
    copied_bytes: usize,
}

/// A TIFF structure, which may have a prefix.
#[derive(Debug)]
pub(super) struct ExifBlock<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) context: Context,
}

/// The subject of a block's first directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// The photo; the directory refers to the EXIF and GPS directories.
    Main,
    /// A page of a TIFF file; the photo may be another one.
    Pages,
    /// EXIF, in a structure of its own.
    Exif,
    /// GPS, in a structure of its own.
    Gps,
}

/// Reader of formats whose metadata is not read.
pub(crate) fn none(_: &[u8], _: &mut Blocks<'_>) {}

/// Reader of TIFF: the file is the structure.
pub(crate) fn tiff<'a>(original: &'a [u8], blocks: &mut Blocks<'a>) {
    blocks.add_exif(Context::Pages, original);
}

impl<'a> Blocks<'a> {
    fn add_exif(&mut self, context: Context, bytes: impl Into<Cow<'a, [u8]>>) {
        if self.exif.len() < MAX_BLOCKS {
            self.exif.push(ExifBlock { bytes: bytes.into(), context });
        }
    }

    pub(super) fn add_xmp(&mut self, packet: impl Into<Cow<'a, [u8]>>) {
        let packet = packet.into();
        if self.xmp.len() < MAX_BLOCKS && packet.len() <= MAX_BYTES {
            self.xmp.push(packet);
        }
    }

    pub(super) fn add_iptc(&mut self, datasets: impl Into<Cow<'a, [u8]>>) {
        let datasets = datasets.into();
        if self.iptc.len() < MAX_BLOCKS && datasets.len() <= MAX_BYTES {
            self.iptc.push(datasets);
        }
    }

    /// Adds the blocks in a run of Photoshop resources, as far as [`MAX_BYTES`] for all of them permits.
    pub(super) fn add_photoshop(&mut self, resources: &[u8]) {
        if let Some(datasets) = resource(resources, IPTC_RESOURCE).and_then(|datasets| self.copied(datasets)) {
            self.add_iptc(datasets);
        }
        if let Some(packet) = resource(resources, XMP_RESOURCE).and_then(|packet| self.copied(packet)) {
            self.add_xmp(packet);
        }
    }

    fn copied(&mut self, resource: &[u8]) -> Option<Vec<u8>> {
        let bytes = self.copied_bytes.checked_add(resource.len()).filter(|&bytes| bytes <= MAX_BYTES)?;
        self.copied_bytes = bytes;
        Some(resource.to_vec())
    }
}
