//! Versions of objects: writes, reads, copies, deletions, lists.

use std::fmt::Debug;

use aws_sdk_s3::{
    Client,
    error::SdkError,
    operation::{
        get_object::builders::GetObjectFluentBuilder, list_object_versions::ListObjectVersionsOutput,
        put_object::builders::PutObjectFluentBuilder,
    },
    primitives::ByteStream,
    types::{
        BucketVersioningStatus, ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
        Delete, MetadataDirective, ObjectIdentifier, TaggingDirective, VersioningConfiguration,
    },
};

use super::objects::read;
use crate::{
    targets::Target,
    transcript::{Transcript, nothing},
};

const BUCKET: &str = "versions";
/// Id that no version has.
const UNKNOWN: &str = "00000000000000000000000000000000";

/// Requests to a bucket, the responses, and the version ids in them.
struct Script<'a> {
    s3: &'a Client,
    said: Transcript,
    ids: Vec<String>,
}

impl Script<'_> {
    /// Returns a version id as the number of its first mention: each service has its own ids.
    fn name(&mut self, id: Option<&str>) -> String {
        let Some(id) = id else { return "none".to_owned() };
        if id == "null" {
            return id.to_owned();
        }
        let known = self.ids.iter().position(|known| known == id);
        let number = known.unwrap_or_else(|| {
            self.ids.push(id.to_owned());
            self.ids.len() - 1
        });
        format!("v{number}")
    }

    /// Records a response, with the headers about versions.
    fn record<T, E: Debug>(&mut self, check: &str, sent: Result<T, SdkError<E>>, describe: impl FnOnce(&T) -> String) {
        if let Err(error) = &sent {
            let raw = error.raw_response().unwrap();
            let header = |name: &str| raw.headers().get(name).map(str::to_owned);
            let (marker, allow) = (header("x-amz-delete-marker"), header("allow"));
            let version = self.name(header("x-amz-version-id").as_deref());
            self.said.note(&format!("{check}, headers"), format!("{marker:?} {version} {allow:?}"));
        }
        self.said.record(check, sent, describe);
    }

    async fn enable(&mut self, status: &str) {
        let configuration = VersioningConfiguration::builder().status(BucketVersioningStatus::from(status)).build();
        let put = self.s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(configuration);
        let sent = put.send().await;
        self.record(&format!("versioning: {status}"), sent, nothing);
        let got = self.s3.get_bucket_versioning().bucket(BUCKET).send().await;
        self.record(&format!("versioning: after {status}"), got, |got| format!("{:?}", got.status()));
    }

    fn put(&self, key: &str, text: &'static str) -> PutObjectFluentBuilder {
        self.s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(text.as_bytes()))
    }

    /// Writes an object, and returns its version id.
    async fn write(&mut self, check: &str, key: &str, text: &'static str) -> Option<String> {
        let sent = self.put(key, text).send().await;
        let id = sent.as_ref().ok().and_then(|put| put.version_id.clone());
        let name = self.name(id.as_deref());
        self.record(check, sent, |_| name);
        id
    }

    fn get(&self, key: &str, id: Option<&str>) -> GetObjectFluentBuilder {
        self.s3.get_object().bucket(BUCKET).key(key).set_version_id(id.map(str::to_owned))
    }

    async fn read(&mut self, check: &str, key: &str, id: Option<&str>) {
        let sent = self.get(key, id).send().await;
        let name = sent.as_ref().map(|got| got.version_id.clone()).unwrap_or_default();
        let name = self.name(name.as_deref());
        let text = read(sent).await;
        self.record(&format!("{check}: get"), text, |text| format!("{text} {name}"));
        let head = self.s3.head_object().bucket(BUCKET).key(key).set_version_id(id.map(str::to_owned)).send().await;
        let name = head.as_ref().map(|head| head.version_id.clone()).unwrap_or_default();
        let name = self.name(name.as_deref());
        self.record(&format!("{check}: head"), head, |head| format!("{:?} {name}", head.content_length()));
    }

    /// Deletes a key or a version, and returns the version id of the response.
    async fn delete(&mut self, check: &str, key: &str, id: Option<&str>, if_match: Option<&str>) -> Option<String> {
        let delete = self.s3.delete_object().bucket(BUCKET).key(key).set_version_id(id.map(str::to_owned));
        let sent = delete.set_if_match(if_match.map(str::to_owned)).send().await;
        let id = sent.as_ref().ok().and_then(|deleted| deleted.version_id.clone());
        let name = self.name(id.as_deref());
        self.record(check, sent, |deleted| format!("{:?} {name}", deleted.delete_marker()));
        id
    }

    async fn copy(&mut self, check: &str, source: &str, id: Option<&str>, to: &str) -> Option<String> {
        let version = id.map(|id| format!("?versionId={id}")).unwrap_or_default();
        let copy = self.s3.copy_object().bucket(BUCKET).key(to).copy_source(format!("{BUCKET}/{source}{version}"));
        let sent = copy.send().await;
        let ids = sent.as_ref().map(|copied| (copied.version_id.clone(), copied.copy_source_version_id.clone()));
        let (id, of) = ids.unwrap_or_default();
        let names = format!("{} of {}", self.name(id.as_deref()), self.name(of.as_deref()));
        self.record(check, sent, |_| names);
        id
    }

    fn listed(&mut self, check: &str, sent: Result<ListObjectVersionsOutput, impl Debug>) -> ListObjectVersionsOutput {
        let listed = sent.unwrap();
        let mut words = Vec::new();
        for version in listed.versions() {
            let id = self.name(version.version_id());
            words.push(format!("{} {id} {:?} {:?}", version.key().unwrap(), version.is_latest(), version.size()));
        }
        for marker in listed.delete_markers() {
            let id = self.name(marker.version_id());
            words.push(format!("marker {} {id} {:?}", marker.key().unwrap(), marker.is_latest()));
        }
        let next = self.name(listed.next_version_id_marker());
        let prefixes: Vec<_> = listed.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap()).collect();
        words.push(format!("{prefixes:?} {:?} {:?} {next}", listed.is_truncated(), listed.next_key_marker()));
        self.said.note(check, words.join("; "));
        listed
    }

    async fn list(&mut self, check: &str) {
        let sent = self.s3.list_object_versions().bucket(BUCKET).send().await;
        self.listed(check, sent);
        let current = self.s3.list_objects_v2().bucket(BUCKET).send().await;
        self.record(&format!("{check}, current"), current, |listed| {
            format!("{:?}", listed.contents().iter().map(|object| object.key()).collect::<Vec<_>>())
        });
    }
}

