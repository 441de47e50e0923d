//! Versions of objects.

use aws_sdk_s3::{
    config::http::HttpResponse,
    operation::{
        delete_object::DeleteObjectOutput, list_object_versions::ListObjectVersionsOutput,
        put_bucket_versioning::builders::PutBucketVersioningFluentBuilder,
    },
    primitives::ByteStream,
    types::{
        BucketVersioningStatus, ChecksumAlgorithm, ChecksumMode, ChecksumType, Delete, MetadataDirective,
        ObjectIdentifier, TaggingDirective, VersioningConfiguration,
    },
};

use super::{Bed, bytes, crc32};

/// A version id that no version has.
const UNKNOWN: &str = "00000000000000000000000000000000";

fn versioning(bed: &Bed, status: BucketVersioningStatus) -> PutBucketVersioningFluentBuilder {
    let configuration = VersioningConfiguration::builder().status(status).build();
    bed.s3.put_bucket_versioning().bucket("photos").versioning_configuration(configuration)
}

async fn versioned() -> Bed {
    let bed = Bed::new().await;
    versioning(&bed, BucketVersioningStatus::Enabled).send().await.unwrap();
    bed
}

impl Bed {
    async fn put_version(&self, key: &str, bytes: &[u8]) -> String {
        let put = self.s3.put_object().bucket("photos").key(key).body(ByteStream::from(bytes.to_vec()));
        put.send().await.unwrap().version_id.unwrap()
    }

    async fn get_version(&self, key: &str, id: &str) -> Vec<u8> {
        let get = self.s3.get_object().bucket("photos").key(key).version_id(id).send().await.unwrap();
        assert_eq!(get.version_id(), Some(id));
        get.body.collect().await.unwrap().to_vec()
    }

    async fn delete(&self, key: &str, id: Option<&str>) -> DeleteObjectOutput {
        let delete = self.s3.delete_object().bucket("photos").key(key).set_version_id(id.map(str::to_owned));
        delete.send().await.unwrap()
    }

    async fn versions(&self) -> ListObjectVersionsOutput {
        self.s3.list_object_versions().bucket("photos").send().await.unwrap()
    }

    async fn keys(&self) -> Vec<String> {
        let listed = self.s3.list_objects_v2().bucket("photos").send().await.unwrap();
        listed.contents.unwrap_or_default().into_iter().map(|object| object.key.unwrap()).collect()
    }
}

fn described(listed: &ListObjectVersionsOutput) -> Vec<(&str, &str, bool)> {
    let versions = listed.versions().iter();
    versions.map(|it| (it.key().unwrap(), it.version_id().unwrap(), it.is_latest().unwrap())).collect()
}

fn marker_headers(response: Option<&HttpResponse>) -> (Option<&str>, Option<&str>) {
    let headers = response.unwrap().headers();
    (headers.get("x-amz-delete-marker"), headers.get("x-amz-version-id"))
}

#[tokio::test]
async fn versioning_is_off_until_it_is_enabled() {
    let bed = Bed::new().await;
    let status = async || {
        let versioning = bed.s3.get_bucket_versioning().bucket("photos").send().await.unwrap();
        versioning.status
    };
    assert_eq!(status().await, None);
    let put = bed.s3.put_object().bucket("photos").key("a").body(ByteStream::from_static(b"x")).send().await.unwrap();
    assert_eq!(put.version_id(), None);
    assert_eq!(bed.s3.head_object().bucket("photos").key("a").send().await.unwrap().version_id(), None);
    let by_id = |id: &str| bed.s3.get_object().bucket("photos").key("a").version_id(id).send();
    assert_eq!(refused!(by_id(UNKNOWN)), ("InvalidArgument".to_owned(), 400));
    by_id("null").await.unwrap();
    let deleted = bed.delete("a", None).await;
    assert_eq!((deleted.version_id(), deleted.delete_marker()), (None, None));
    assert!(bed.versions().await.versions().is_empty());
    for wanted in [BucketVersioningStatus::Enabled, BucketVersioningStatus::Suspended] {
        versioning(&bed, wanted.clone()).send().await.unwrap();
        assert_eq!(status().await, Some(wanted));
    }
    let none = versioning(&bed, BucketVersioningStatus::from("Off"));
    assert_eq!(refused!(none.send()), ("MalformedXML".to_owned(), 400));
}

