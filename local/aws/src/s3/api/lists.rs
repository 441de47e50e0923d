//! Both versions of ListObjects.

#![allow(clippy::wildcard_imports, reason = "every call of S3 has two types of its own; test builds do not lint this")]

use s3s::{S3Result, dto::*, s3_error};

use super::super::{
    Api,
    listing::{Page, max_keys},
};

impl Api {
    /// Returns a page of a bucket's keys after a marker.
    pub(super) fn list(&self, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
        let (prefix, max) = (input.prefix.unwrap_or_default(), max_keys(input.max_keys));
        let index = self.0.store.index();
        let bucket = index.bucket(&input.bucket)?;
        let page = Page::of(bucket, &prefix, input.delimiter.as_deref(), input.marker.as_deref(), max);
        Ok(ListObjectsOutput {
            name: Some(input.bucket),
            contents: Some(page.contents()),
            common_prefixes: Some(page.common_prefixes()),
            is_truncated: Some(page.next.is_some()),
            next_marker: page.next,
            prefix: Some(prefix),
            delimiter: input.delimiter,
            marker: input.marker,
            max_keys: Some(max),
            ..ListObjectsOutput::default()
        })
    }

    /// Returns a page of a bucket's keys after a continuation token.
    pub(super) fn list_v2(&self, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
        let (prefix, max) = (input.prefix.unwrap_or_default(), max_keys(input.max_keys));
        let index = self.0.store.index();
        let bucket = index.bucket(&input.bucket)?;
        let token = match &input.continuation_token {
            Some(token) => Some(
                hex::decode(token)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))?,
            ),
            None => None,
        };
        let after = token.as_deref().or(input.start_after.as_deref());
        let page = Page::of(bucket, &prefix, input.delimiter.as_deref(), after, max);
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            contents: Some(page.contents()),
            common_prefixes: Some(page.common_prefixes()),
            key_count: Some(page.len()),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.map(hex::encode),
            continuation_token: input.continuation_token,
            prefix: Some(prefix),
            delimiter: input.delimiter,
            start_after: input.start_after,
            max_keys: Some(max),
            ..ListObjectsV2Output::default()
        })
    }
}
