//! Pages of objects.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;

use crate::{
    targets::Target,
    transcript::{Transcript, nothing},
};

const BUCKET: &str = "listing";
const KEYS: [&str; 9] = ["A", "a", "a/1", "a/2", "a/b/1", "b", "b/1", "c d", "é"];

/// Sends requests for pages of objects.
pub async fn case(target: &Target) -> Transcript {
    let (s3, mut said) = (&target.s3(), Transcript::default());
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let list = || s3.list_objects_v2().bucket(BUCKET);
    said.record("list: empty bucket", list().send().await, described);
    for key in KEYS {
        s3.put_object().bucket(BUCKET).key(key).body(key.as_bytes().to_vec().into()).send().await.unwrap();
    }
    said.record("list", list().send().await, described);
    said.record("list: prefix", list().prefix("a/").send().await, described);
    said.record("list: prefix without keys", list().prefix("z").send().await, described);
    said.record("list: delimiter", list().delimiter("/").send().await, described);
    said.record("list: prefix and delimiter", list().prefix("a/").delimiter("/").send().await, described);
    said.record("list: long delimiter", list().delimiter("/b/").send().await, described);
    said.record("list: start after", list().start_after("a/2").send().await, described);
    said.record("list: start after a missing key", list().start_after("a/3").send().await, described);
    said.record("list: start after and prefix", list().prefix("a/").start_after("a/1").send().await, described);
    said.record("list: start before the prefix", list().prefix("b").start_after("a").send().await, described);
    said.record("list: max-keys 0", list().max_keys(0).send().await, described);
    said.record("list: max-keys 9", list().max_keys(9).send().await, described);
    said.record("list: max-keys 5,000", list().max_keys(5_000).send().await, described);
    said.record("list: invalid token", list().continuation_token("none").send().await, nothing);
    for (name, delimiter, size) in [("pages of 2", None, 2), ("pages of 1 with delimiter", Some("/"), 1)] {
        let (mut next, mut page) = (None, 0);
        loop {
            let list = list().set_delimiter(delimiter.map(str::to_owned)).max_keys(size).set_continuation_token(next);
            let sent = list.send().await;
            next = sent.as_ref().ok().and_then(|listed| listed.next_continuation_token.clone());
            page += 1;
            said.record(&format!("list: {name}, page {page}"), sent, described);
            if next.is_none() {
                break;
            }
        }
    }
    said
}

fn described(listed: &ListObjectsV2Output) -> String {
    let objects: Vec<_> =
        listed.contents().iter().map(|object| (object.key().unwrap(), object.size().unwrap())).collect();
    let prefixes: Vec<_> = listed.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap()).collect();
    let complete = listed
        .contents()
        .iter()
        .all(|object| object.e_tag().is_some_and(|etag| etag.starts_with('"')) && object.last_modified().is_some());
    format!(
        "{objects:?} {prefixes:?} {complete} {:?} {:?} {:?} {}",
        listed.key_count(),
        listed.max_keys(),
        listed.is_truncated(),
        listed.next_continuation_token().is_some()
    )
}
