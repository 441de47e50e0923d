//! The versioning of a bucket, and its list of versions.

#![allow(clippy::wildcard_imports, reason = "every call of S3 has two types of its own; test builds do not lint this")]

use s3s::{S3Result, dto::*, s3_error};

use super::super::{
    Api,
    bucket::Versioning,
    listing::{VersionPage, max_keys},
};

impl Api {
    /// Enables or suspends the versions of a bucket.
    pub(super) fn set_versioning(&self, input: &PutBucketVersioningInput) -> S3Result<PutBucketVersioningOutput> {
        let configuration = &input.versioning_configuration;
        if configuration.mfa_delete.as_ref().is_some_and(|told| told.as_str() == MFADelete::ENABLED) {
            return Err(s3_error!(NotImplemented, "MFA Delete is not kept here."));
        }
        let versioning = match configuration.status.as_ref().map(BucketVersioningStatus::as_str) {
            Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
            Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
            Some(_) => return Err(s3_error!(MalformedXML, "The status of versioning is Enabled or Suspended.")),
            None => {
                return Err(s3_error!(
                    IllegalVersioningConfigurationException,
                    "The Versioning element must be specified"
                ));
            }
        };
        self.0.store.configure(&input.bucket, |record| record.versioning = versioning)?;
        Ok(PutBucketVersioningOutput::default())
    }

    /// Returns whether a bucket keeps versions.
    pub(super) fn versioning(&self, bucket: &str) -> S3Result<GetBucketVersioningOutput> {
        let status = match self.0.store.index().bucket(bucket)?.record.versioning {
            Versioning::Never => None,
            Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
            Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
        };
        let status = status.map(BucketVersioningStatus::from_static);
        Ok(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() })
    }

    /// Returns a page of a bucket's versions after a key, or after a version of a key.
    pub(super) fn list_versions(&self, input: ListObjectVersionsInput) -> S3Result<ListObjectVersionsOutput> {
        let (prefix, max) = (input.prefix.unwrap_or_default(), max_keys(input.max_keys));
        let (key_marker, version_marker) = (input.key_marker.as_deref(), input.version_id_marker.as_deref());
        let version_marker = version_marker.filter(|id| !id.is_empty());
        let index = self.0.store.index();
        let bucket = index.bucket(&input.bucket)?;
        if let Some(id) = version_marker {
            if key_marker.is_none() {
                return Err(s3_error!(
                    InvalidArgument,
                    "A version-id marker cannot be specified without a key marker."
                ));
            }
            bucket.check_version(id)?;
        }
        let after = key_marker.filter(|key| !key.is_empty()).map(|key| (key, version_marker));
        let page = VersionPage::of(bucket, &prefix, input.delimiter.as_deref(), after, max);
        let (next_key_marker, next_version_id_marker) = page.next.clone().unzip();
        Ok(ListObjectVersionsOutput {
            name: Some(input.bucket),
            versions: Some(page.versions()),
            delete_markers: Some(page.delete_markers()),
            common_prefixes: Some(page.common_prefixes()),
            is_truncated: Some(page.next.is_some()),
            next_key_marker,
            next_version_id_marker: next_version_id_marker.flatten(),
            prefix: Some(prefix),
            delimiter: input.delimiter,
            key_marker: input.key_marker.or_else(|| Some(String::new())),
            version_id_marker: input.version_id_marker.or_else(|| Some(String::new())),
            max_keys: Some(max),
            ..ListObjectVersionsOutput::default()
        })
    }
}