#[tokio::test]
async fn each_write_makes_a_version() {
    let bed = Bed::new().await;
    bed.put("a", b"before").await;
    versioning(&bed, BucketVersioningStatus::Enabled).send().await.unwrap();
    let put = bed.put_version("a", b"put").await;
    let copy = bed.s3.copy_object().bucket("photos").key("a");
    let copied = copy.copy_source("photos/a?versionId=null").send().await.unwrap();
    assert_eq!(copied.copy_source_version_id(), None);
    let copied = copied.version_id.unwrap();
    let id = bed.begin("a").await;
    let part = bed.part("a", &id, 1, b"part").await;
    let completed = bed.complete("a", &id, vec![part]).send().await.unwrap().version_id.unwrap();
    let copied_part = bed.s3.upload_part_copy().bucket("photos").key("b").upload_id(bed.begin("b").await);
    let copied_part = copied_part.part_number(1).copy_source(format!("photos/a?versionId={put}")).send().await.unwrap();
    assert_eq!(copied_part.copy_source_version_id(), Some(put.as_str()));
    assert_eq!(copied_part.copy_part_result().unwrap().checksum_crc32(), Some(crc32(b"put").as_str()));

    let bed = bed.restart().await;
    assert_eq!(bed.get("a").await, b"part");
    for (version, content) in
        [(put.as_str(), &b"put"[..]), (&copied, b"before"), (&completed, b"part"), ("null", b"before")]
    {
        assert_eq!(bed.get_version("a", version).await, content);
    }
    let listed = bed.versions().await;
    let expected = [("a", completed.as_str(), true), ("a", &copied, false), ("a", &put, false), ("a", "null", false)];
    assert_eq!(described(&listed), expected);
    let head = bed.s3.head_object().bucket("photos").key("a").send().await.unwrap();
    assert_eq!(head.version_id(), Some(completed.as_str()));
}

#[tokio::test]
async fn delete_marker_hides_the_key_until_removed() {
    let bed = versioned().await;
    let first = bed.put_version("a", b"one").await;
    bed.put_version("b", b"x").await;
    let deleted = bed.delete("a", None).await;
    assert_eq!(deleted.delete_marker(), Some(true));
    let marker = deleted.version_id.unwrap();

    let bed = bed.restart().await;
    let get = || bed.s3.get_object().bucket("photos").key("a");
    let error = get().send().await.unwrap_err();
    assert_eq!(marker_headers(error.raw_response()), (Some("true"), Some(marker.as_str())));
    assert_eq!(refused!(get().send()), ("NoSuchKey".to_owned(), 404));
    let head = bed.s3.head_object().bucket("photos").key("a").send().await.unwrap_err();
    assert_eq!(head.raw_response().unwrap().status().as_u16(), 404);
    assert_eq!(marker_headers(head.raw_response()), (Some("true"), Some(marker.as_str())));
    let error = get().version_id(&marker).send().await.unwrap_err();
    assert_eq!(marker_headers(error.raw_response()), (Some("true"), Some(marker.as_str())));
    assert_eq!(error.raw_response().unwrap().headers().get("allow"), Some("DELETE"));
    assert_eq!(refused!(get().version_id(&marker).send()), ("MethodNotAllowed".to_owned(), 405));
    let copy = |source: String| bed.s3.copy_object().bucket("photos").key("c").copy_source(source).send();
    assert_eq!(refused!(copy("photos/a".to_owned())), ("NoSuchKey".to_owned(), 404));
    assert_eq!(refused!(copy(format!("photos/a?versionId={marker}"))), ("InvalidRequest".to_owned(), 400));
    assert_eq!(bed.get_version("a", &first).await, b"one");
    assert_eq!(bed.keys().await, ["b"]);
    let listed = bed.versions().await;
    let markers = listed.delete_markers();
    assert_eq!(
        (markers.len(), markers[0].is_latest(), markers[0].version_id()),
        (1, Some(true), Some(marker.as_str()))
    );

    let removed = bed.delete("a", Some(&marker)).await;
    assert_eq!((removed.delete_marker(), removed.version_id()), (Some(true), Some(marker.as_str())));
    assert_eq!(bed.get("a").await, b"one");
    assert_eq!(bed.keys().await, ["a", "b"]);
}

