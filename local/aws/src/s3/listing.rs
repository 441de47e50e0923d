//! Pages of keys, for both versions of ListObjects, and of versions.

mod versions;

use std::{ops::Bound, sync::Arc};

use s3s::dto;

pub(super) use self::versions::VersionPage;
use super::{
    bucket::{Bucket, current},
    object::Object,
};

/// S3: at most 1,000 keys per page.
const MAX_KEYS: i32 = 1000;

/// A page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub objects: Vec<Arc<Object>>,
    /// Prefixes up to the delimiter. Each represents all keys that begin with it.
    pub prefixes: Vec<String>,
    /// The key or prefix after which the next page starts, if there is one.
    pub next: Option<String>,
}

impl Page {
    /// Returns the page of keys with `prefix` after `after`, in byte order. Keys without a current object are left out.
    pub fn of(bucket: &Bucket, prefix: &str, delimiter: Option<&str>, after: Option<&str>, max_keys: i32) -> Self {
        let max = usize::try_from(max_keys.clamp(0, MAX_KEYS)).unwrap_or_default();
        let mut page = Self::default();
        let mut last: Option<String> = None;
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        for (key, versions) in bucket.keys.range::<str, _>((start, Bound::Unbounded)) {
            let Some(rest) = key.strip_prefix(prefix) else { break };
            let Some(object) = current(versions) else { continue };
            let group = group(key, rest, delimiter);
            if let Some(group) = &group
                && (page.prefixes.last() == Some(group) || after.is_some_and(|after| after.starts_with(group.as_str())))
            {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == max {
                page.next = last;
                break;
            }
            last = Some(group.clone().unwrap_or_else(|| key.clone()));
            match group {
                Some(group) => page.prefixes.push(group),
                None => page.objects.push(object.clone()),
            }
        }
        page
    }

    pub fn contents(&self) -> Vec<dto::Object> {
        self.objects
            .iter()
            .map(|object| dto::Object {
                e_tag: Some(object.e_tag()),
                key: Some(object.key.clone()),
                last_modified: Some(object.modified()),
                size: i64::try_from(object.size()).ok(),
                storage_class: Some(dto::ObjectStorageClass::from_static(dto::ObjectStorageClass::STANDARD)),
                ..dto::Object::default()
            })
            .collect()
    }

    pub fn common_prefixes(&self) -> Vec<dto::CommonPrefix> {
        self.prefixes.iter().map(|prefix| dto::CommonPrefix { prefix: Some(prefix.clone()) }).collect()
    }

    pub fn len(&self) -> i32 {
        i32::try_from(self.objects.len() + self.prefixes.len()).unwrap_or(i32::MAX)
    }
}

/// Returns the prefix of a key up to the first delimiter in `rest`, its end.
fn group(key: &str, rest: &str, delimiter: Option<&str>) -> Option<String> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let end = rest.find(delimiter)? + delimiter.len();
    Some(key[..key.len() - rest.len() + end].to_owned())
}

pub(super) fn max_keys(asked: Option<i32>) -> i32 {
    asked.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::object::Record;

    #[test]
    fn pages_join_to_the_whole_listing() {
        let keys = ["a", "a/b", "a/c", "b/x", "b/y", "c"];
        let mut bucket = Bucket::default();
        for key in keys {
            let object = Object { key: key.to_owned(), segments: Vec::new(), record: Record::default() };
            bucket.insert(Arc::new(object));
        }
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = Page::of(&bucket, "", Some("/"), after.as_deref(), 1);
            seen.extend(page.prefixes);
            seen.extend(page.objects.iter().map(|object| object.key.clone()));
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        assert_eq!(seen, ["a", "a/", "b/", "c"]);
        assert_eq!(Page::of(&bucket, "a/", None, None, 1000).len(), 2);
    }
}
