//! Completion of multipart uploads.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Response, StatusCode};
use sha2::{Digest as _, Sha256};

use super::{
    Answer, RepeatedCompletion, S3,
    body::payload,
    bucket::{Object, Part, Upload},
    checksum::{Algorithm, Checksum, Coverage},
    conditions,
    refusal::Refusal,
    request::Parsed,
    rope::Rope,
    uploads::MIN_PART,
    xml::{Element, Writer},
};
use crate::services::Moment;

/// A part as the completion lists it.
struct Listed<'a> {
    number: u32,
    etag: &'a str,
    /// Checksums by element name.
    checksums: Vec<(&'a str, &'a str)>,
}

impl S3 {
    pub(super) fn complete_upload(&mut self, request: &Parsed<'_>, moment: &mut Moment<'_>) -> Answer {
        let id = request.field("uploadId").unwrap_or_default();
        let repeated = self.settings.repeated_completion;
        let bucket = self.bucket_mut(&request.bucket)?;
        let upload = match (bucket.upload(&request.key, id), repeated) {
            (Ok(upload), _) => upload,
            (Err(refusal), RepeatedCompletion::NoSuchUpload) => return Err(refusal),
            (Err(refusal), RepeatedCompletion::SameResponse) => {
                return bucket.completed.get(id).cloned().map(Response::new).ok_or(refusal);
            }
        };
        let body =
            Element::parse(&payload(request)?.bytes, "CompleteMultipartUpload").ok_or_else(Refusal::malformed)?;
        let listed = listed(&body, id)?;
        let parts = chosen(upload, &listed, id)?;
        let mut content = Rope::default();
        let mut digest = Sha256::new();
        for part in &parts {
            content.append(&part.content);
            digest.update(part.etag.as_bytes());
        }
        let size = request.header("x-amz-mp-object-size").map(str::parse);
        if size.is_some_and(|size| size != Ok(content.len())) {
            let message = "The provided 'x-amz-mp-object-size' header does not match what was uploaded.";
            return Err(Refusal::bad("InvalidRequest", message));
        }
        let checksum = checksum(request, upload, &parts, &content)?;
        let (digest, count, attributes) = (digest.finalize().into(), parts.len(), upload.attributes.clone());
        let replaces = upload.replaces;
        conditions::for_write(request, bucket.current(&request.key))?;
        if replaces && request.header("if-none-match").is_some() {
            // S3: a deletion since the creation conflicts with the condition (API_CompleteMultipartUpload).
            let message =
                "The conditional request cannot succeed due to a conflicting operation against this resource.";
            let refusal = Refusal::new(StatusCode::CONFLICT, "ConditionalRequestConflict", message);
            return Err(refusal.with("Condition", "If-None-Match").with("Key", &request.key));
        }
        if self.settings.error_inside_200 > 0.0 && moment.random.f64() < self.settings.error_inside_200 {
            let message = "We encountered an internal error. Please try again.";
            return Ok(Response::new(Refusal::bad("InternalError", message).xml()));
        }
        let etag = format!("{}-{count}", self.etag(&digest, moment.random));
        let mut xml = Writer::document("CompleteMultipartUploadResult");
        xml.text("Location", &format!("/{}/{}", request.bucket, request.key));
        xml.text("Bucket", &request.bucket).text("Key", &request.key).text("ETag", &format!("\"{etag}\""));
        if let Some(checksum) = &checksum {
            checksum.write_xml(&mut xml);
        }
        let xml = xml.finish();
        let mut response = Response::new(xml.clone());
        response.headers_mut().insert("x-amz-server-side-encryption", self.encryption());
        let bucket = self.bucket_mut(&request.bucket)?;
        bucket.uploads.remove(&(request.key.clone(), id.to_owned()));
        bucket.completed.insert(id.to_owned(), xml);
        let object = Object { version: None, number: 0, created: moment.now, content, etag, attributes, checksum };
        self.store(request, object, "ObjectCreated:CompleteMultipartUpload", moment, response.headers_mut())?;
        Ok(response)
    }
}

