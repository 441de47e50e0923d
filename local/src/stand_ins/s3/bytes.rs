//! Bytes in and out: from a request to a file, and from an object's files to an answer.

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

use super::object::{Blob, Digests, Object, Segment};

/// Large enough that a read costs little beside what it reads.
const CHUNK: usize = 256 * 1024;

/// Bytes in a file, and what was computed on the way.
pub(super) struct Written {
    pub blob: Arc<Blob>,
    pub size: u64,
    pub md5: [u8; 16],
    pub crc32: u32,
    pub digests: Digests,
}

/// Writes a stream to a blob that vanishes unless something refers to it in the end.
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
    Ok(Written { blob, size, md5, crc32, digests })
}

/// A body can fail by what it says (a wrong chunk signature) or by ending early.
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

/// The bytes of a range of an object. The stream holds on to the object's files.
pub(super) fn read(
    object: &Object,
    range: Range<u64>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + Unpin + 'static {
    let mut start = 0;
    let pieces: Vec<(Segment, u64, u64)> = object
        .segments
        .iter()
        .filter_map(|segment| {
            let end = start + segment.size;
            let (from, to) = (range.start.max(start), range.end.min(end));
            let piece = (from < to).then(|| (segment.clone(), from - start, to - from));
            start = end;
            piece
        })
        .collect();
    let streams = futures::stream::iter(pieces).then(|(segment, offset, length)| {
        SyncFuture(Box::pin(async move {
            let mut file = File::open(&segment.blob.path).await?;
            if offset > 0 {
                file.seek(io::SeekFrom::Start(offset)).await?;
            }
            let piece = ReaderStream::with_capacity(file.take(length), CHUNK);
            Ok::<_, io::Error>(piece.map(move |bytes| {
                let _held = &segment;
                bytes
            }))
        }))
    });
    Box::pin(streams.try_flatten())
}

/// A boxed future that is also `Sync`, as the body of an answer must be.
struct SyncFuture<T>(std::pin::Pin<Box<dyn Future<Output = T> + Send + Sync>>);

impl<T> Future for SyncFuture<T> {
    type Output = T;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<T> {
        self.0.as_mut().poll(cx)
    }
}

/// A CRC32 as S3 writes it: big-endian, in base64.
pub(super) fn crc32_base64(crc32: u32) -> String {
    BASE64_STANDARD.encode(crc32.to_be_bytes())
}
