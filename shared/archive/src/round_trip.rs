//! Tests of names, layout and pieces together, with an independent reader.

use std::io::{Cursor, Read};

use domain::language::Language;
use jiff::Timestamp;
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

use super::{
    ArchiveIndex, Entry, EntryNames, Layout, Manifest, ManifestPhoto, Modified, OrderNames, OriginalName, Piece,
};

/// Returns the whole archive.
pub(super) fn assemble(layout: &Layout<Vec<u8>>) -> Vec<u8> {
    let mut archive = Vec::new();
    for piece in layout.pieces(0..layout.size()) {
        match piece {
            Piece::Bytes(bytes) => archive.extend(bytes),
            Piece::Body { entry, range } => {
                assert_eq!(range, 0..layout.entries()[entry].size(), "a whole archive has whole bodies");
                archive.extend(layout.entries()[entry].source().expect("not inline"));
            }
        }
    }
    archive
}

/// Returns the content of an entry.
pub(super) fn content(entry: &Entry<Vec<u8>>) -> &[u8] {
    entry.source().map(Vec::as_slice).or(entry.content().map(|inline| &inline[..])).expect("one of the two")
}

/// Returns an order's archive that starts with its manifest.
pub(super) fn order(reference: &str, photos: &[(String, Vec<u8>)], modified: Modified) -> Layout<Vec<u8>> {
    let originals = photos.iter().map(|(filename, _)| OriginalName { filename, content_type: Some("image/jpeg") });
    let names = EntryNames::new(&OrderNames::new(reference, Language::English), originals);
    let listed = names.files().zip(photos).enumerate().map(|(id, (name, (filename, content)))| ManifestPhoto {
        name,
        original_filename: filename.clone(),
        photo_id: Uuid::from_u128(id as u128),
        size: content.len() as u64,
        sha256: String::new(),
        content_type: "image/jpeg".into(),
        width: None,
        height: None,
        taken_at: None,
    });
    let manifest = Manifest::new(reference, listed.collect()).to_json().expect("JSON");
    let mut entries = vec![Entry::inline(names.manifest(), modified, manifest)];
    entries.extend(names.files().zip(photos).map(|(name, (_, content))| {
        Entry::stored(name, modified, content.len() as u64, crc32fast::hash(content), content.clone())
    }));
    Layout::new(entries).expect("a layout")
}

proptest! {
    #[test]
    fn any_archive_is_read_back_as_packed(
        reference in any::<String>(),
        photos in vec((any::<String>(), vec(any::<u8>(), 0..400)), 0..20),
        second in -10_000_000_000_i64..10_000_000_000,
    ) {
        let modified = Modified::at(Timestamp::from_second(second).expect("a time"));
        let layout = order(&reference, &photos, modified);
        let archive = assemble(&layout);
        prop_assert_eq!(archive.len() as u64, layout.size());
        prop_assert_eq!(crc32fast::hash(&archive), layout.crc32());

        let mut reader = zip::ZipArchive::new(Cursor::new(&archive)).expect("an archive");
        prop_assert_eq!(reader.len(), photos.len() + 1);
        prop_assert_eq!(reader.offset(), 0);
        let index = ArchiveIndex::new(&layout, |_| Uuid::nil());
        for (n, entry) in layout.entries().iter().enumerate() {
            let mut file = reader.by_index(n).expect("an entry");
            let name = file.name().expect("UTF-8").into_owned();
            prop_assert_eq!(name, entry.name());
            prop_assert!(file.enclosed_name().is_some(), "{:?} stays in its folder", entry.name());
            prop_assert_eq!((file.size(), file.crc32(), file.unix_mode()), (entry.size(), entry.crc32(), Some(0o100_644)));
            prop_assert_eq!(file.data_start(), Some(index.entries[n].offset));
            let mut read = Vec::new();
            file.read_to_end(&mut read).expect("content, whose CRC-32 the reader checks");
            prop_assert_eq!(&read[..], content(entry));
        }
    }
}
