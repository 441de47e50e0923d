//! The preconditions `If-Match` and `If-None-Match`, and their variants for copies, by S3's rules.

use s3s::{S3Result, dto::ETagCondition, s3_error};

use super::{members, object::Object};

/// Returns an error unless an object may be written under `key`, where `old` is now.
pub(super) fn for_write(
    key: &str,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    old: Option<&Object>,
) -> S3Result<()> {
    match if_none_match {
        Some(ETagCondition::Any) if old.is_some() => return Err(failed("If-None-Match")),
        // S3: `If-None-Match` of a write accepts only `*`.
        Some(ETagCondition::ETag(_)) => return Err(s3_error!(NotImplemented, "If-None-Match of a write takes only *")),
        _ => {}
    }
    match (if_match, old) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(no_such_key(key)),
        (Some(condition), Some(old)) if holds(condition, old) => Ok(()),
        (Some(_), Some(_)) => Err(failed("If-Match")),
    }
}

/// Returns an error unless `object` may be read.
pub(super) fn for_read(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    object: &Object,
) -> S3Result<()> {
    if if_match.is_some_and(|condition| !holds(condition, object)) {
        return Err(failed("If-Match"));
    }
    if if_none_match.is_some_and(|condition| holds(condition, object)) {
        return Err(s3_error!(NotModified, "Not Modified"));
    }
    Ok(())
}

/// Returns an error unless `object` may be copied.
pub(super) fn for_copy(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
    object: &Object,
) -> S3Result<()> {
    if if_match.is_some_and(|condition| !holds(condition, object)) {
        return Err(failed("x-amz-copy-source-If-Match"));
    }
    if if_none_match.is_some_and(|condition| holds(condition, object)) {
        return Err(failed("x-amz-copy-source-If-None-Match"));
    }
    Ok(())
}

/// Returns the error for a key without an object.
pub(super) fn no_such_key(key: &str) -> s3s::S3Error {
    members::with(s3_error!(NoSuchKey, "The specified key does not exist."), "Key", key)
}

fn holds(condition: &ETagCondition, object: &Object) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(e_tag) => e_tag.value() == object.record.e_tag,
    }
}

fn failed(condition: &str) -> s3s::S3Error {
    let error = s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold");
    members::with(error, "Condition", condition)
}
