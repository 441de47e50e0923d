use super::{super::stream::Piece, *};

const GIB: u64 = 1 << 30;
const MAX32: u64 = u32::MAX as u64;

fn modified() -> Modified {
    Modified::taken("2024-06-15T14:30:05", Some("+02:00")).expect("a time")
}

/// Returns the layout of entries with these sizes, without content.
fn layout(sizes: &[u64]) -> Layout<()> {
    let entries = sizes.iter().enumerate().map(|(n, &size)| Entry::stored(format!("o/{n}"), modified(), size, 7, ()));
    Layout::new(entries.collect()).expect("a layout")
}

fn read<S>(layout: &Layout<S>, range: Range<u64>) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in layout.pieces(range) {
        let Piece::Bytes(bytes) = piece else { panic!("no body lies among the records") };
        out.extend(bytes);
    }
    out
}

/// Parser of little-endian numbers.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, len: u64) -> &'a [u8] {
        let (front, rest) = self.0.split_at(usize::try_from(len).expect("small"));
        self.0 = rest;
        front
    }

    fn number(&mut self, len: u64) -> u64 {
        self.bytes(len).iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    fn numbers<const N: usize>(&mut self, lens: [u64; N]) -> [u64; N] {
        lens.map(|len| self.number(len))
    }
}

/// Properties of an entry that a reader finds by following APPNOTE only.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    size: u64,
    header: u64,
    body: u64,
    /// Version needed to extract, in the local and the central header.
    versions: [u64; 2],
    /// Size of the ZIP64 field's content in the local and the central header, if there is such a field.
    zip64: [Option<u64>; 2],
}

/// Returns the content of the ZIP64 extra field, after a check that the extra fields fill their space.
fn zip64_field(extra: &[u8]) -> Option<&[u8]> {
    let (mut fields, mut found) = (Fields(extra), None);
    while !fields.0.is_empty() {
        let [id, len] = fields.numbers([2, 2]);
        let content = fields.bytes(len);
        match id {
            1 => found = Some(content),
            0x5455 => assert_eq!(content.len(), 5),
            _ => panic!("unknown extra field {id:04x}"),
        }
    }
    found
}

/// Reads an archive from its end, as an extractor does. Returns whether there are ZIP64 end records, and all entries.
fn parse<S>(layout: &Layout<S>) -> (bool, Vec<Found>) {
    let total = layout.size();
    let end = read(layout, total - 22..total);
    let [signature, _, _, count, count_here, size, offset, comment] = Fields(&end).numbers([4, 2, 2, 2, 2, 4, 4, 2]);
    assert_eq!((signature, comment, count_here), (0x0605_4b50, 0, count));
    let is_zip64 = count == 0xFFFF || size == MAX32 || offset == MAX32;
    let (count, size, offset) = if is_zip64 {
        let locator = read(layout, total - 42..total - 22);
        let [signature, disk, record, disks] = Fields(&locator).numbers([4, 4, 8, 4]);
        assert_eq!((signature, disk, record, disks), (0x0706_4b50, 0, total - 98, 1));
        let record = read(layout, record..record + 56);
        let [signature, len, _, version, disks, count_here, count64, size64, offset64] =
            Fields(&record).numbers([4, 8, 2, 2, 8, 8, 8, 8, 8]);
        assert_eq!((signature, len, version, disks, count_here), (0x0606_4b50, 44, 45, 0, count64));
        // Fields that suffice have the same value as their ZIP64 counterparts.
        for (small, large, most) in [(count, count64, 0xFFFF), (size, size64, MAX32), (offset, offset64, MAX32)] {
            assert_eq!(small, large.min(most));
        }
        (count64, size64, offset64)
    } else {
        (count, size, offset)
    };
    let end_len = if is_zip64 { 98 } else { 22 };
    assert_eq!(offset + size + end_len, total, "the directory touches the end");

    let directory = read(layout, offset..offset + size);
    let mut fields = Fields(&directory);
    let found = (0..count).map(|_| parse_entry(layout, &mut fields)).collect();
    assert!(fields.0.is_empty(), "the count is right");
    (is_zip64, found)
}

