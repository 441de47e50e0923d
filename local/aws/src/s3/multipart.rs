//! Assembly of an upload's parts, by S3's rules. The module is pure: it does not read the parts' bytes.

use base64::{Engine, prelude::BASE64_STANDARD};
use s3s::{
    S3Error, S3Result,
    crypto::{Checksum, Md5},
    dto::CompletedPart,
    s3_error,
};

use super::{
    bytes::crc32_base64,
    object::{Digests, Object, Part, Record, Upload},
};

/// S3: each part except the last is at least 5 MiB.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub(super) const MIN_PART: u64 = 5 * 1024 * 1024;
/// S3: no part is larger than 5 GiB (same source).
pub(super) const MAX_PART: u64 = 5 * 1024 * 1024 * 1024;
/// S3: parts are numbered 1 to 10,000.
pub(super) const PART_NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

/// The arguments of a completion.
pub(super) struct Completion {
    pub parts: Vec<CompletedPart>,
    /// `x-amz-checksum-crc32`.
    pub crc32: Option<String>,
    /// `x-amz-checksum-type`.
    pub kind: Option<String>,
    /// `x-amz-mp-object-size`.
    pub size: Option<u64>,
}

/// Returns the object that an upload becomes.
pub(super) fn assemble(upload: &Upload, completion: &Completion, now: u64) -> S3Result<Object> {
    let parts = chosen(upload, &completion.parts)?;
    let size = parts.iter().map(|part| part.record.size).sum();
    if completion.size.is_some_and(|told| told != size) {
        return Err(s3_error!(
            InvalidRequest,
            "The provided 'x-amz-mp-object-size' header does not match what was uploaded."
        ));
    }
    let key = upload.record.key.clone();
    Ok(Object {
        key: key.clone(),
        segments: parts.iter().flat_map(|part| part.segments.iter().cloned()).collect(),
        record: Record {
            key,
            size,
            e_tag: e_tag(&parts)?,
            modified: now,
            attributes: upload.record.attributes.clone(),
            digests: digests(upload, &parts, completion)?,
            ..Record::default()
        },
    })
}

/// Returns the parts that a completion lists. They must exist, be in order, and be large enough.
fn chosen<'a>(upload: &'a Upload, listed: &[CompletedPart]) -> S3Result<Vec<&'a Part>> {
    if listed.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    if !listed.is_sorted_by(|a, b| a.part_number < b.part_number) {
        return Err(s3_error!(InvalidPartOrder, "The list of parts was not in ascending order."));
    }
    // S3: the completion of an upload with checksums states the checksum of each part.
    if upload.record.algorithm.as_deref() == Some("CRC32") && listed.iter().any(|part| part.checksum_crc32.is_none()) {
        return Err(s3_error!(
            InvalidRequest,
            "The upload was created using a crc32 checksum. The complete request must include the checksum for each \
             part. It was missing for a part in the request."
        ));
    }
    let mut parts = Vec::with_capacity(listed.len());
    for told in listed {
        let part = told.part_number.and_then(|number| upload.parts.get(&number)).filter(|part| {
            let e_tag = told.e_tag.as_ref().is_some_and(|e_tag| e_tag.value() == part.record.md5);
            e_tag && told.checksum_crc32.as_ref().is_none_or(|crc32| *crc32 == crc32_base64(part.record.crc32))
        });
        let missing = || {
            s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
                 specified entity tag may not match the part's entity tag."
            )
        };
        parts.push(part.ok_or_else(missing)?);
    }
    let Some((_, all_but_last)) = parts.split_last() else { return Ok(parts) };
    if all_but_last.iter().any(|part| part.record.size < MIN_PART) {
        return Err(s3_error!(EntityTooSmall, "Your proposed upload is smaller than the minimum allowed object size."));
    }
    Ok(parts)
}

/// Returns the ETag. S3: the MD5 of the parts' MD5s, a hyphen, and the number of parts.
fn e_tag(parts: &[&Part]) -> S3Result<String> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&hex::decode(&part.record.md5).map_err(S3Error::internal_error)?);
    }
    Ok(format!("{}-{}", hex::encode(md5.finalize()), parts.len()))
}

/// Returns the object's own CRC32, after a comparison with the completion's.
fn digests(upload: &Upload, parts: &[&Part], completion: &Completion) -> S3Result<Digests> {
    let kind = upload.record.kind.as_deref();
    if completion.kind.as_deref().is_some_and(|told| Some(told) != kind) {
        return Err(s3_error!(InvalidRequest, "The upload was created with another checksum type."));
    }
    if upload.record.algorithm.as_deref() != Some("CRC32") {
        if completion.crc32.is_some() {
            return Err(s3_error!(InvalidRequest, "The upload was created without a CRC32 checksum."));
        }
        return Ok(Digests::default());
    }
    let crc32 = if kind == Some("FULL_OBJECT") { whole_crc32(parts) } else { composite_crc32(parts) };
    if completion.crc32.as_ref().is_some_and(|told| without_count(told) != without_count(&crc32)) {
        return Err(s3_error!(BadDigest, "The CRC32 you specified did not match the calculated checksum."));
    }
    Ok(Digests { crc32: Some(crc32), kind: kind.map(str::to_owned), ..Digests::default() })
}

fn whole_crc32(parts: &[&Part]) -> String {
    let mut whole = crc32fast::Hasher::new();
    for part in parts {
        whole.combine(&crc32fast::Hasher::new_with_initial_len(part.record.crc32, part.record.size));
    }
    crc32_base64(whole.finalize())
}

/// Returns the composite checksum. S3: the CRC32 of the parts' CRC32s, a hyphen, and the number of parts.
fn composite_crc32(parts: &[&Part]) -> String {
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.record.crc32.to_be_bytes()).collect();
    format!("{}-{}", BASE64_STANDARD.encode(crc32fast::hash(&bytes).to_be_bytes()), parts.len())
}

fn without_count(digest: &str) -> &str {
    digest.split_once('-').map_or(digest, |(digest, _)| digest)
}