/// Returns the parts in the body of a completion. There must be one, and their numbers must ascend.
fn listed<'a>(body: &'a Element, id: &str) -> Result<Vec<Listed<'a>>, Refusal> {
    let listed = body.all("Part").map(|part| {
        let number = part.child("PartNumber").and_then(|number| number.parse().ok()).ok_or_else(Refusal::malformed)?;
        let etag = conditions::unquoted(part.child("ETag").ok_or_else(Refusal::malformed)?);
        let checksums = part.children.iter().filter(|child| child.name.starts_with("Checksum"));
        let checksums = checksums.map(|child| (child.name.as_str(), child.text.as_str())).collect();
        Ok(Listed { number, etag, checksums })
    });
    let listed: Vec<Listed<'a>> = listed.collect::<Result<_, Refusal>>()?;
    if listed.is_empty() {
        return Err(Refusal::malformed());
    }
    if !listed.is_sorted_by(|a, b| a.number < b.number) {
        let message = "The list of parts was not in ascending order. The parts list must be specified in order by part \
            number.";
        return Err(Refusal::bad("InvalidPartOrder", message).with("UploadId", id));
    }
    Ok(listed)
}

/// Returns the listed parts. ETags and checksums must match, and all parts but the last must be large enough.
fn chosen<'a>(upload: &'a Upload, listed: &[Listed<'_>], id: &str) -> Result<Vec<&'a Part>, Refusal> {
    if let Some((algorithm, _)) = upload.checksum {
        let named = |part: &Listed<'_>| part.checksums.iter().any(|(name, _)| *name == algorithm.element());
        if !listed.iter().all(named) {
            let name = algorithm.name().to_lowercase();
            let message = format!(
                "The upload was created using a {name} checksum. The complete request must include the checksum for \
                 each part. It was missing for a part in the request."
            );
            return Err(Refusal::bad("InvalidRequest", message));
        }
    }
    let mut parts = Vec::with_capacity(listed.len());
    for listed in listed {
        let part = upload.parts.get(&listed.number).filter(|part| part.etag == listed.etag && agrees(listed, part));
        let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or \
            the specified entity tag may not match the part's entity tag.";
        parts.push(part.ok_or_else(|| Refusal::bad("InvalidPart", message).with("UploadId", id))?);
    }
    let small = parts.iter().rev().skip(1).any(|part| part.content.len() < MIN_PART);
    if small {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(Refusal::bad("EntityTooSmall", message));
    }
    Ok(parts)
}

fn agrees(listed: &Listed<'_>, part: &Part) -> bool {
    listed.checksums.iter().all(|(name, value)| {
        let algorithm = if *name == Algorithm::Crc32.element() { Algorithm::Crc32 } else { Algorithm::Sha256 };
        *name == algorithm.element() && *value == Checksum::of(algorithm, &part.content).value
    })
}

/// Returns the checksum of the object, after a comparison with the request's.
fn checksum(
    request: &Parsed<'_>,
    upload: &Upload,
    parts: &[&Part],
    content: &Rope,
) -> Result<Option<Checksum>, Refusal> {
    let invalid = |message: &str| Refusal::bad("InvalidRequest", message);
    let coverage = upload.checksum.map(|(_, coverage)| coverage.name());
    if let Some(declared) = request.header("x-amz-checksum-type")
        && coverage != Some(declared)
    {
        return Err(invalid("The upload was created with another checksum type."));
    }
    let Some((algorithm, coverage)) = upload.checksum else {
        if request.header(Algorithm::Crc32.header()).is_some() {
            return Err(invalid("The upload was created without a CRC32 checksum."));
        }
        return Ok(None);
    };
    let checksum = match coverage {
        Coverage::FullObject => Checksum::of(algorithm, content),
        Coverage::Composite => composite(algorithm, parts),
    };
    if let Some(other) =
        Algorithm::ALL.into_iter().find(|other| *other != algorithm && request.header(other.header()).is_some())
    {
        return Err(Checksum::mismatch(other));
    }
    let declared = request.header(algorithm.header());
    if declared.is_some_and(|declared| without_count(declared) != without_count(&checksum.value)) {
        return Err(Checksum::mismatch(algorithm));
    }
    Ok(Some(checksum))
}

/// Returns the checksum of the parts' checksums, a hyphen, and the number of parts.
fn composite(algorithm: Algorithm, parts: &[&Part]) -> Checksum {
    let digests = parts.iter().filter_map(|part| STANDARD.decode(&part.checksum.as_ref()?.value).ok());
    let digests = Rope::from(bytes::Bytes::from(digests.flatten().collect::<Vec<u8>>()));
    let value = format!("{}-{}", Checksum::of(algorithm, &digests).value, parts.len());
    Checksum { algorithm, value, coverage: Coverage::Composite }
}

fn without_count(value: &str) -> &str {
    value.split_once('-').map_or(value, |(value, _)| value)
}
