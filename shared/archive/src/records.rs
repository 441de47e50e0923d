//! Encoding of a ZIP file's records. All numbers are little-endian (APPNOTE 4.4.1.1).

use super::timestamp::Modified;

/// General purpose flags. Names are UTF-8 (bit 11, APPNOTE 4.4.4). Bit 3 is clear: sizes are known, and extractors of
/// macOS and Windows have problems with data descriptors.
const FLAGS: u16 = 1 << 11;

/// Compression method 0: stored (APPNOTE 4.4.5).
const STORED: u16 = 0;

/// Version that every extractor since 1993 supports (APPNOTE 4.4.3.2).
const VERSION_DEFAULT: u16 = 20;

/// Version of ZIP64 extensions (APPNOTE 4.4.3.2).
const VERSION_ZIP64: u16 = 45;

/// Version made by, on Unix (APPNOTE 4.4.2). Extractors then read the mode from the external attributes.
const MADE_BY: u16 = 3 << 8 | VERSION_ZIP64;

/// Mode of a regular file, `rw-r--r--`, in the upper half of the external attributes.
const EXTERNAL_ATTRIBUTES: u32 = 0o100_644 << 16;

/// Id of the extra field for values that exceed 32 bits (APPNOTE 4.5.3).
const ZIP64_EXTRA_ID: u16 = 0x0001;

const LOCAL_HEADER_LEN: u64 = 30;
const END_LEN: u64 = 22;
const ZIP64_END_LEN: u64 = 56;
const ZIP64_LOCATOR_LEN: u64 = 20;

/// Returns a 32-bit field: the value, or all ones if the value is in a ZIP64 field. 0xFFFFFFFF itself needs ZIP64 too,
/// because it refers to that field (APPNOTE 4.4.1.4).
fn field32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Returns a 16-bit field: the value, or all ones if the value is in a ZIP64 record.
fn field16(value: u64) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

fn overflows(value: u64) -> bool {
    field32(value) == u32::MAX
}

/// An entry, as its two headers describe it.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileRecord<'a> {
    /// Name of at most 65,535 bytes.
    pub name: &'a str,
    /// Size in bytes.
    pub size: u64,
    pub crc32: u32,
    pub modified: Modified,
    /// Offset of the local header in the archive.
    pub header_offset: u64,
}

impl FileRecord<'_> {
    /// Returns the version needed to extract. It is the same in both headers, so that readers that compare them find no
    /// difference. The local header would need only 20 if just its offset is large.
    fn version_needed(&self) -> u16 {
        if overflows(self.size) || overflows(self.header_offset) { VERSION_ZIP64 } else { VERSION_DEFAULT }
    }

    /// Returns the length of the local header's extra fields. Its ZIP64 field contains both sizes or is absent (APPNOTE
    /// 4.5.3).
    fn local_extra_len(&self) -> u16 {
        self.modified.extra_len() + if overflows(self.size) { 20 } else { 0 }
    }

    /// Returns the length of the central header's ZIP64 content: exactly the values whose own field is all ones.
    fn central_zip64_len(&self) -> u16 {
        (if overflows(self.size) { 16 } else { 0 }) + if overflows(self.header_offset) { 8 } else { 0 }
    }

    fn central_extra_len(&self) -> u16 {
        let zip64 = self.central_zip64_len();
        self.modified.extra_len() + if zip64 > 0 { 4 + zip64 } else { 0 }
    }

    /// Returns the number of bytes that [`Self::write_local`] writes.
    pub fn local_len(&self) -> u64 {
        LOCAL_HEADER_LEN + self.name.len() as u64 + u64::from(self.local_extra_len())
    }

    /// Writes the fields that both headers share, from version needed to name length.
    fn write_shared(&self, out: &mut Vec<u8>) {
        let (dos_time, dos_date) = self.modified.dos();
        out.extend(self.version_needed().to_le_bytes());
        out.extend(FLAGS.to_le_bytes());
        out.extend(STORED.to_le_bytes());
        out.extend(dos_time.to_le_bytes());
        out.extend(dos_date.to_le_bytes());
        out.extend(self.crc32.to_le_bytes());
        out.extend(field32(self.size).to_le_bytes()); // compressed
        out.extend(field32(self.size).to_le_bytes()); // uncompressed
        out.extend(field16(self.name.len() as u64).to_le_bytes());
    }

    /// Writes the local file header (APPNOTE 4.3.7).
    pub fn write_local(&self, out: &mut Vec<u8>) {
        out.extend(0x0403_4b50_u32.to_le_bytes());
        self.write_shared(out);
        out.extend(self.local_extra_len().to_le_bytes());
        out.extend(self.name.as_bytes());
        if overflows(self.size) {
            out.extend(ZIP64_EXTRA_ID.to_le_bytes());
            out.extend(16_u16.to_le_bytes());
            out.extend(self.size.to_le_bytes()); // uncompressed
            out.extend(self.size.to_le_bytes()); // compressed
        }
        self.modified.write_extra(out);
    }

    /// Writes the entry's header in the central directory (APPNOTE 4.3.12).
    pub fn write_central(&self, out: &mut Vec<u8>) {
        out.extend(0x0201_4b50_u32.to_le_bytes());
        out.extend(MADE_BY.to_le_bytes());
        self.write_shared(out);
        out.extend(self.central_extra_len().to_le_bytes());
        out.extend(0_u16.to_le_bytes()); // comment length
        out.extend(0_u16.to_le_bytes()); // disk
        out.extend(0_u16.to_le_bytes()); // internal attributes
        out.extend(EXTERNAL_ATTRIBUTES.to_le_bytes());
        out.extend(field32(self.header_offset).to_le_bytes());
        out.extend(self.name.as_bytes());
        let zip64 = self.central_zip64_len();
        if zip64 > 0 {
            out.extend(ZIP64_EXTRA_ID.to_le_bytes());
            out.extend(zip64.to_le_bytes());
            if overflows(self.size) {
                out.extend(self.size.to_le_bytes()); // uncompressed
                out.extend(self.size.to_le_bytes()); // compressed
            }
            if overflows(self.header_offset) {
                out.extend(self.header_offset.to_le_bytes());
            }
        }
        self.modified.write_extra(out);
    }
}

