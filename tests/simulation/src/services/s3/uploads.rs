//! Multipart uploads, from creation to the last part.

use std::ops::{Bound, Range, RangeInclusive};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use sha2::{Digest as _, Sha256};

use super::{
    Answer, S3,
    body::{Received, receive},
    bucket::{Object, Part, Upload},
    checksum::{Algorithm, Checksum, Coverage},
    conditions, encoding,
    listing::MAX_KEYS,
    objects::{SOURCE_VERSION, UNKNOWN_OF_WRITES, write_version},
    refusal::Refusal,
    request::Parsed,
    xml::Writer,
};
use crate::services::Moment;

/// S3: each part except the last is at least 5 MiB (userguide, qfacts).
pub const MIN_PART: u64 = 5 << 20;
/// S3: a part is at most 5 GiB (userguide, qfacts).
const MAX_PART: u64 = 5 << 30;
/// S3: parts are numbered 1 to 10,000 (userguide, qfacts).
const PART_NUMBERS: RangeInclusive<u32> = 1..=10_000;

impl S3 {
    pub(super) fn create_upload(&mut self, request: &Parsed<'_>, moment: &mut Moment<'_>) -> Answer {
        request.refuse(&[], &UNKNOWN_OF_WRITES)?;
        let checksum = declared_checksum(request)?;
        // Ids ascend with the time, since S3 lists the uploads of a key in the order of their creation.
        let id = format!("{:016x}{:016x}", moment.now.as_microsecond(), moment.random.u64(..));
        let attributes = request.attributes();
        let bucket = self.bucket_mut(&request.bucket)?;
        let replaces = bucket.current(&request.key).is_some();
        let upload = Upload { started: moment.now, attributes, replaces, checksum, parts: <_>::default() };
        bucket.uploads.insert((request.key.clone(), id.clone()), upload);
        let mut xml = Writer::document("InitiateMultipartUploadResult");
        xml.text("Bucket", &request.bucket).text("Key", &request.key).text("UploadId", &id);
        let mut response = Response::new(xml.finish());
        let headers = response.headers_mut();
        headers.insert("x-amz-server-side-encryption", self.encryption());
        if let Some((algorithm, coverage)) = checksum {
            headers.insert("x-amz-checksum-algorithm", HeaderValue::from_static(algorithm.name()));
            headers.insert("x-amz-checksum-type", HeaderValue::from_static(coverage.name()));
        }
        Ok(response)
    }