fn parse_entry<S>(layout: &Layout<S>, central: &mut Fields) -> Found {
    let [signature, made_by, version, flags, method, time, crc, compressed, size] =
        central.numbers([4, 2, 2, 2, 2, 4, 4, 4, 4]);
    let [name_len, extra_len, comment_disk_internal, external, header] = central.numbers([2, 2, 6, 4, 4]);
    let (name, extra) = (central.bytes(name_len), central.bytes(extra_len));
    assert_eq!((signature, made_by, flags, method, comment_disk_internal), (0x0201_4b50, 0x032D, 0x0800, 0, 0));
    assert_eq!((compressed, external), (size, 0o100_644 << 16));
    let central_zip64 = zip64_field(extra);
    let mut large = Fields(central_zip64.unwrap_or_default());
    let full_size = if size == MAX32 { large.number(8) } else { size };
    if size == MAX32 {
        assert_eq!(large.number(8), full_size);
    }
    let full_header = if header == MAX32 { large.number(8) } else { header };
    assert!(large.0.is_empty(), "no more in the ZIP64 field than is needed");

    let local = read(layout, full_header..full_header + 30);
    let mut fields = Fields(&local);
    let [signature, local_version] = fields.numbers([4, 2]);
    assert_eq!(signature, 0x0403_4b50);
    assert_eq!(fields.numbers([2, 2, 4, 4, 4, 4]), [flags, method, time, crc, size, size]);
    let [name_len, extra_len] = fields.numbers([2, 2]);
    let body = full_header + 30 + name_len + extra_len;
    let variable = read(layout, full_header + 30..body);
    let mut fields = Fields(&variable);
    assert_eq!(fields.bytes(name_len), name);
    let local_zip64 = zip64_field(fields.0);
    if let Some(content) = local_zip64 {
        assert_eq!(Fields(content).numbers([8, 8]), [full_size, full_size]);
    }
    let zip64 = [local_zip64, central_zip64].map(|field| field.map(|content| content.len() as u64));
    Found { size: full_size, header: full_header, body, versions: [local_version, version], zip64 }
}

#[test]
fn archive_matches_the_specification_byte_for_byte() {
    let layout: Layout<()> = Layout::new(vec![Entry::inline("ä/1.jpg", modified(), "hello")]).expect("a layout");
    #[rustfmt::skip]
    let expected = [
        // Local file header: version 2.0, UTF-8, stored, 14:30:04 on 2024-06-15, CRC-32, sizes, name, extra length.
        b'P', b'K', 3, 4, 20, 0, 0x00, 0x08, 0, 0, 0xC2, 0x73, 0xCF, 0x58, 0x86, 0xA6, 0x10, 0x36,
        5, 0, 0, 0, 5, 0, 0, 0, 8, 0, 9, 0, 0xC3, 0xA4, b'/', b'1', b'.', b'j', b'p', b'g',
        // Extended timestamp: 1718454605 = 12:30:05 UTC.
        b'U', b'T', 5, 0, 1, 0x4D, 0x89, 0x6D, 0x66,
        b'h', b'e', b'l', b'l', b'o',
        // Central header: made on Unix by 4.5, else as above; no comment, disk 0, mode 0100644, offset 0.
        b'P', b'K', 1, 2, 45, 3, 20, 0, 0x00, 0x08, 0, 0, 0xC2, 0x73, 0xCF, 0x58, 0x86, 0xA6, 0x10, 0x36,
        5, 0, 0, 0, 5, 0, 0, 0, 8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xA4, 0x81, 0, 0, 0, 0,
        0xC3, 0xA4, b'/', b'1', b'.', b'j', b'p', b'g',
        b'U', b'T', 5, 0, 1, 0x4D, 0x89, 0x6D, 0x66,
        // End of central directory: one entry, 63 bytes from offset 52.
        b'P', b'K', 5, 6, 0, 0, 0, 0, 1, 0, 1, 0, 63, 0, 0, 0, 52, 0, 0, 0, 0, 0,
    ];
    let archive = read(&layout, 0..layout.size());
    assert_eq!(archive, expected);
    assert_eq!((layout.size(), layout.crc32()), (expected.len() as u64, crc32fast::hash(&expected)));
}

#[test]
fn sixteen_bits_count_to_65_534() {
    for (count, zip64) in [(1, false), (65_534, false), (65_535, true), (65_536, true)] {
        counted(count, zip64);
    }
}

#[test]
#[ignore = "long: .ci/run runs it"]
fn million_entries_are_counted() {
    counted(1_000_000, true);
}