/// Sends requests for versions.
pub async fn case(target: &Target) -> Transcript {
    let s3 = &target.s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let mut script = Script { s3, said: Transcript::default(), ids: Vec::new() };
    unversioned(&mut script).await;
    script.enable("Enabled").await;
    script.enable("Off").await;
    let first = writes(&mut script).await;
    copies(&mut script, &first).await;
    deletions(&mut script, &first).await;
    conditions(&mut script).await;
    many(&mut script).await;
    lists(&mut script).await;
    checksums(&mut script).await;
    script.enable("Suspended").await;
    suspended(&mut script).await;
    script.said
}

async fn unversioned(script: &mut Script<'_>) {
    let got = script.s3.get_bucket_versioning().bucket(BUCKET).send().await;
    script.record("versioning: before", got, |got| format!("{:?}", got.status()));
    script.write("unversioned: put", "a", "before").await;
    script.read("unversioned", "a", None).await;
    script.read("unversioned: null", "a", Some("null")).await;
    script.read("unversioned: unknown id", "a", Some(UNKNOWN)).await;
    script.write("unversioned: put another", "gone", "x").await;
    script.delete("unversioned: delete", "gone", None, None).await;
    script.list("unversioned: list").await;
}

async fn writes(script: &mut Script<'_>) -> String {
    let first = script.write("put", "a", "one").await.unwrap();
    script.write("put again", "a", "two").await;
    script.read("current", "a", None).await;
    script.read("first", "a", Some(&first)).await;
    script.read("null", "a", Some("null")).await;
    script.read("unknown id", "a", Some(UNKNOWN)).await;
    script.read("malformed id", "a", Some("no-id")).await;
    script.read("id of a missing key", "none", Some(&first)).await;
    first
}

