//! Versioning of buckets, and pages of ListObjectVersions.

use std::ops::Bound;

use bytes::Bytes;
use http::Response;

use super::{
    Answer, S3,
    body::payload,
    bucket::{Bucket, NULL_VERSION, Version, Versioning},
    encoding,
    listing::MAX_KEYS,
    refusal::Refusal,
    request::Parsed,
    xml::{Element, Writer},
};

/// Entries of a page: keys in order, the newest version of a key first.
#[derive(Default)]
struct Page<'a> {
    /// Keys and versions, each with whether it is the newest.
    versions: Vec<(&'a str, &'a Version, bool)>,
    /// Prefixes up to the delimiter. Each stands for all keys that begin with it.
    prefixes: Vec<&'a str>,
    /// Last key and version id, or last prefix, of the page, if another page follows.
    next: Option<(&'a str, Option<&'a str>)>,
}

impl<'a> Page<'a> {
    fn of(
        bucket: &'a Bucket,
        prefix: &str,
        delimiter: Option<&str>,
        after: Option<(&str, Option<&str>)>,
        max: usize,
    ) -> Self {
        let (mut page, mut last) = (Self::default(), None);
        let start = match after {
            Some((key, None)) if key >= prefix => Bound::Excluded(key),
            Some((key, Some(_))) if key >= prefix => Bound::Included(key),
            _ => Bound::Included(prefix),
        };
        'keys: for (key, versions) in bucket.keys.range::<str, _>((start, Bound::Unbounded)) {
            let Some(rest) = key.strip_prefix(prefix) else { break };
            let end = delimiter.and_then(|delimiter| rest.find(delimiter).map(|at| at + delimiter.len()));
            if let Some(group) = end.map(|end| &key[..prefix.len() + end]) {
                if page.prefixes.last() == Some(&group) || after.is_some_and(|(after, _)| after.starts_with(group)) {
                    continue;
                }
                if page.versions.len() + page.prefixes.len() == max {
                    page.next = last;
                    break;
                }
                last = Some((group, None));
                page.prefixes.push(group);
                continue;
            }
            let marker = after.and_then(|(after, id)| id.filter(|_| after == key));
            let end = marker.map_or(u64::MAX, |id| number(versions, id));
            let older = versions.iter().rev().enumerate().filter(|(_, version)| version.number() < end);
            for (place, version) in older {
                if page.versions.len() + page.prefixes.len() == max {
                    page.next = last;
                    break 'keys;
                }
                last = Some((key, Some(version.id())));
                page.versions.push((key, version, place == 0));
            }
        }
        page
    }
}

/// Returns the number of a version, which may have been deleted since the last page: its id begins with it.
fn number(versions: &[Version], id: &str) -> u64 {
    if id == NULL_VERSION {
        return versions.iter().find(|version| version.id() == id).map_or(0, Version::number);
    }
    id.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

impl S3 {
    pub(super) fn set_versioning(&mut self, request: &Parsed<'_>) -> Answer {
        self.bucket(&request.bucket)?;
        let body =
            Element::parse(&payload(request)?.bytes, "VersioningConfiguration").ok_or_else(Refusal::malformed)?;
        if body.child("MfaDelete") == Some("Enabled") {
            return Err(Refusal::unknown("MfaDelete"));
        }
        let versioning = match body.child("Status") {
            Some("Enabled") => Versioning::Enabled,
            Some("Suspended") => Versioning::Suspended,
            Some(_) => return Err(Refusal::malformed()),
            None => {
                let message = "The Versioning element must be specified";
                return Err(Refusal::bad("IllegalVersioningConfigurationException", message));
            }
        };
        self.bucket_mut(&request.bucket)?.versioning = versioning;
        Ok(Response::new(Bytes::new()))
    }

    pub(super) fn get_versioning(&self, request: &Parsed<'_>) -> Answer {
        let status = match self.bucket(&request.bucket)?.versioning {
            Versioning::Never => None,
            Versioning::Enabled => Some("Enabled"),
            Versioning::Suspended => Some("Suspended"),
        };
        let mut xml = Writer::document("VersioningConfiguration");
        xml.optional("Status", status);
        Ok(Response::new(xml.finish()))
    }

    pub(super) fn list_versions(&self, request: &Parsed<'_>) -> Answer {
        request.refuse(&["encoding-type"], &["x-amz-optional-object-attributes"])?;
        let bucket = self.bucket(&request.bucket)?;
        let max = request.number("max-keys")?.unwrap_or(MAX_KEYS).min(MAX_KEYS);
        let named = |name: &str| request.field(name).filter(|value| !value.is_empty());
        let (prefix, delimiter) = (request.field("prefix").unwrap_or_default(), named("delimiter"));
        let (key_marker, version_marker) = (named("key-marker"), named("version-id-marker"));
        if let Some(id) = version_marker {
            if key_marker.is_none() {
                return Err(Refusal::argument("A version-id marker cannot be specified without a key marker."));
            }
            bucket.check_version(id)?;
        }
        let after = key_marker.map(|key| (key, version_marker));
        let page = Page::of(bucket, prefix, delimiter, after, max as usize);
        let mut xml = Writer::document("ListVersionsResult");
        xml.text("Name", &request.bucket).text("Prefix", prefix).optional("Delimiter", delimiter);
        xml.text("KeyMarker", key_marker.unwrap_or_default());
        xml.text("VersionIdMarker", version_marker.unwrap_or_default());
        if let Some((key, id)) = page.next {
            xml.text("NextKeyMarker", key).optional("NextVersionIdMarker", id);
        }
        xml.value("MaxKeys", max).value("IsTruncated", page.next.is_some());
        for (key, version, newest) in page.versions {
            write_entry(&mut xml, key, version, newest);
        }
        for prefix in page.prefixes {
            xml.element("CommonPrefixes", |xml| {
                xml.text("Prefix", prefix);
            });
        }
        Ok(Response::new(xml.finish()))
    }
}

fn write_entry(xml: &mut Writer, key: &str, version: &Version, newest: bool) {
    let head = |xml: &mut Writer, created| {
        xml.text("Key", key).text("VersionId", version.id()).value("IsLatest", newest);
        xml.text("LastModified", &encoding::iso(created));
    };
    match version {
        Version::Marker { created, .. } => xml.element("DeleteMarker", |xml| head(xml, *created)),
        Version::Object(object) => xml.element("Version", |xml| {
            head(xml, object.created);
            xml.text("ETag", &format!("\"{}\"", object.etag)).value("Size", object.content.len());
            xml.text("StorageClass", "STANDARD");
        }),
    };
}