#[tokio::test]
async fn removed_version_is_gone_for_good() {
    let bed = versioned().await;
    let (first, second) = (bed.put_version("a", b"one").await, bed.put_version("a", b"two").await);
    for _ in 0..2 {
        let removed = bed.delete("a", Some(&second)).await;
        assert_eq!((removed.delete_marker(), removed.version_id()), (None, Some(second.as_str())));
    }
    assert_eq!(bed.get("a").await, b"one");
    let bed = bed.restart().await;
    let get = |id: &str| bed.s3.get_object().bucket("photos").key("a").version_id(id).send();
    assert_eq!(refused!(get(&second)), ("NoSuchVersion".to_owned(), 404));
    assert_eq!(refused!(get("no-id")), ("InvalidArgument".to_owned(), 400));
    let delete = bed.s3.delete_object().bucket("photos").key("a").version_id("no-id");
    assert_eq!(refused!(delete.send()), ("InvalidArgument".to_owned(), 400));
    let source = format!("photos/a?versionId={second}");
    let copy = bed.s3.copy_object().bucket("photos").key("b").copy_source(source);
    assert_eq!(refused!(copy.send()), ("NoSuchVersion".to_owned(), 404));
    assert_eq!(refused!(bed.s3.delete_bucket().bucket("photos").send()).0, "BucketNotEmpty");
    bed.delete("a", Some(&first)).await;
    assert!(bed.versions().await.versions().is_empty());
    assert_eq!(std::fs::read_dir(bed.data.path().join("s3/blobs")).unwrap().count(), 0, "the bytes are removed too");
    bed.s3.delete_bucket().bucket("photos").send().await.unwrap();
}

#[tokio::test]
async fn many_versions_are_deleted_by_one_request() {
    let bed = versioned().await;
    let version = bed.put_version("a", b"one").await;
    bed.put_version("b", b"x").await;
    let marker = bed.delete("a", None).await.version_id.unwrap();
    let object = |key: &str, id: Option<&str>| {
        ObjectIdentifier::builder().key(key).set_version_id(id.map(str::to_owned)).build().unwrap()
    };
    let stale = ObjectIdentifier::builder().key("b").e_tag("\"0\"").build().unwrap();
    let objects = vec![
        object("a", Some(&version)),
        object("a", Some(&marker)),
        object("a", Some("no-id")),
        stale,
        object("b", None),
    ];
    let delete = Delete::builder().set_objects(Some(objects)).build().unwrap();
    let sent = bed.s3.delete_objects().bucket("photos").delete(delete).send().await.unwrap();
    let deleted: Vec<_> = sent
        .deleted()
        .iter()
        .map(|it| (it.key().unwrap(), it.version_id(), it.delete_marker(), it.delete_marker_version_id().is_some()))
        .collect();
    let expected = [
        ("a", Some(version.as_str()), None, false),
        ("a", Some(marker.as_str()), Some(true), true),
        ("b", None, Some(true), true),
    ];
    assert_eq!(deleted, expected);
    let errors: Vec<_> = sent.errors().iter().map(|it| (it.key().unwrap(), it.code().unwrap())).collect();
    assert_eq!(errors, [("a", "NoSuchVersion"), ("b", "PreconditionFailed")]);
    assert!(bed.keys().await.is_empty());
}

#[tokio::test]
async fn conditions_look_at_the_current_version() {
    let bed = versioned().await;
    let put = |key: &str| bed.s3.put_object().bucket("photos").key(key).body(ByteStream::from_static(b"x"));
    let e_tag = put("a").if_none_match("*").send().await.unwrap().e_tag.unwrap();
    assert_eq!(refused!(put("a").if_none_match("*").send()), ("PreconditionFailed".to_owned(), 412));
    let delete = || bed.s3.delete_object().bucket("photos").key("a");
    assert_eq!(refused!(delete().if_match("\"0\"").send()), ("PreconditionFailed".to_owned(), 412));
    delete().if_match(&e_tag).send().await.unwrap();
    assert_eq!(refused!(delete().if_match("*").send()), ("NoSuchKey".to_owned(), 404));
    assert_eq!(refused!(put("a").if_match(&e_tag).send()), ("NoSuchKey".to_owned(), 404));
    put("a").if_none_match("*").send().await.unwrap();
}