async fn copies(script: &mut Script<'_>, first: &str) {
    script.copy("copy", "a", None, "copy").await;
    script.copy("copy: version", "a", Some(first), "copy").await;
    script.copy("copy: null", "a", Some("null"), "copy").await;
    script.copy("copy: unknown id", "a", Some(UNKNOWN), "copy").await;
    script.copy("copy: to itself", "a", None, "a").await;
    script.copy("copy: restores a version", "a", Some(first), "a").await;
    script.read("copy: restored", "a", None).await;
    let replace = script.s3.copy_object().bucket(BUCKET).key("copy").copy_source(format!("{BUCKET}/a"));
    let replace = replace.metadata_directive(MetadataDirective::Replace).content_type("a/b").metadata("k", "v");
    let sent = replace.tagging_directive(TaggingDirective::Replace).send().await;
    script.record("copy: replace", sent, nothing);
    script.read("copy: replaced", "copy", None).await;

    let id = script.s3.create_multipart_upload().bucket(BUCKET).key("zip").send().await.unwrap().upload_id.unwrap();
    let part = |source: String| {
        let part = script.s3.upload_part_copy().bucket(BUCKET).key("zip").upload_id(&id).part_number(1);
        part.copy_source(source).send()
    };
    let unknown = part(format!("{BUCKET}/a?versionId={UNKNOWN}")).await;
    let sent = part(format!("{BUCKET}/a?versionId={first}")).await;
    script.record("part copy: unknown id", unknown, nothing);
    let copied = sent.as_ref().unwrap();
    let etag = copied.copy_part_result().unwrap().e_tag().unwrap().to_owned();
    let name = script.name(copied.copy_source_version_id.clone().as_deref());
    script.record("part copy: version", sent, |_| name);
    let part = CompletedPart::builder().part_number(1).e_tag(etag).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = script.s3.complete_multipart_upload().bucket(BUCKET).key("zip").upload_id(id);
    let sent = complete.multipart_upload(parts).send().await;
    let name = sent.as_ref().ok().and_then(|done| done.version_id.clone());
    let name = script.name(name.as_deref());
    script.record("complete", sent, |_| name);
    script.read("complete", "zip", None).await;
}

async fn deletions(script: &mut Script<'_>, first: &str) {
    let marker = script.delete("delete", "a", None, None).await.unwrap();
    script.read("deleted", "a", None).await;
    script.read("deleted: first", "a", Some(first)).await;
    script.read("marker", "a", Some(&marker)).await;
    script.copy("copy: deleted", "a", None, "copy").await;
    script.copy("copy: marker", "a", Some(&marker), "copy").await;
    let second = script.delete("delete again", "a", None, None).await.unwrap();
    script.delete("delete: missing key", "none", None, None).await;
    script.list("delete: list").await;
    script.delete("delete: marker", "a", Some(&second), None).await;
    script.delete("delete: first marker", "a", Some(&marker), None).await;
    script.read("undeleted", "a", None).await;
    script.delete("delete: version", "a", Some(first), None).await;
    script.delete("delete: version again", "a", Some(first), None).await;
    script.delete("delete: null", "a", Some("null"), None).await;
    script.delete("delete: malformed id", "a", Some("no-id"), None).await;
    script.read("removed", "a", Some(first)).await;
}

async fn conditions(script: &mut Script<'_>) {
    let etag = script.put("if", "one").send().await.unwrap().e_tag.unwrap();
    let sent = script.put("if", "two").if_none_match("*").send().await;
    script.record("put: If-None-Match, current", sent, nothing);
    script.delete("delete: If-Match, stale", "if", None, Some("\"0\"")).await;
    script.delete("delete: If-Match", "if", None, Some(&etag)).await;
    script.delete("delete: If-Match *, deleted", "if", None, Some("*")).await;
    let sent = script.put("if", "two").if_match(&etag).send().await;
    script.record("put: If-Match, deleted", sent, nothing);
    let sent = script.put("if", "two").if_none_match("*").send().await;
    script.record("put: If-None-Match, deleted", sent, nothing);
    let sent = script.get("if", None).if_match(etag).send().await;
    script.record("get: If-Match, older", sent, nothing);
}

