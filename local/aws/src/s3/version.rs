//! Version ids, and the errors of S3 about versions.

use std::time::{SystemTime, UNIX_EPOCH};

use s3s::{S3Error, s3_error};
use uuid::Uuid;

use super::members;

/// The version id of an object that was written while versioning was not enabled.
pub(super) const NULL: &str = "null";

/// The length of a version id. S3's ids have as many characters.
const ID_LENGTH: usize = 32;
/// The length of the sequence at the start of a version id, in hexadecimal digits.
const SEQUENCE_LENGTH: usize = 16;

/// Returns a number for a new version of a key that is greater than those before: the time in microseconds, if the
/// clock has not been set back.
pub(super) fn next_sequence(newest: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros());
    u64::try_from(now).unwrap_or(u64::MAX).max(newest + 1)
}

/// Returns a new version id. The id tells the order of the versions of its key, also after its version was removed: a
/// list continues after the last version of a page.
pub(super) fn new_id(sequence: u64) -> String {
    let random = Uuid::new_v4().simple().to_string();
    format!("{sequence:016x}{}", &random[SEQUENCE_LENGTH..])
}

/// Returns whether a text has the form of a version id.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the sequence of the version with this id.
pub(super) fn sequence(id: &str) -> Option<u64> {
    is_id(id).then(|| u64::from_str_radix(&id[..SEQUENCE_LENGTH], 16).ok()).flatten()
}

/// Returns the error for a key without this version.
pub(super) fn no_such_version(key: &str, id: &str) -> S3Error {
    let error = s3_error!(NoSuchVersion, "The specified version does not exist.");
    members::with(members::with(error, "Key", key), "VersionId", id)
}

/// Returns the error with the headers that name a delete marker.
pub(super) fn of_marker(error: S3Error, id: &str) -> S3Error {
    let error = members::with_header(error, "x-amz-delete-marker", "true");
    members::with_header(error, "x-amz-version-id", id)
}

/// Returns the error of a read of a delete marker by its id.
pub(super) fn not_allowed_on_marker(id: &str) -> S3Error {
    let error = s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource.");
    let error = members::with(error, "ResourceType", "DeleteMarker");
    members::with_header(of_marker(error, id), "allow", "DELETE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_the_order_of_versions() {
        let first = next_sequence(0);
        let second = next_sequence(first);
        assert!(first < second);
        let id = new_id(second);
        assert_eq!((is_id(&id), sequence(&id)), (true, Some(second)));
        assert_eq!((is_id(NULL), sequence("g".repeat(32).as_str())), (false, None));
    }
}
