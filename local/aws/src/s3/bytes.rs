//! Streams of bytes: from a request to a file, and from an object's files to a response.

use std::{io, ops::Range, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use s3s::{
    S3Error, S3Result,
    checksum::ChecksumHasher,
    crypto::{Checksum, Md5},
    s3_error,
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};
use tokio_util::io::ReaderStream;

use super::object::{Blob, Digests, Object, Segment, slice};

/// The size of a read. At this size the overhead of a call is small.
const CHUNK: usize = 256 * 1024;

/// Bytes in a file, with the digests computed during the write.
pub(super) struct Written {
    pub blob: Arc<Blob>,
    pub size: u64,
    pub md5: [u8; 16],
    pub crc32: u32,
    pub digests: Digests,
}

/// Writes a stream to a blob. The blob is removed unless a record refers to it in the end.
pub(super) async fn write<E>(
    blob: Arc<Blob>,
    mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    mut digests: ChecksumHasher,
) -> S3Result<Written>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut file = File::create(&blob.path).await.map_err(S3Error::internal_error)?;
    let (mut md5, mut crc32, mut size) = (Md5::new(), crc32fast::Hasher::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(body_error)?;
        md5.update(&chunk);
        crc32.update(&chunk);
        digests.update(&chunk);
        size += chunk.len() as u64;
        file.write_all(&chunk).await.map_err(S3Error::internal_error)?;
    }
    file.flush().await.map_err(S3Error::internal_error)?;
    let (md5, crc32, digests) = (md5.finalize(), crc32.finalize(), digests.finalize().into());
    blob.note_crc32(&(0..size), crc32);
    Ok(Written { blob, size, md5, crc32, digests })
}

/// Returns the error of a body: the one that `s3s` found (such as a wrong chunk signature), or `IncompleteBody`.
fn body_error(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> S3Error {
    match error.into().downcast::<S3Error>() {
        Ok(error) => *error,
        Err(error) => {
            let mut told = s3_error!(IncompleteBody, "The body was cut off: {error}");
            told.set_source(error);
            told
        }
    }
}

/// Returns the bytes of a range of an object. The stream keeps the object's files open.
pub(super) fn read(
    object: &Object,
    range: Range<u64>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + Unpin + 'static {
    let pieces = slice(&object.segments, &range);
    let streams = futures::stream::iter(pieces).then(|segment: Segment| {
        SyncFuture(Box::pin(async move {
            let mut file = File::open(&segment.blob.path).await?;
            if segment.offset > 0 {
                file.seek(io::SeekFrom::Start(segment.offset)).await?;
            }
            let piece = ReaderStream::with_capacity(file.take(segment.size), CHUNK);
            Ok::<_, io::Error>(piece.map(move |bytes| {
                let _held = &segment;
                bytes
            }))
        }))
    });
    Box::pin(streams.try_flatten())
}

/// Returns the CRC-32 of consecutive segments. Each segment is read at most once.
pub(super) async fn crc32(segments: Vec<Segment>) -> io::Result<u32> {
    let whole = move || {
        let mut whole = crc32fast::Hasher::new();
        for Segment { blob, offset, size } in &segments {
            let range = *offset..offset + size;
            let crc32 = blob.known_crc32(&range).map_or_else(|| read_crc32(blob, &range), Ok)?;
            blob.note_crc32(&range, crc32);
            whole.combine(&crc32fast::Hasher::new_with_initial_len(crc32, *size));
        }
        Ok(whole.finalize())
    };
    tokio::task::spawn_blocking(whole).await.map_err(io::Error::other)?
}

fn read_crc32(blob: &Blob, range: &Range<u64>) -> io::Result<u32> {
    use std::io::{Read, Seek};
    let mut file = std::fs::File::open(&blob.path)?;
    file.seek(io::SeekFrom::Start(range.start))?;
    let (mut file, mut buffer, mut crc32) =
        (file.take(range.end - range.start), vec![0; CHUNK], crc32fast::Hasher::new());
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(crc32.finalize()),
            read => crc32.update(&buffer[..read]),
        }
    }
}

/// A boxed future that is also `Sync`, which the body of a response requires.
struct SyncFuture<T>(std::pin::Pin<Box<dyn Future<Output = T> + Send + Sync>>);

impl<T> Future for SyncFuture<T> {
    type Output = T;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<T> {
        self.0.as_mut().poll(cx)
    }
}

/// Returns a CRC32 in S3's format: big-endian, in base64.
pub(super) fn crc32_base64(crc32: u32) -> String {
    BASE64_STANDARD.encode(crc32.to_be_bytes())
}