async fn many(script: &mut Script<'_>) {
    let version = script.write("many: put", "many", "x").await.unwrap();
    let marker = script.delete("many: delete", "many", None, None).await.unwrap();
    let object = |key: &str, id: Option<&str>, etag: Option<&str>| {
        let object = ObjectIdentifier::builder().key(key).set_version_id(id.map(str::to_owned));
        object.set_e_tag(etag.map(str::to_owned)).build().unwrap()
    };
    let objects = vec![
        object("many", Some(&version), None),
        object("many", Some(&marker), None),
        object("many", Some("no-id"), None),
        object("many", Some(UNKNOWN), None),
        object("copy", None, None),
        object("if", None, Some("\"0\"")),
    ];
    let delete = Delete::builder().set_objects(Some(objects)).build().unwrap();
    let deleted = script.s3.delete_objects().bucket(BUCKET).delete(delete).send().await.unwrap();
    let mut words = Vec::new();
    for object in deleted.deleted() {
        let ids = [object.version_id(), object.delete_marker_version_id()].map(|id| script.name(id));
        words.push(format!("{} {ids:?} {:?}", object.key().unwrap(), object.delete_marker()));
    }
    for error in deleted.errors() {
        words.push(format!("{:?} {:?}", error.key(), error.code()));
    }
    script.said.note("many", words.join("; "));
}

async fn lists(script: &mut Script<'_>) {
    for key in ["l/a", "l/a", "l/b/c", "l/b/c", "l/c"] {
        script.put(key, "x").send().await.unwrap();
    }
    script.s3.delete_object().bucket(BUCKET).key("l/a").send().await.unwrap();
    script.list("list").await;
    let list = |delimiter: Option<&str>| {
        let list = script.s3.list_object_versions().bucket(BUCKET).prefix("l/");
        list.set_delimiter(delimiter.map(str::to_owned))
    };
    let (all, grouped) = (list(None).max_keys(2), list(Some("/")).max_keys(1));
    let none = list(None).max_keys(0).send().await;
    let without_key = list(None).version_id_marker(UNKNOWN).send().await;
    let malformed = list(None).key_marker("l/a").version_id_marker("no-id").send().await;
    script.listed("list: max-keys 0", none);
    script.record("list: version marker without a key", without_key, nothing);
    script.record("list: malformed marker", malformed, nothing);
    for (name, list) in [("pages of 2", all), ("pages of 1 with delimiter", grouped)] {
        let (mut key, mut id, mut page) = (None, None, 0);
        loop {
            let sent = list.clone().set_key_marker(key).set_version_id_marker(id).send().await;
            page += 1;
            let listed = script.listed(&format!("list: {name}, page {page}"), sent);
            (key, id) = (listed.next_key_marker, listed.next_version_id_marker);
            if key.is_none() {
                break;
            }
        }
    }
}

async fn checksums(script: &mut Script<'_>) {
    let create = script.s3.create_multipart_upload().bucket(BUCKET).key("composite");
    let id = create.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.unwrap().upload_id.unwrap();
    let part = script.s3.upload_part().bucket(BUCKET).key("composite").upload_id(&id).part_number(1);
    let part = part.checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from_static(b"part"));
    let part = part.send().await.unwrap();
    let listed = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).set_checksum_crc32(part.checksum_crc32);
    let parts = CompletedMultipartUpload::builder().parts(listed.build()).build();
    let complete = script.s3.complete_multipart_upload().bucket(BUCKET).key("composite").upload_id(id);
    complete.multipart_upload(parts).checksum_type(ChecksumType::Composite).send().await.unwrap();
    let source = format!("{BUCKET}/composite");
    let copied = script.s3.copy_object().bucket(BUCKET).key("full").copy_source(source).send().await;
    script.record("checksum: copy of a composite one", copied, |copied| {
        let result = copied.copy_object_result().unwrap();
        format!("{:?} {:?}", result.checksum_crc32(), result.checksum_type())
    });
    for key in ["composite", "full"] {
        let head = script.s3.head_object().bucket(BUCKET).key(key).checksum_mode(ChecksumMode::Enabled).send().await;
        script.record(&format!("checksum: {key}"), head, |head| {
            format!("{:?} {:?}", head.checksum_crc32(), head.checksum_type())
        });
    }
}

async fn suspended(script: &mut Script<'_>) {
    script.write("suspended: put", "s", "one").await;
    script.write("suspended: put again", "s", "two").await;
    script.write("suspended: put over versions", "a", "null").await;
    script.read("suspended", "s", None).await;
    script.delete("suspended: delete", "s", None, None).await;
    script.read("suspended: deleted", "s", None).await;
    script.list("suspended: list").await;
    script.delete("suspended: delete null", "s", Some("null"), None).await;
    script.read("suspended: removed", "s", None).await;
}