    pub(super) fn upload_part(&mut self, request: &Parsed<'_>, moment: &mut Moment<'_>) -> Answer {
        let (id, number) = part_of(request)?;
        let named = self.bucket_mut(&request.bucket)?.upload(&request.key, id)?.checksum;
        let Received { content, sha256, checksum } = receive(request)?;
        if let (Some((algorithm, _)), Some(declared)) = (named, &checksum)
            && algorithm != declared.algorithm
        {
            let message = format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                algorithm.name().to_lowercase(),
                declared.algorithm.name().to_lowercase()
            );
            return Err(Refusal::bad("InvalidRequest", message));
        }
        let etag = self.etag(&sha256, moment.random);
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert("x-amz-server-side-encryption", self.encryption());
        if let Ok(etag) = HeaderValue::try_from(format!("\"{etag}\"")) {
            headers.insert(header::ETAG, etag);
        }
        let checksum = named.map(|(algorithm, _)| Checksum::of(algorithm, &content)).or(checksum);
        if let Some(checksum) = &checksum {
            checksum.write(headers);
            headers.remove("x-amz-checksum-type");
        }
        let upload = self.bucket_mut(&request.bucket)?.upload(&request.key, id)?;
        upload.parts.insert(number, Part { created: moment.now, content, etag, checksum });
        Ok(response)
    }

    pub(super) fn copy_part(&mut self, request: &Parsed<'_>, moment: &mut Moment<'_>) -> Answer {
        let (id, number) = part_of(request)?;
        let named = self.bucket_mut(&request.bucket)?.upload(&request.key, id)?.checksum;
        let source = self.copy_source(request)?.object;
        conditions::for_copy(request, source)?;
        let size = source.content.len();
        let range = request.header("x-amz-copy-source-range").map(|text| copy_range(text, size)).transpose()?;
        let range = range.unwrap_or(0..size);
        if range.end - range.start > MAX_PART {
            let message = format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_PART}"
            );
            return Err(Refusal::bad("InvalidRequest", message));
        }
        let content = source.content.slice(&range);
        let etag = match copied_etag(source, &range) {
            etag if !self.settings.etag_is_no_digest => etag,
            _ => self.etag(&[0; 32], moment.random),
        };
        let checksum = named.map(|(algorithm, _)| Checksum::of(algorithm, &content));
        let mut xml = Writer::document("CopyPartResult");
        xml.text("LastModified", &encoding::iso(moment.now)).text("ETag", &format!("\"{etag}\""));
        if let Some(checksum) = &checksum {
            xml.text(checksum.algorithm.element(), &checksum.value);
        }
        let mut response = Response::new(xml.finish());
        response.headers_mut().insert("x-amz-server-side-encryption", self.encryption());
        write_version(SOURCE_VERSION, source.version.as_deref(), response.headers_mut());
        let upload = self.bucket_mut(&request.bucket)?.upload(&request.key, id)?;
        upload.parts.insert(number, Part { created: moment.now, content, etag, checksum });
        Ok(response)
    }

    pub(super) fn abort_upload(&mut self, request: &Parsed<'_>) -> Answer {
        let id = request.field("uploadId").unwrap_or_default();
        let bucket = self.bucket_mut(&request.bucket)?;
        let upload = bucket.uploads.remove(&(request.key.clone(), id.to_owned()));
        upload.ok_or_else(|| Refusal::no_upload(id))?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    pub(super) fn list_parts(&mut self, request: &Parsed<'_>) -> Answer {
        let id = request.field("uploadId").unwrap_or_default();
        let after = request.number("part-number-marker")?.unwrap_or(0);
        let max = request.number("max-parts")?.unwrap_or(MAX_KEYS).min(MAX_KEYS);
        let upload = self.bucket_mut(&request.bucket)?.upload(&request.key, id)?;
        let mut rest = upload.parts.range((Bound::Excluded(after), Bound::Unbounded));
        let page: Vec<(&u32, &Part)> = rest.by_ref().take(max as usize).collect();
        let last = page.last().map(|(number, _)| **number);
        let mut xml = Writer::document("ListPartsResult");
        xml.text("Bucket", &request.bucket).text("Key", &request.key).text("UploadId", id);
        xml.value("PartNumberMarker", after).value("MaxParts", max).value("IsTruncated", rest.next().is_some());
        // The last page has a marker too.
        if let Some(last) = last {
            xml.value("NextPartNumberMarker", last);
        }
        write_owner(&mut xml);
        write_checksum(&mut xml, upload.checksum);
        for (number, part) in page {
            xml.element("Part", |xml| {
                xml.value("PartNumber", number).text("LastModified", &encoding::iso(part.created));
                xml.text("ETag", &format!("\"{}\"", part.etag)).value("Size", part.content.len());
                if let Some(checksum) = &part.checksum {
                    xml.text(checksum.algorithm.element(), &checksum.value);
                }
            });
        }
        Ok(Response::new(xml.finish()))
    }

    pub(super) fn list_uploads(&self, request: &Parsed<'_>) -> Answer {
        request.refuse(&["delimiter", "encoding-type"], &[])?;
        let bucket = self.bucket(&request.bucket)?;
        let prefix = request.field("prefix").unwrap_or_default();
        let max = request.number("max-uploads")?.unwrap_or(MAX_KEYS).min(MAX_KEYS);
        let (key_marker, id_marker) = (request.field("key-marker"), request.field("upload-id-marker"));
        // S3: without an upload id, the page starts after all uploads of the marker's key.
        let after = |key: &str, id: &str| match (key_marker, id_marker) {
            (None, _) => true,
            (Some(marker), None) => key > marker,
            (Some(marker), Some(id_marker)) => (key, id) > (marker, id_marker),
        };
        let uploads = bucket.uploads.iter().filter(|((key, id), _)| key.starts_with(prefix) && after(key, id));
        let mut uploads = uploads.peekable();
        let page: Vec<_> = uploads.by_ref().take(max as usize).collect();
        let next = page.last().filter(|_| uploads.peek().is_some());
        let mut xml = Writer::document("ListMultipartUploadsResult");
        xml.text("Bucket", &request.bucket).text("Prefix", prefix).value("MaxUploads", max);
        xml.text("KeyMarker", key_marker.unwrap_or_default());
        xml.text("UploadIdMarker", id_marker.unwrap_or_default());
        xml.value("IsTruncated", next.is_some());
        if let Some(((key, id), _)) = next {
            xml.text("NextKeyMarker", key).text("NextUploadIdMarker", id);
        }
        for ((key, id), upload) in page {
            xml.element("Upload", |xml| {
                xml.text("Key", key).text("UploadId", id).text("Initiated", &encoding::iso(upload.started));
                write_owner(xml);
                write_checksum(xml, upload.checksum);
            });
        }
        Ok(Response::new(xml.finish()))
    }
}

