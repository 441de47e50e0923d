//! Pages of ListObjectsV2.

use std::ops::Bound;

use http::Response;

use super::{
    Answer, S3,
    bucket::{Bucket, Object},
    encoding,
    refusal::Refusal,
    request::Parsed,
    xml::Writer,
};

/// S3: at most 1,000 keys per page (API_ListObjectsV2).
pub const MAX_KEYS: u32 = 1_000;

/// Entries of a page, in order of their keys.
#[derive(Default)]
struct Page<'a> {
    objects: Vec<(&'a str, &'a Object)>,
    /// Prefixes up to the delimiter. Each stands for all keys that begin with it.
    prefixes: Vec<&'a str>,
    /// Last key or prefix of the page, if another page follows.
    next: Option<&'a str>,
}

impl<'a> Page<'a> {
    fn of(bucket: &'a Bucket, prefix: &str, delimiter: Option<&str>, after: Option<&str>, max: usize) -> Self {
        let (mut page, mut last) = (Self::default(), None);
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        for key in bucket.keys.range::<str, _>((start, Bound::Unbounded)).map(|(key, _)| key.as_str()) {
            let Some(rest) = key.strip_prefix(prefix) else { break };
            let Some(object) = bucket.current(key) else { continue };
            let end = delimiter.and_then(|delimiter| rest.find(delimiter).map(|at| at + delimiter.len()));
            let group = end.map(|end| &key[..prefix.len() + end]);
            if let Some(group) = group
                && (page.prefixes.last() == Some(&group) || after.is_some_and(|after| after.starts_with(group)))
            {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == max {
                page.next = last;
                break;
            }
            last = Some(group.unwrap_or(key));
            match group {
                Some(group) => page.prefixes.push(group),
                None => page.objects.push((key, object)),
            }
        }
        page
    }
}

impl S3 {
    pub(super) fn list_objects(&self, request: &Parsed<'_>) -> Answer {
        request.refuse(&["encoding-type", "marker"], &["x-amz-optional-object-attributes"])?;
        let bucket = self.bucket(&request.bucket)?;
        let max = request.number("max-keys")?.unwrap_or(MAX_KEYS).min(MAX_KEYS);
        let token = request.field("continuation-token").map(|token| {
            let key = hex::decode(token).ok().and_then(|key| String::from_utf8(key).ok());
            key.ok_or_else(|| Refusal::argument("The continuation token provided is incorrect"))
        });
        let token = token.transpose()?;
        let prefix = request.field("prefix").unwrap_or_default();
        let delimiter = request.field("delimiter").filter(|delimiter| !delimiter.is_empty());
        let start_after = request.field("start-after");
        let page = Page::of(bucket, prefix, delimiter, token.as_deref().or(start_after), max as usize);
        let mut xml = Writer::document("ListBucketResult");
        xml.text("Name", &request.bucket).text("Prefix", prefix);
        xml.optional("Delimiter", delimiter).optional("StartAfter", start_after);
        xml.optional("ContinuationToken", request.field("continuation-token"));
        xml.optional("NextContinuationToken", page.next.map(hex::encode).as_deref());
        xml.value("KeyCount", page.objects.len() + page.prefixes.len()).value("MaxKeys", max);
        xml.value("IsTruncated", page.next.is_some());
        for (key, object) in page.objects {
            xml.element("Contents", |xml| {
                xml.text("Key", key).text("LastModified", &encoding::iso(object.created));
                xml.text("ETag", &format!("\"{}\"", object.etag));
                if let Some(checksum) = &object.checksum {
                    xml.text("ChecksumAlgorithm", checksum.algorithm.name());
                    xml.text("ChecksumType", checksum.coverage.name());
                }
                xml.value("Size", object.content.len()).text("StorageClass", "STANDARD");
            });
        }
        for prefix in page.prefixes {
            xml.element("CommonPrefixes", |xml| {
                xml.text("Prefix", prefix);
            });
        }
        Ok(Response::new(xml.finish()))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;

    use super::*;
    use crate::services::s3::{bucket::Stamp, request::Attributes};

    #[test]
    fn pages_join_to_the_whole_listing() {
        let mut bucket = Bucket::default();
        for key in ["a", "a/b", "a/c", "b/x", "b/y", "c"] {
            let object = Object {
                version: None,
                number: 0,
                created: Timestamp::UNIX_EPOCH,
                content: Bytes::new().into(),
                etag: String::new(),
                attributes: Attributes::default(),
                checksum: None,
            };
            bucket.insert(key.to_owned(), object, Stamp::default());
        }
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = Page::of(&bucket, "", Some("/"), after.as_deref(), 1);
            seen.extend(page.prefixes.iter().map(|prefix| (*prefix).to_owned()));
            seen.extend(page.objects.iter().map(|(key, _)| (*key).to_owned()));
            let Some(next) = page.next else { break };
            after = Some(next.to_owned());
        }
        assert_eq!(seen, ["a", "a/", "b/", "c"]);
        assert_eq!(Page::of(&bucket, "a/", None, None, 1_000).objects.len(), 2);
    }
}
