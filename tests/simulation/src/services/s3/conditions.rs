//! Preconditions of reads, writes and copies, and ranges.

use std::ops::Range;

use http::StatusCode;

use super::{bucket::Object, refusal::Refusal, request::Parsed};

/// Returns an error unless `If-Match` and `If-None-Match` allow a write where `old` is now.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
pub fn for_write(request: &Parsed<'_>, old: Option<&Object>) -> Result<(), Refusal> {
    match request.header("if-none-match") {
        Some("*") if old.is_some() => return Err(Refusal::condition("If-None-Match")),
        Some("*") | None => {}
        Some(_) => return Err(Refusal::unknown("If-None-Match of a write with a value other than *")),
    }
    for_replacement(request.header("if-match"), &request.key, old)
}

/// Returns an error unless `If-Match` allows that the current object of a key is replaced or deleted.
pub fn for_replacement(if_match: Option<&str>, key: &str, current: Option<&Object>) -> Result<(), Refusal> {
    match (if_match, current) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Refusal::no_key(key)),
        (Some(condition), Some(old)) if holds(condition, old) => Ok(()),
        (Some(_), Some(_)) => Err(Refusal::condition("If-Match")),
    }
}

/// Returns an error unless `If-Match` and `If-None-Match` allow a read.
pub fn for_read(request: &Parsed<'_>, object: &Object) -> Result<(), Refusal> {
    request.refuse(&[], &["if-modified-since", "if-unmodified-since"])?;
    if request.header("if-match").is_some_and(|condition| !holds(condition, object)) {
        return Err(Refusal::condition("If-Match"));
    }
    if request.header("if-none-match").is_some_and(|condition| holds(condition, object)) {
        return Err(Refusal::new(StatusCode::NOT_MODIFIED, "NotModified", "Not Modified"));
    }
    Ok(())
}

/// Returns an error unless the conditions on the source allow a copy.
pub fn for_copy(request: &Parsed<'_>, source: &Object) -> Result<(), Refusal> {
    request.refuse(&[], &["x-amz-copy-source-if-modified-since", "x-amz-copy-source-if-unmodified-since"])?;
    if request.header("x-amz-copy-source-if-match").is_some_and(|condition| !holds(condition, source)) {
        return Err(Refusal::condition("x-amz-copy-source-If-Match"));
    }
    if request.header("x-amz-copy-source-if-none-match").is_some_and(|condition| holds(condition, source)) {
        return Err(Refusal::condition("x-amz-copy-source-If-None-Match"));
    }
    Ok(())
}

fn holds(condition: &str, object: &Object) -> bool {
    condition == "*" || unquoted(condition) == object.etag
}

/// Removes the quotes of an ETag. S3 accepts ETags without quotes too.
pub fn unquoted(etag: &str) -> &str {
    etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap_or(etag)
}

/// Returns the range that a GET requests; `None` for the whole object. S3 ignores ranges that it cannot parse, and
/// lists of ranges.
pub fn range(header: Option<&str>, size: u64) -> Result<Option<Range<u64>>, Refusal> {
    let Some(header) = header else { return Ok(None) };
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let (first, last) = match (first, last) {
        ("", suffix) => match suffix.parse::<u64>() {
            Ok(0) => (size, size),
            // A suffix of an empty object is satisfiable (RFC 9110, section 14.1.2), but no range can describe it.
            Ok(_) if size == 0 => return Ok(None),
            Ok(suffix) => (size.saturating_sub(suffix), size),
            Err(_) => return Ok(None),
        },
        (first, "") => match first.parse::<u64>() {
            Ok(first) => (first, size),
            Err(_) => return Ok(None),
        },
        (first, last) => match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(size)),
            _ => return Ok(None),
        },
    };
    if first < size {
        return Ok(Some(first..last));
    }
    let refusal =
        Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "The requested range is not satisfiable");
    Err(refusal.with("RangeRequested", header).with("ActualObjectSize", size.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clamped_ignored_or_refused() {
        let of_ten = |header: &str| range(Some(header), 10).map_err(|refusal| refusal.code());
        assert_eq!(of_ten("bytes=0-4"), Ok(Some(0..5)));
        assert_eq!(of_ten("bytes=8-99"), Ok(Some(8..10)));
        assert_eq!(of_ten("bytes=7-"), Ok(Some(7..10)));
        assert_eq!(of_ten("bytes=-3"), Ok(Some(7..10)));
        assert_eq!(of_ten("bytes=-30"), Ok(Some(0..10)));
        for refused in ["bytes=10-", "bytes=10-11", "bytes=-0"] {
            assert_eq!(of_ten(refused), Err("InvalidRange"), "{refused}");
        }
        for ignored in ["bytes=5-4", "bytes=a-b", "bytes=0-1,3-4", "items=0-1", "bytes="] {
            assert_eq!(of_ten(ignored), Ok(None), "{ignored}");
        }
        assert!(range(Some("bytes=0-0"), 0).is_err());
        assert_eq!(range(Some("bytes=-1"), 0), Ok(None));
    }
}