#[tokio::test]
async fn version_pages_continue_after_removed_versions() {
    let bed = versioned().await;
    let mut expected = Vec::new();
    for key in ["a", "a/b", "c"] {
        let mut versions = Vec::new();
        for seed in 0..3 {
            versions.insert(0, (key.to_owned(), bed.put_version(key, &bytes(seed, 10)).await));
        }
        expected.extend(versions);
    }
    let (mut seen, mut key, mut id) = (Vec::new(), None, None);
    loop {
        let list = bed.s3.list_object_versions().bucket("photos").max_keys(2);
        let page = list.set_key_marker(key).set_version_id_marker(id).send().await.unwrap();
        seen.extend(described(&page).into_iter().map(|(key, id, _)| (key.to_owned(), id.to_owned())));
        for (key, id, _) in described(&page) {
            bed.delete(key, Some(id)).await;
        }
        (key, id) = (page.next_key_marker, page.next_version_id_marker);
        if page.is_truncated != Some(true) {
            break;
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn version_lists_have_prefixes_and_markers() {
    let bed = versioned().await;
    for key in ["a/1", "a/1", "a/2", "b", "b"] {
        bed.put_version(key, b"x").await;
    }
    let list = || bed.s3.list_object_versions().bucket("photos");
    let keys = |listed: &ListObjectVersionsOutput| -> Vec<String> {
        described(listed).iter().map(|(key, ..)| (*key).to_owned()).collect()
    };
    assert_eq!(keys(&list().prefix("a/").send().await.unwrap()), ["a/1", "a/1", "a/2"]);
    assert_eq!(keys(&list().key_marker("a/1").send().await.unwrap()), ["a/2", "b", "b"]);
    let grouped = list().delimiter("/").max_keys(1).send().await.unwrap();
    assert_eq!(grouped.common_prefixes()[0].prefix(), Some("a/"));
    assert_eq!((grouped.next_key_marker(), grouped.next_version_id_marker()), (Some("a/"), None));
    assert_eq!(keys(&list().delimiter("/").key_marker("a/").send().await.unwrap()), ["b", "b"]);
    assert_eq!(refused!(list().version_id_marker(UNKNOWN).send()), ("InvalidArgument".to_owned(), 400));
    assert_eq!(refused!(list().key_marker("a").version_id_marker("no-id").send()).0, "InvalidArgument");
}

#[tokio::test]
async fn suspended_bucket_replaces_version_null() {
    let bed = versioned().await;
    let kept = bed.put_version("a", b"kept").await;
    versioning(&bed, BucketVersioningStatus::Suspended).send().await.unwrap();
    bed.put("a", b"one").await;
    bed.put("a", b"two").await;
    assert_eq!(described(&bed.versions().await), [("a", "null", true), ("a", kept.as_str(), false)]);
    assert_eq!(bed.get_version("a", "null").await, b"two");
    let deleted = bed.delete("a", None).await;
    assert_eq!((deleted.delete_marker(), deleted.version_id()), (Some(true), Some("null")));
    let bed = bed.restart().await;
    assert_eq!(refused!(bed.s3.get_object().bucket("photos").key("a").send()).1, 404);
    bed.delete("a", Some("null")).await;
    assert_eq!(bed.get("a").await, b"kept");
}

#[tokio::test]
async fn events_name_the_version() {
    let bed = versioned().await;
    bed.listen("events", "").await;
    let put = bed.put_version("a", b"x").await;
    let copy = bed.s3.copy_object().bucket("photos").key("b").copy_source("photos/a").send().await.unwrap();
    let id = bed.begin("c").await;
    let part = bed.part("c", &id, 1, b"x").await;
    let completed = bed.complete("c", &id, vec![part]).send().await.unwrap();
    let bodies = bed.bodies("events");
    let seen: Vec<_> =
        bodies[1..].iter().map(|body| body["Records"][0]["s3"]["object"]["versionId"].as_str()).collect();
    assert_eq!(seen, [Some(put.as_str()), copy.version_id(), completed.version_id()]);
}

#[tokio::test]
async fn copy_restores_or_replaces_an_object() {
    let bed = versioned().await;
    let put = bed.s3.put_object().bucket("photos").key("a").body(ByteStream::from_static(b"one"));
    let put = put.content_type("image/jpeg").metadata("k", "v").tagging("t=1").send().await.unwrap();
    let first = put.version_id.unwrap();
    bed.put_version("a", b"two").await;
    let copy = |source: &str| bed.s3.copy_object().bucket("photos").key("a").copy_source(source);
    assert_eq!(refused!(copy("photos/a").send()), ("InvalidRequest".to_owned(), 400));
    let restored = copy(&format!("photos/a?versionId={first}")).send().await.unwrap();
    assert_eq!(restored.copy_source_version_id(), Some(first.as_str()));
    assert_eq!(bed.get("a").await, b"one");
    let replace = copy("photos/a").metadata_directive(MetadataDirective::Replace).content_type("image/png");
    let replace = replace.tagging_directive(TaggingDirective::Replace).tagging("t=2").metadata("other", "w");
    replace.send().await.unwrap();
    let head = bed.s3.head_object().bucket("photos").key("a").send().await.unwrap();
    assert_eq!(head.content_type(), Some("image/png"));
    let metadata: Vec<_> = head.metadata().unwrap().iter().collect();
    assert_eq!(metadata, [(&"other".to_owned(), &"w".to_owned())]);
}

#[tokio::test]
async fn copy_keeps_the_algorithm_of_the_checksum() {
    let bed = Bed::new().await;
    let create = bed.s3.create_multipart_upload().bucket("photos").key("composite");
    let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.unwrap();
    let id = create.upload_id.unwrap();
    let part = bed.part("composite", &id, 1, b"part").await;
    let complete = bed.complete("composite", &id, vec![part]).checksum_type(ChecksumType::Composite);
    complete.send().await.unwrap();
    let put = bed.s3.put_object().bucket("photos").key("sha256").body(ByteStream::from_static(b"x"));
    put.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await.unwrap();
    let head = async |key: &str| {
        let head = bed.s3.head_object().bucket("photos").key(key).checksum_mode(ChecksumMode::Enabled);
        head.send().await.unwrap()
    };
    assert_eq!(head("composite").await.checksum_type(), Some(&ChecksumType::Composite));
    for source in ["composite", "sha256"] {
        let key = format!("{source}-copy");
        let copy = bed.s3.copy_object().bucket("photos").key(&key).copy_source(format!("photos/{source}"));
        let copy = copy.send().await.unwrap();
        let (result, head) = (copy.copy_object_result().unwrap(), head(&key).await);
        assert_eq!(
            (result.checksum_type(), head.checksum_type()),
            (Some(&ChecksumType::FullObject), Some(&ChecksumType::FullObject))
        );
        assert_eq!(
            (result.checksum_crc32(), result.checksum_sha256()),
            (head.checksum_crc32(), head.checksum_sha256())
        );
        assert_eq!(head.checksum_crc32().is_some(), source == "composite");
        assert_eq!(head.checksum_sha256().is_some(), source == "sha256");
    }
    assert_eq!(head("composite-copy").await.checksum_crc32(), Some(crc32(b"part").as_str()));
}

#[tokio::test]
async fn upload_without_checksum_gets_crc64nvme() {
    let bed = Bed::new().await;
    let config = aws_sdk_s3::presigning::PresigningConfig::expires_in(std::time::Duration::from_secs(60)).unwrap();
    let request = bed.s3.put_object().bucket("photos").key("a").presigned(config).await.unwrap();
    let put = reqwest::Client::new().put(request.uri()).body("123456789").send().await.unwrap();
    // The check value of the algorithm.
    assert_eq!(put.headers()["x-amz-checksum-crc64nvme"], "rosUhgp5mIg=");
    assert_eq!(put.headers()["x-amz-checksum-type"], "FULL_OBJECT");
    let copy = bed.s3.copy_object().bucket("photos").key("b").copy_source("photos/a").send().await.unwrap();
    assert_eq!(copy.copy_object_result().unwrap().checksum_crc64_nvme(), Some("rosUhgp5mIg="));
    let get = bed.s3.get_object().bucket("photos").key("b").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(get.checksum_crc64_nvme(), Some("rosUhgp5mIg="));
    assert_eq!(get.body.collect().await.unwrap().to_vec(), b"123456789");
}
