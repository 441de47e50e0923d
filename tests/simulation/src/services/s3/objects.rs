//! Operations on whole objects: put, get, head, delete.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::{
    Answer, S3,
    body::{Received, receive},
    bucket::{Deletion, Object, Versioning},
    checksum::Checksum,
    conditions, encoding,
    refusal::Refusal,
    request::Parsed,
    xml::{Element, Writer},
};
use crate::services::Moment;

/// S3: at most 1,000 keys per delete request (API_DeleteObjects).
const MAX_DELETE: usize = 1_000;

/// Header with the version id of a copy's source.
pub(super) const SOURCE_VERSION: &str = "x-amz-copy-source-version-id";

/// Headers of features that the model does not have. A request with one is refused instead of misunderstood.
pub const UNKNOWN_OF_WRITES: [&str; 5] = [
    "x-amz-tagging",
    "x-amz-acl",
    "x-amz-object-lock-mode",
    "x-amz-write-offset-bytes",
    "x-amz-website-redirect-location",
];

/// Query fields that replace a response header of GET, and the header.
const OVERRIDES: [(&str, header::HeaderName); 6] = [
    ("response-content-type", header::CONTENT_TYPE),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-expires", header::EXPIRES),
];

impl S3 {
    pub(super) fn put_object(&mut self, request: &Parsed<'_>, moment: &mut Moment<'_>) -> Answer {
        request.refuse(&[], &UNKNOWN_OF_WRITES)?;
        conditions::for_write(request, self.bucket(&request.bucket)?.current(&request.key))?;
        let Received { content, sha256, checksum } = receive(request)?;
        let object = Object {
            version: None,
            number: 0,
            created: moment.now,
            etag: self.etag(&sha256, moment.random),
            content,
            attributes: request.attributes(),
            checksum,
        };
        let mut response = Response::new(Bytes::new());
        self.describe(&object, true, response.headers_mut());
        self.store(request, object, "ObjectCreated:Put", moment, response.headers_mut())?;
        Ok(response)
    }

    /// Stores an object, notifies of it, and adds its version id to the response.
    pub(super) fn store(
        &mut self,
        request: &Parsed<'_>,
        object: Object,
        event: &str,
        moment: &mut Moment<'_>,
        headers: &mut HeaderMap,
    ) -> Result<(), Refusal> {
        let stamp = self.stamp(&request.bucket, moment.random);
        let bucket = self.bucket_mut(&request.bucket)?;
        bucket.insert(request.key.clone(), object, stamp);
        let Some(object) = bucket.current(&request.key).cloned() else { return Ok(()) };
        write_version("x-amz-version-id", object.version.as_deref(), headers);
        self.notify(&request.bucket, &request.key, &object, event);
        Ok(())
    }

    pub(super) fn get_object(&self, request: &Parsed<'_>) -> Answer {
        request.refuse(&["partNumber"], &[])?;
        let bucket = self.bucket(&request.bucket)?;
        let object = bucket.object(&request.key, request.field("versionId"))?;
        conditions::for_read(request, object)?;
        let size = object.content.len();
        let range = conditions::range(request.header("range"), size)?;
        let checksum = request.header("x-amz-checksum-mode") == Some("ENABLED") && range.is_none();
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        object.attributes.write(headers);
        self.describe(object, checksum, headers);
        let versioned = bucket.versioning != Versioning::Never;
        write_version("x-amz-version-id", versioned.then_some(object.version()), headers);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Ok(date) = HeaderValue::try_from(encoding::http_date(object.created)) {
            headers.insert(header::LAST_MODIFIED, date);
        }
        for (field, name) in OVERRIDES {
            if let Some(value) = request.field(field) {
                let value = HeaderValue::try_from(value).map_err(|_| Refusal::argument(format!("Invalid {field}")))?;
                headers.insert(name, value);
            }
        }
        if let Some(range) = &range
            && let Ok(value) = HeaderValue::try_from(format!("bytes {}-{}/{size}", range.start, range.end - 1))
        {
            headers.insert(header::CONTENT_RANGE, value);
        }
        let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        let range = range.unwrap_or(0..size);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        *response.status_mut() = status;
        if request.method() != Method::HEAD {
            *response.body_mut() = object.content.read(&range);
        }
        Ok(response)
    }

