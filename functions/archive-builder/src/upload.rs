//! Uploads an archive part by part, with bounded memory, reading each photo only as it was when it was hashed.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use crc32fast::Hasher;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::{
    JobError, ObjectKey,
    objects::{self, GetError, ObjectStore},
};

use crate::{
    contents::Source,
    zip::{Layout, Part, Piece, part_size_for},
};

/// Parts under way hold so many bytes at most, whatever the archive's size.
const MAX_BUFFERED: u64 = 40 << 20;
/// Parts under way at most.
const PARTS_AT_ONCE: u64 = 4;
/// Small photos of one part fetched at once.
const FETCHES_AT_ONCE: usize = 8;

/// A stretch of one entry's body, as it was read.
struct Stretch {
    entry: usize,
    len: u64,
    crc32: u32,
}

/// Uploads the layout's bytes under `upload_id`; `on_part` is told how many photos are stored so far.
pub async fn upload<F>(
    layout: &Layout<Source>,
    (from, to): (&ObjectStore, &ObjectStore),
    (key, upload_id): (&ObjectKey, &str),
    mut on_part: impl FnMut(u32) -> F,
) -> Result<Vec<objects::Part>, JobError>
where
    F: Future<Output = Result<(), JobError>>,
{
    let too_large = || JobError::reject("archive_too_large", "The archive is larger than can be built in one go.");
    let part_size = part_size_for(layout.size()).filter(|size| size.get() <= MAX_BUFFERED).ok_or_else(too_large)?;
    let at_once = usize::try_from((MAX_BUFFERED / part_size).clamp(1, PARTS_AT_ONCE)).unwrap_or(1);
    let jobs: Vec<_> = layout.parts(part_size).map(|part| one_part(layout, from, to, key, upload_id, part)).collect();
    let mut stored = stream::iter(jobs).buffered(at_once);
    let (mut parts, mut proof) = (Vec::new(), Proof::default());
    while let Some((part, stretches)) = stored.try_next().await? {
        parts.push(part);
        for stretch in &stretches {
            proof.read(layout, stretch)?;
        }
        on_part(proof.photos).await?;
    }
    Ok(parts)
}

async fn one_part(
    layout: &Layout<Source>,
    from: &ObjectStore,
    to: &ObjectStore,
    key: &ObjectKey,
    upload_id: &str,
    part: Part,
) -> Result<(objects::Part, Vec<Stretch>), JobError> {
    let mut bytes = BytesMut::with_capacity(usize::try_from(part.range.end - part.range.start)?);
    let mut stretches = Vec::new();
    let fetches: Vec<_> = layout.pieces(part.range).map(|piece| fetch(layout, from, piece)).collect();
    let mut pieces = stream::iter(fetches).buffered(FETCHES_AT_ONCE);
    while let Some((piece, stretch)) = pieces.try_next().await? {
        bytes.extend_from_slice(&piece);
        stretches.extend(stretch);
    }
    drop(pieces);
    let part = to.upload_part(key, upload_id, part.number, bytes.freeze()).await?;
    Ok((part, stretches))
}

async fn fetch(
    layout: &Layout<Source>,
    from: &ObjectStore,
    piece: Piece,
) -> Result<(Bytes, Option<Stretch>), JobError> {
    match piece {
        Piece::Bytes(bytes) => Ok((bytes, None)),
        Piece::Body { entry, range } => {
            let source = layout.entries().get(entry).and_then(|entry| entry.source());
            let source = source.ok_or_else(|| anyhow::anyhow!("Entry {entry} has no source"))?;
            let bytes = read(from, source, range).await?;
            let stretch = Stretch { entry, len: bytes.len() as u64, crc32: crc32fast::hash(&bytes) };
            Ok((bytes, Some(stretch)))
        }
    }
}

async fn read(from: &ObjectStore, source: &Source, range: Range<u64>) -> Result<Bytes, JobError> {
    let len = range.end - range.start;
    let refused =
        |code: &str, what: &str| JobError::reject(code, format!("Photo {} ({}) {what}", source.filename, source.photo));
    let body = match from.open_range(&source.key, &source.etag, range).await {
        Ok(body) => body,
        Err(GetError::Missing) => return Err(refused("photo_missing", "is not stored any more.")),
        Err(GetError::Changed) => return Err(refused("photo_changed", "was replaced after it was developed.")),
        Err(GetError::Other(error)) => return Err(error.into()),
    };
    let bytes = body.collect().await?.into_bytes();
    if bytes.len() as u64 == len { Ok(bytes) } else { Err(anyhow::anyhow!("A photo's body ended early").into()) }
}

/// Checks each photo's CRC-32 against its record, from the stretches in which it was read.
#[derive(Default)]
struct Proof {
    entry: Option<usize>,
    read: u64,
    hasher: Hasher,
    photos: u32,
}

impl Proof {
    fn read(&mut self, layout: &Layout<Source>, stretch: &Stretch) -> Result<(), JobError> {
        if self.entry != Some(stretch.entry) {
            *self = Self { entry: Some(stretch.entry), photos: self.photos, ..Self::default() };
        }
        self.read += stretch.len;
        self.hasher.combine(&Hasher::new_with_initial_len(stretch.crc32, stretch.len));
        let Some(entry) = layout.entries().get(stretch.entry).filter(|entry| self.read == entry.size()) else {
            return Ok(());
        };
        self.photos += 1;
        if self.hasher.clone().finalize() == entry.crc32() {
            return Ok(());
        }
        let name = entry.source().map_or(entry.name(), |source| &source.filename);
        Err(JobError::reject(
            "photo_corrupt",
            format!("Photo {name} is not stored as it was developed (CRC-32 differs)."),
        ))
    }
}