fn counted(count: usize, zip64: bool) {
    let (is_zip64, found) = parse(&layout(&vec![0; count]));
    assert_eq!((is_zip64, found.len()), (zip64, count), "{count} entries");
    assert!(found.iter().all(|entry| entry.zip64 == [None, None] && entry.versions == [20, 20]));
}

#[test]
fn body_of_max32_needs_zip64_in_its_headers() {
    for (size, zip64) in [(MAX32 - 1, false), (MAX32, true), (4 * GIB, true), (5 * GIB + 1, true)] {
        let (_, found) = parse(&layout(&[1, size]));
        assert_eq!(found[0].zip64, [None, None]);
        let expected = if zip64 { ([Some(16), Some(16)], [45, 45]) } else { ([None, None], [20, 20]) };
        assert_eq!((found[1].zip64, found[1].versions, found[1].size), (expected.0, expected.1, size), "{size} bytes");
    }
}

#[test]
fn offset_of_max32_needs_zip64_in_central_header() {
    // Headers have 30 + 3 + 9 bytes here, so the second entry begins just before, at and after the limit.
    for (size, zip64) in [(MAX32 - 43, false), (MAX32 - 42, true), (MAX32 - 41, true)] {
        let layout = layout(&[size, 5]);
        let (is_zip64, found) = parse(&layout);
        assert_eq!(found[1].header, size + 42);
        let expected = if zip64 { ([None, Some(8)], [45, 45]) } else { ([None, None], [20, 20]) };
        assert_eq!((found[1].zip64, found[1].versions), expected, "offset {}", size + 42);
        assert!(is_zip64, "the directory lies behind the limit");
    }
    let (_, found) = parse(&layout(&[5 * GIB, 5 * GIB]));
    assert_eq!(found[1].zip64, [Some(16), Some(24)]);
}

#[test]
fn directory_at_max32_needs_zip64_at_the_end() {
    for (size, zip64) in [(MAX32 - 43, false), (MAX32 - 42, true), (MAX32 - 41, true)] {
        let layout = layout(&[size]);
        assert_eq!(layout.directory_range().start, size + 42);
        assert_eq!(parse(&layout).0, zip64);
    }
}

#[test]
fn reader_finds_entries_where_layout_says() {
    let sizes = [0, 1, 4 * GIB - 1, 0, 4 * GIB, 5 * GIB + 1, 3];
    let layout = layout(&sizes);
    let (_, found) = parse(&layout);
    for (index, (entry, size)) in found.iter().zip(sizes).enumerate() {
        assert_eq!(entry.header..entry.body, layout.header_range(index));
        assert_eq!(entry.body..entry.body + size, layout.body_range(index));
        assert_eq!(read(&layout, layout.header_range(index)), layout.header(index));
    }
}

#[test]
fn middle_of_large_directory_is_read_directly() {
    let layout = layout(&vec![25_000_000; 100_000]);
    assert!(layout.size() > 2_500_000_000_000);
    let middle = layout.directory_range().start + 4_000_000;
    let pieces: Vec<Piece> = layout.pieces(middle..middle + 10).collect();
    assert_eq!(pieces.iter().map(Piece::len).collect::<Vec<_>>(), [10]);
}

#[test]
fn invalid_entries_are_refused() {
    let entry = |name: &str, size| Entry::stored(name, modified(), size, 0, ());
    let refused = |entries| Layout::new(entries).map(|layout| layout.size()).expect_err("refused");
    assert_eq!(refused(vec![]), LayoutError::Empty);
    assert_eq!(refused(vec![entry("a", 0), entry("", 0)]), LayoutError::Unnamed { index: 1 });
    let (longest, too_long) = ("x".repeat(65_535), "x".repeat(65_536));
    assert_eq!(refused(vec![entry(&too_long, 0)]), LayoutError::NameTooLong { index: 0, len: 65_536 });
    assert_eq!(parse(&Layout::new(vec![entry(&longest, 0)]).expect("a layout")).1.len(), 1);
    let twice = vec![entry("a", 0), entry("b", 0), entry("a", 1)];
    assert_eq!(refused(twice), LayoutError::DuplicateName { name: "a".into() });
    assert_eq!(refused(vec![entry("a", u64::MAX - 30)]), LayoutError::TooLarge);
    assert_eq!(refused(vec![entry("a", u64::MAX / 2), entry("b", u64::MAX / 2)]), LayoutError::TooLarge);
}
