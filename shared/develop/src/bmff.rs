//! Boxes of an ISO base media file (ISO/IEC 14496-12), and the boxes of CR3 that this crate reads.

/// One box. `whole` is false where the file ends before it does.
pub(super) struct Box<'a> {
    pub(super) kind: [u8; 4],
    pub(super) body: &'a [u8],
    pub(super) whole: bool,
}

/// Returns the boxes in `bytes`, in order.
pub(super) fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = Box<'_>> {
    std::iter::from_fn(move || {
        let head = bytes.first_chunk::<8>()?;
        let kind = [head[4], head[5], head[6], head[7]];
        let (skip, size) = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
            // The box extends to the end of the file.
            0 => (8, bytes.len() as u64),
            // A 64-bit size follows.
            1 => (16, u64::from_be_bytes(*bytes.get(8..16)?.first_chunk::<8>()?)),
            size => (8, u64::from(size)),
        };
        let end = usize::try_from(size).unwrap_or(usize::MAX);
        let whole = end <= bytes.len();
        let body = bytes.get(skip..end.min(bytes.len()))?;
        bytes = bytes.get(end..).unwrap_or_default();
        Some(Box { kind, body, whole })
    })
}

/// Returns the body of the box at `path`.
fn find<'a>(bytes: &'a [u8], path: &[(&[u8; 4], usize)]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |inside, (kind, skip)| {
        boxes(inside).find(|found| &found.kind == *kind).and_then(|found| found.body.get(*skip..))
    })
}

/// Returns CR3's three TIFF blocks, in Canon's `uuid` box: main, EXIF, GPS.
pub(super) fn canon_metadata(bytes: &[u8]) -> [Option<&[u8]>; 3] {
    // The box's body begins with its 16-byte identifier.
    let canon = find(bytes, &[(b"moov", 0), (b"uuid", 16)]).unwrap_or_default();
    [b"CMT1", b"CMT2", b"CMT4"].map(|kind| find(canon, &[(kind, 0)]))
}

/// Big-endian fields, read one after the other.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(field)
    }

    pub(super) fn skip(&mut self, size: usize) {
        self.0 = self.0.get(size..).unwrap_or_default();
    }

    /// Reads a number of at most eight bytes; 0 for no bytes.
    pub(super) fn unsigned(&mut self, size: usize) -> Option<u64> {
        let field = self.take(size).filter(|_| size <= 8)?;
        Some(field.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|field| field[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|field| u16::from_be_bytes(*field))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|field| u32::from_be_bytes(*field))
    }

    /// Reads the version at the start of a full box, and skips its flags.
    pub(super) fn version(&mut self) -> Option<u8> {
        self.take(4).map(|field| field[0])
    }
}
