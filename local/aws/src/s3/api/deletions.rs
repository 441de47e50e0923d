//! Deletions of objects and versions.

#![allow(clippy::wildcard_imports, reason = "every call of S3 has two types of its own; test builds do not lint this")]

use s3s::{S3ErrorCode, S3Result, dto::*, s3_error};

use super::super::{Api, conditions, version};
use crate::sqs;

/// S3: at most 1,000 keys per request.
const MAX_DELETE: usize = 1000;

impl Api {
    /// Deletes the current object of a key, or a version for good.
    pub(super) fn delete(&self, input: &DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
        let (key, version) = (&input.key, input.version_id.as_deref());
        let deletion = self.0.store.delete(&input.bucket, key, version, sqs::now_ms(), |current| {
            conditions::for_write(key, input.if_match.as_ref(), None, current)
        })?;
        Ok(DeleteObjectOutput {
            delete_marker: deletion.marker.then_some(true),
            version_id: deletion.version,
            ..DeleteObjectOutput::default()
        })
    }

    /// Deletes each of the keys or versions. The response has status 200 and lists the failures.
    pub(super) fn delete_many(&self, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
        let Delete { objects, quiet } = input.delete;
        if objects.len() > MAX_DELETE {
            return Err(s3_error!(MalformedXML, "More than 1000 keys."));
        }
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for ObjectIdentifier { key, version_id, e_tag, .. } in objects {
            let condition = e_tag.map(ETagCondition::ETag);
            let result = self.0.store.delete(&input.bucket, &key, version_id.as_deref(), sqs::now_ms(), |current| {
                conditions::for_write(&key, condition.as_ref(), None, current)
            });
            // S3 names an id that is none like the id of a missing version here, and only here.
            let result = match (result, &version_id) {
                (Err(error), Some(id)) if *error.code() == S3ErrorCode::InvalidArgument => {
                    Err(version::no_such_version(&key, id))
                }
                (result, _) => result,
            };
            match result {
                Ok(deletion) => deleted.push(DeletedObject {
                    key: Some(key),
                    version_id,
                    delete_marker: deletion.marker.then_some(true),
                    delete_marker_version_id: deletion.version.filter(|_| deletion.marker),
                }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(key),
                    message: error.message().map(str::to_owned),
                    version_id,
                }),
            }
        }
        Ok(DeleteObjectsOutput {
            deleted: (!quiet.unwrap_or(false)).then_some(deleted),
            errors: (!errors.is_empty()).then_some(errors),
            ..DeleteObjectsOutput::default()
        })
    }
}
