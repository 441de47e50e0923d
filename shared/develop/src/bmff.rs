//! The few boxes of an ISO base media file (ISO/IEC 14496-12) that are read: HEIF's picture size, CR3's metadata.

/// A HEIF file's picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PrimaryPicture {
    /// Pixels, as stored.
    pub(super) size: (u32, u32),
    /// The file's own turn, as the EXIF orientation of the same effect.
    pub(super) orientation: u8,
}

/// One box. `whole` is false where the file ends before it does.
pub(super) struct Box<'a> {
    pub(super) kind: [u8; 4],
    pub(super) body: &'a [u8],
    pub(super) whole: bool,
}

/// The boxes in `bytes`, in order.
pub(super) fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = Box<'_>> {
    std::iter::from_fn(move || {
        let head = bytes.first_chunk::<8>()?;
        let kind = [head[4], head[5], head[6], head[7]];
        let (skip, size) = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
            // To the end of the file.
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

/// The body of the box at `path`.
fn find<'a>(bytes: &'a [u8], path: &[(&[u8; 4], usize)]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |inside, (kind, skip)| {
        boxes(inside).find(|found| &found.kind == *kind).and_then(|found| found.body.get(*skip..))
    })
}

/// The size and turn of a HEIF or AVIF picture: the largest size among the item properties, because a picture in
/// tiles has one for the whole beside those of tile and thumbnail.
pub(super) fn primary_picture(bytes: &[u8]) -> Option<PrimaryPicture> {
    // `meta` begins with four bytes of version and flags, and so does `ispe`.
    let properties = find(bytes, &[(b"meta", 4), (b"iprp", 0), (b"ipco", 0)])?;
    let size = boxes(properties)
        .filter(|property| &property.kind == b"ispe")
        .filter_map(|property| {
            let sides = property.body.get(4..12)?;
            let side = |at: usize| Some(u32::from_be_bytes(*sides.get(at..)?.first_chunk::<4>()?));
            Some((side(0)?, side(4)?))
        })
        .filter(|&(width, height)| width > 0 && height > 0)
        .max_by_key(|&(width, height)| u64::from(width) * u64::from(height))?;
    // `irot` counts quarter turns against the clock.
    let turns = boxes(properties).find(|property| &property.kind == b"irot").and_then(|p| p.body.first().copied());
    let orientation = match turns.unwrap_or(0) & 3 {
        1 => 8,
        2 => 3,
        3 => 6,
        _ => 1,
    };
    Some(PrimaryPicture { size, orientation })
}

/// CR3's three TIFF blocks, in Canon's `uuid` box: main, EXIF, GPS.
pub(super) fn canon_metadata(bytes: &[u8]) -> [Option<&[u8]>; 3] {
    // The box's body begins with its 16-byte identifier.
    let canon = find(bytes, &[(b"moov", 0), (b"uuid", 16)]).unwrap_or_default();
    [b"CMT1", b"CMT2", b"CMT4"].map(|kind| find(canon, &[(kind, 0)]))
}
