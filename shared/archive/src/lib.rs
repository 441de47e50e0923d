//! ZIP archives whose bytes are determined before any photo is read.
//!
//! Photos do not compress, so every entry is stored, and their sizes and CRC-32s are on record. From these values alone
//! [`Layout`] determines the position of each byte, the length of the archive, and its CRC-32. The crate performs no
//! I/O: the caller requests the [`Piece`]s of a byte range and fetches the bodies.
//!
//! Reading order: [`names`] makes entry names, [`timestamp`] their times, [`layout`] the archive (its records are
//! encoded in `records`), and [`stream`] cuts it into pieces. [`manifest`] is part of the archive, [`index`] is stored
//! beside it. [`contents`] makes entries from photos.
//!
//! "APPNOTE" is PKWARE's .ZIP File Format Specification, version 6.3.10.

pub mod contents;
pub mod crc;
pub mod index;
pub mod layout;
pub mod manifest;
pub mod names;
mod records;
pub mod stream;
pub mod timestamp;

pub use index::{ArchiveIndex, DownloadIndex, IndexEntry};
pub use layout::{Entry, Layout, LayoutError};
pub use manifest::{Manifest, ManifestPhoto};
pub use names::{EntryNames, OrderNames, OriginalName, ascii_name, file_name, served_content_type};
pub use stream::{Piece, Pieces};
pub use timestamp::Modified;

#[cfg(test)]
mod extractors;
#[cfg(test)]
mod round_trip;
