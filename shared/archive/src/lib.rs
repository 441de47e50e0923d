//! ZIP archives that are known to the byte before any photo is read.
//!
//! Photos don't compress, so every entry is stored, and their sizes and CRC-32s are on record. From those alone
//! [`Layout`] says where each byte of the archive lies, how long the archive is, and what its own CRC-32 will be.
//! Nothing here waits, reads or writes: whoever uploads asks for the [`Piece`]s of a byte range, and fetches bodies.
//!
//! The reading order: [`names`] makes entry names, [`timestamp`] their times, [`layout`] the archive (its records are
//! encoded in `records`), [`stream`] cuts it; [`manifest`] goes into the archive, [`index`] lies beside it. [`contents`] makes entries of photos.
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
pub use names::{EntryNames, OriginalName, file_name};
pub use stream::{Piece, Pieces};
pub use timestamp::Modified;

#[cfg(test)]
mod extractors;
#[cfg(test)]
mod round_trip;