/// End of the archive, which contains the position of the central directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndRecord {
    /// Number of entries.
    pub count: u64,
    /// Offset of the central directory.
    pub directory_offset: u64,
    /// Size of the central directory in bytes.
    pub directory_size: u64,
}

impl EndRecord {
    fn needs_zip64(&self) -> bool {
        field16(self.count) == u16::MAX || overflows(self.directory_offset) || overflows(self.directory_size)
    }

    /// Returns the number of bytes that [`Self::write`] writes.
    pub fn len(&self) -> u64 {
        END_LEN + if self.needs_zip64() { ZIP64_END_LEN + ZIP64_LOCATOR_LEN } else { 0 }
    }

    /// Writes the end of central directory record (APPNOTE 4.3.16). If necessary, the ZIP64 record (4.3.14) and its
    /// locator (4.3.15) precede it.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.needs_zip64() {
            out.extend(0x0606_4b50_u32.to_le_bytes());
            out.extend((ZIP64_END_LEN - 12).to_le_bytes()); // counts neither the signature nor itself
            out.extend(MADE_BY.to_le_bytes());
            out.extend(VERSION_ZIP64.to_le_bytes());
            out.extend(0_u32.to_le_bytes()); // this disk
            out.extend(0_u32.to_le_bytes()); // the directory's disk
            out.extend(self.count.to_le_bytes()); // on this disk
            out.extend(self.count.to_le_bytes());
            out.extend(self.directory_size.to_le_bytes());
            out.extend(self.directory_offset.to_le_bytes());

            out.extend(0x0706_4b50_u32.to_le_bytes());
            out.extend(0_u32.to_le_bytes()); // the ZIP64 record's disk
            out.extend((self.directory_offset + self.directory_size).to_le_bytes());
            out.extend(1_u32.to_le_bytes()); // disks
        }
        out.extend(0x0605_4b50_u32.to_le_bytes());
        out.extend(0_u16.to_le_bytes()); // this disk
        out.extend(0_u16.to_le_bytes()); // the directory's disk
        out.extend(field16(self.count).to_le_bytes()); // on this disk
        out.extend(field16(self.count).to_le_bytes());
        out.extend(field32(self.directory_size).to_le_bytes());
        out.extend(field32(self.directory_offset).to_le_bytes());
        out.extend(0_u16.to_le_bytes()); // comment length
    }
}