    /// Adds the ETag, the encryption and, if requested, the checksum of an object.
    pub(super) fn describe(&self, object: &Object, checksum: bool, headers: &mut HeaderMap) {
        if let Ok(etag) = HeaderValue::try_from(format!("\"{}\"", object.etag)) {
            headers.insert(header::ETAG, etag);
        }
        headers.insert("x-amz-server-side-encryption", self.encryption());
        if let Some(stored) = object.checksum.as_ref().filter(|_| checksum) {
            stored.write(headers);
        }
    }

    pub(super) fn delete_object(&mut self, request: &Parsed<'_>, moment: &mut Moment<'_>) -> Answer {
        request.refuse(&[], &["x-amz-bypass-governance-retention"])?;
        let condition = request.header("if-match");
        let deletion = self.delete(&request.bucket, &request.key, request.field("versionId"), condition, moment)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        write_version("x-amz-version-id", deletion.version.as_deref(), response.headers_mut());
        if deletion.marker {
            response.headers_mut().insert("x-amz-delete-marker", HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    /// Deletes the current object or the requested version, if the condition allows it.
    fn delete(
        &mut self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        if_match: Option<&str>,
        moment: &mut Moment<'_>,
    ) -> Result<Deletion, Refusal> {
        let marker = self.stamp(bucket, moment.random);
        let bucket = self.bucket_mut(bucket)?;
        if let Some(id) = version {
            bucket.check_version(id)?;
        }
        conditions::for_replacement(if_match, key, bucket.current(key))?;
        Ok(bucket.delete(key, version, marker, moment.now))
    }

    pub(super) fn delete_objects(&mut self, request: &Parsed<'_>, moment: &mut Moment<'_>) -> Answer {
        self.bucket(&request.bucket)?;
        let Received { content, checksum, .. } = receive(request)?;
        if checksum.is_none() && request.header("content-md5").is_none() {
            let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
            return Err(Refusal::bad("InvalidRequest", message));
        }
        let delete = Element::parse(&content.to_bytes(), "Delete").ok_or_else(Refusal::malformed)?;
        let quiet = delete.child("Quiet") == Some("true");
        let objects: Vec<&Element> = delete.all("Object").collect();
        if objects.is_empty() || objects.len() > MAX_DELETE {
            return Err(Refusal::malformed());
        }
        let keys: Option<Vec<&str>> = objects.iter().map(|object| object.child("Key")).collect();
        let keys = keys.ok_or_else(Refusal::malformed)?;
        let mut xml = Writer::document("DeleteResult");
        for (key, object) in keys.into_iter().zip(objects) {
            let (version, condition) = (object.child("VersionId"), object.child("ETag"));
            let result = match (self.delete(&request.bucket, key, version, condition, moment), version) {
                // S3 names an id that is none like the id of a missing version here, and only here.
                (Err(refusal), Some(id)) if refusal.code() == "InvalidArgument" => Err(Refusal::no_version(key, id)),
                (result, _) => result,
            };
            match result {
                Ok(_) if quiet => {}
                Ok(deletion) => {
                    xml.element("Deleted", |xml| {
                        xml.text("Key", key).optional("VersionId", version);
                        if deletion.marker {
                            xml.value("DeleteMarker", true);
                            xml.optional("DeleteMarkerVersionId", deletion.version.as_deref());
                        }
                    });
                }
                Err(refusal) => {
                    xml.element("Error", |xml| {
                        xml.text("Key", key).optional("VersionId", version);
                        xml.text("Code", refusal.code()).text("Message", refusal.message());
                    });
                }
            }
        }
        Ok(Response::new(xml.finish()))
    }

    pub(super) fn copy_object(&mut self, request: &Parsed<'_>, moment: &mut Moment<'_>) -> Answer {
        request.refuse(&[], &UNKNOWN_OF_WRITES)?;
        request.refuse(&[], &["x-amz-checksum-algorithm"])?;
        let bucket = self.bucket(&request.bucket)?;
        let Source { bucket: source_bucket, key: source_key, is_version, object: source } =
            self.copy_source(request)?;
        conditions::for_copy(request, source)?;
        let replace = match request.header("x-amz-metadata-directive") {
            None | Some("COPY") => false,
            Some("REPLACE") => true,
            Some(_) => return Err(Refusal::argument("Unknown metadata directive.")),
        };
        let is_same = (source_bucket.as_str(), source_key.as_str()) == (&request.bucket, &request.key);
        // A copy of an older version to its own key restores it.
        if !replace && is_same && !is_version {
            let message = "This copy request is illegal because it is trying to copy an object to itself without \
                changing the object's metadata, storage class, website redirect location or encryption attributes.";
            return Err(Refusal::bad("InvalidRequest", message));
        }
        conditions::for_write(request, bucket.current(&request.key))?;
        // The copy is stored as a whole, whatever the source's parts were.
        let sha256 = if source.etag.contains('-') { Some(source.content.sha256()) } else { None };
        let object = Object {
            version: None,
            number: 0,
            created: moment.now,
            content: source.content.clone(),
            etag: match sha256 {
                None if !self.settings.etag_is_no_digest => source.etag.clone(),
                sha256 => self.etag(&sha256.unwrap_or_default(), moment.random),
            },
            attributes: if replace { request.attributes() } else { source.attributes.clone() },
            checksum: source.checksum.as_ref().map(|checksum| Checksum::of(checksum.algorithm, &source.content)),
        };
        let mut xml = Writer::document("CopyObjectResult");
        xml.text("LastModified", &encoding::iso(object.created)).text("ETag", &format!("\"{}\"", object.etag));
        if let Some(checksum) = &object.checksum {
            checksum.write_xml(&mut xml);
        }
        let mut response = Response::new(xml.finish());
        response.headers_mut().insert("x-amz-server-side-encryption", self.encryption());
        write_version(SOURCE_VERSION, source.version.as_deref(), response.headers_mut());
        self.store(request, object, "ObjectCreated:Copy", moment, response.headers_mut())?;
        Ok(response)
    }

    /// Returns the source that the header `x-amz-copy-source` names.
    pub(super) fn copy_source(&self, request: &Parsed<'_>) -> Result<Source<'_>, Refusal> {
        let malformed =
            || Refusal::argument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
        let source = request.header("x-amz-copy-source").ok_or_else(malformed)?;
        let (source, version) = match source.split_once("?versionId=") {
            Some((source, version)) => (source, Some(version)),
            None => (source, None),
        };
        let source = encoding::decode(source).ok_or_else(malformed)?;
        let (bucket, key) = source.trim_start_matches('/').split_once('/').ok_or_else(malformed)?;
        let object = self.bucket(bucket)?.object(key, version).map_err(|refusal| match refusal.code() {
            "MethodNotAllowed" => {
                let message =
                    "The source of a copy request may not specifically refer to a delete marker by version id.";
                Refusal::bad("InvalidRequest", message)
            }
            _ => refusal,
        })?;
        Ok(Source { bucket: bucket.to_owned(), key: key.to_owned(), is_version: version.is_some(), object })
    }
}

/// Source of a copy.
pub(super) struct Source<'a> {
    bucket: String,
    key: String,
    /// Whether the request names a version.
    is_version: bool,
    /// Object.
    pub object: &'a Object,
}

/// Adds a header with a version id, if there is one.
pub(super) fn write_version(name: &'static str, version: Option<&str>, headers: &mut HeaderMap) {
    if let Some(version) = version.and_then(|version| HeaderValue::try_from(version).ok()) {
        headers.insert(name, version);
    }
}