/// Returns algorithm and coverage of the checksums that a creation names. Defaults: API_CreateMultipartUpload.
fn declared_checksum(request: &Parsed<'_>) -> Result<Option<(Algorithm, Coverage)>, Refusal> {
    let algorithm = request.header("x-amz-checksum-algorithm").map(Algorithm::parse).transpose()?;
    let invalid = |message: &str| Refusal::bad("InvalidRequest", message);
    let coverage = match request.header("x-amz-checksum-type") {
        None => None,
        Some("FULL_OBJECT") => Some(Coverage::FullObject),
        Some("COMPOSITE") => Some(Coverage::Composite),
        Some(_) => return Err(invalid("Value for x-amz-checksum-type header is invalid.")),
    };
    match (algorithm, coverage) {
        (None, None) => Ok(None),
        (None, Some(_)) => {
            Err(invalid("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."))
        }
        (Some(Algorithm::Sha256), Some(Coverage::FullObject)) => {
            Err(invalid("The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."))
        }
        (Some(algorithm), coverage) => Ok(Some((algorithm, coverage.unwrap_or(Coverage::Composite)))),
    }
}

/// Returns upload id and part number of a request.
fn part_of<'a>(request: &'a Parsed<'_>) -> Result<(&'a str, u32), Refusal> {
    let number = request.field("partNumber").and_then(|number| number.parse().ok());
    let number = number.filter(|number| PART_NUMBERS.contains(number));
    let message = "Part number must be an integer between 1 and 10000, inclusive";
    let number = number.ok_or_else(|| Refusal::argument(message))?;
    Ok((request.field("uploadId").unwrap_or_default(), number))
}

/// Parses `bytes=first-last`. Both numbers are required, and the source must be large enough for copies of ranges.
fn copy_range(text: &str, size: u64) -> Result<Range<u64>, Refusal> {
    let range = text.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let range = range.and_then(|(first, last)| Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?)));
    let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
        zero-based offsets of the first and last bytes to copy";
    let (first, last) = range.filter(|(first, last)| first <= last).ok_or_else(|| Refusal::argument(message))?;
    if first >= size {
        let message = "The specified copy range is invalid for the source object size";
        return Err(Refusal::bad("InvalidRequest", message));
    }
    if last >= size {
        return Err(Refusal::argument(format!("Range specified is not valid for source object of size: {size}")));
    }
    // S3: "You can copy a range only if the source object is greater than 5 MB" (API_UploadPartCopy).
    if size <= MIN_PART {
        let message = "The specified copy source is not supported as a byte-range copy source";
        return Err(Refusal::bad("InvalidRequest", message));
    }
    Ok(first..last + 1)
}

/// Returns the ETag of a copied part: the source's for a whole object, else a digest of the source's ETag and the range.
fn copied_etag(source: &Object, range: &Range<u64>) -> String {
    if *range == (0..source.content.len()) && !source.etag.contains('-') {
        return source.etag.clone();
    }
    let digest = Sha256::digest(format!("{} {}-{}", source.etag, range.start, range.end));
    hex::encode(&digest[..16])
}

fn write_owner(xml: &mut Writer) {
    for name in ["Owner", "Initiator"] {
        xml.element(name, |xml| {
            xml.text("ID", "0000000000000000000000000000000000000000000000000000000000000000");
        });
    }
    xml.text("StorageClass", "STANDARD");
}

fn write_checksum(xml: &mut Writer, checksum: Option<(Algorithm, Coverage)>) {
    if let Some((algorithm, coverage)) = checksum {
        xml.text("ChecksumAlgorithm", algorithm.name()).text("ChecksumType", coverage.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copied_range_must_be_inside_a_large_source() {
        let size = MIN_PART + 10;
        let code = |text: &str, size| copy_range(text, size).map_err(|refusal| refusal.code());
        assert_eq!(code("bytes=0-4", size), Ok(0..5));
        for refused in ["bytes=0-", "bytes=-5", "bytes=5-4", "0-4", "bytes=0-5242890"] {
            assert_eq!(code(refused, size), Err("InvalidArgument"), "{refused}");
        }
        assert_eq!(code("bytes=0-4", MIN_PART), Err("InvalidRequest"));
        assert_eq!(code("bytes=9999999-9999999", size), Err("InvalidRequest"));
    }
}
