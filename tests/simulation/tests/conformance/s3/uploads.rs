//! Multipart uploads: parts, copies, completions and their errors.

use aws_sdk_s3::{
    Client,
    operation::{
        complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder,
        upload_part::builders::UploadPartFluentBuilder,
        upload_part_copy::{UploadPartCopyOutput, builders::UploadPartCopyFluentBuilder},
    },
    types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, CopyPartResult},
};
use runtime::objects::encode_crc32;

use crate::{
    targets::Target,
    transcript::{Transcript, nothing},
};

const BUCKET: &str = "uploads";
const KEY: &str = "zip";
const FIVE_MIB: usize = 5 << 20;
const TAIL: &[u8] = b"tail";

/// Requests about one upload.
struct Upload<'a> {
    s3: &'a Client,
    key: String,
    id: String,
}

impl<'a> Upload<'a> {
    async fn begin(s3: &'a Client, key: &str) -> Self {
        let create = s3.create_multipart_upload().bucket(BUCKET).key(key).content_type("application/zip");
        let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32).checksum_type(ChecksumType::FullObject);
        Self { s3, key: key.to_owned(), id: create.send().await.unwrap().upload_id.unwrap() }
    }

    fn part(&self, number: i32, crc32: u32) -> UploadPartFluentBuilder {
        let part = self.s3.upload_part().bucket(BUCKET).key(&self.key).upload_id(&self.id).part_number(number);
        part.checksum_crc32(encode_crc32(crc32)).body(TAIL.to_vec().into())
    }

    async fn tail(&self, number: i32) -> CompletedPart {
        let etag = self.part(number, crc32fast::hash(TAIL)).send().await.unwrap().e_tag.unwrap();
        listed(number, &etag, crc32fast::hash(TAIL))
    }

    fn copy(&self, number: i32, source: &str) -> UploadPartCopyFluentBuilder {
        let copy = self.s3.upload_part_copy().bucket(BUCKET).key(&self.key).upload_id(&self.id).part_number(number);
        copy.copy_source(format!("{BUCKET}/{source}"))
    }

    /// Aborts the upload. Services that accepted its completion have no upload any more.
    async fn abort_if_open(&self) {
        let abort = self.s3.abort_multipart_upload().bucket(BUCKET).key(&self.key).upload_id(&self.id);
        let _ = abort.send().await;
    }

    fn complete(&self, parts: &[&CompletedPart], crc32: u32) -> CompleteMultipartUploadFluentBuilder {
        self.complete_without_checksum(parts)
            .checksum_crc32(encode_crc32(crc32))
            .checksum_type(ChecksumType::FullObject)
    }

    fn complete_without_checksum(&self, parts: &[&CompletedPart]) -> CompleteMultipartUploadFluentBuilder {
        let parts = parts.iter().map(|part| (*part).clone()).collect();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        self.s3.complete_multipart_upload().bucket(BUCKET).key(&self.key).upload_id(&self.id).multipart_upload(parts)
    }
}

fn listed(number: i32, etag: &str, crc32: u32) -> CompletedPart {
    CompletedPart::builder().part_number(number).e_tag(etag).checksum_crc32(encode_crc32(crc32)).build()
}

fn copied(result: Option<&CopyPartResult>) -> String {
    let etag = result.and_then(CopyPartResult::e_tag).is_some_and(|etag| etag.starts_with('"'));
    format!("{:?} {etag}", result.and_then(|result| result.checksum_crc32()))
}

/// Sends requests for multipart uploads.
pub async fn case(target: &Target) -> Transcript {
    let (s3, mut said) = (&target.s3(), Transcript::default());
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    creations(s3, &mut said).await;
    large(s3, &mut said).await;
    small(s3, &mut said).await;
    unnamed_checksums(s3, &mut said).await;
    listings(s3, &mut said).await;
    said
}

async fn creations(s3: &Client, said: &mut Transcript) {
    let create = || s3.create_multipart_upload().bucket(BUCKET).key("created");
    let (crc32, sha256) = (ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Sha256);
    for (check, create) in [
        ("create: CRC-32", create().checksum_algorithm(crc32.clone())),
        ("create: full CRC-32", create().checksum_algorithm(crc32).checksum_type(ChecksumType::FullObject)),
        ("create: SHA-256", create().checksum_algorithm(sha256.clone())),
        ("create: full SHA-256", create().checksum_algorithm(sha256).checksum_type(ChecksumType::FullObject)),
    ] {
        said.record(check, create.send().await, |created| {
            format!(
                "{:?} {:?} {:?} {}",
                created.checksum_algorithm(),
                created.checksum_type(),
                created.server_side_encryption(),
                created.upload_id().is_some()
            )
        });
    }
    let uploads = s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    for upload in uploads.uploads() {
        let abort = s3.abort_multipart_upload().bucket(BUCKET).key("created").upload_id(upload.upload_id().unwrap());
        abort.send().await.unwrap();
    }
}

/// Sends an upload of large copied parts and a small last part, with each error before its success.
async fn large(s3: &Client, said: &mut Transcript) {
    let big = large_content();
    let put = |key: &str, bytes: &[u8]| s3.put_object().bucket(BUCKET).key(key).body(bytes.to_vec().into());
    let source = put("source", &big).send().await.unwrap().e_tag.unwrap();
    put("tiny", TAIL).send().await.unwrap();
    let upload = Upload::begin(s3, KEY).await;
    let range = format!("bytes=0-{}", FIVE_MIB + 4);
    let whole = upload.copy(1, "source").copy_source_if_match(&source).send().await;
    let ranged = upload.copy(2, "source").copy_source_range(&range).send().await;
    said.record("part copy: whole", whole, |part| copied(part.copy_part_result()));
    said.record("part copy: range", ranged, |part| copied(part.copy_part_result()));
    let copy = |source: &str| upload.copy(4, source);
    said.record("part copy: If-Match, stale", copy("source").copy_source_if_match("\"0\"").send().await, nothing);
    let none_match = copy("source").copy_source_if_none_match(&source).send().await;
    said.record("part copy: If-None-Match, current", none_match, nothing);
    said.record("part copy: missing source", copy("none").send().await, nothing);
    let stale = copy("none").copy_source_if_match("\"0\"").send().await;
    said.record("part copy: missing source, If-Match", stale, nothing);
    said.record("part copy: missing bucket", copy("a").copy_source("no-such-bucket/a").send().await, nothing);
    said.record("part copy: source without key", copy("a").copy_source("bucket").send().await, nothing);
    for (check, range) in [
        ("part copy: range after the end", "bytes=0-99999999"),
        ("part copy: range behind the end", "bytes=9999998-9999999"),
        ("part copy: open range", "bytes=0-"),
        ("part copy: suffix", "bytes=-5"),
        ("part copy: reversed range", "bytes=5-4"),
    ] {
        said.record(check, copy("source").copy_source_range(range).send().await, nothing);
    }
    let small = copy("tiny").copy_source_range("bytes=0-1").send().await;
    said.record("part copy: range of a small source", small, nothing);
    said.record("part copy: small source", copy("tiny").send().await, |part| copied(part.copy_part_result()));
    said.record("part copy: number 0", upload.copy(0, "source").send().await, nothing);
    said.record("part copy: number 10,001", upload.copy(10_001, "source").send().await, nothing);

    let crc32 = crc32fast::hash(TAIL);
    said.record("part: wrong checksum", upload.part(5, 1).send().await, nothing);
    said.record("part: number 0", upload.part(0, crc32).send().await, nothing);
    said.record("part: number 10,001", upload.part(10_001, crc32).send().await, nothing);
    let sha256 = upload.part(5, crc32).set_checksum_crc32(None).checksum_algorithm(ChecksumAlgorithm::Sha256);
    said.record("part: another algorithm", sha256.send().await, nothing);
    said.record("part: other key", upload.part(5, crc32).key("other").send().await, nothing);
    said.record("part: unknown upload", upload.part(5, crc32).upload_id("none").send().await, nothing);
    said.record("part", upload.part(3, crc32).send().await, |part| {
        format!("{:?} {:?} {:?}", part.checksum_crc32(), part.e_tag().is_some(), part.server_side_encryption())
    });

    refused_completions(s3, said).await;
    let assembly = Assembly::begin(s3, KEY).await;
    let (upload, all) = (&assembly.upload, &assembly.content);
    let (crc32, size) = (crc32fast::hash(all), i64::try_from(all.len()).unwrap());
    let parts = assembly.parts.each_ref();
    let done = upload.complete(&parts, crc32).mpu_object_size(size).if_none_match("*").send().await;
    said.record("complete", done, |done| {
        let etag = done.e_tag().is_some_and(|etag| etag.ends_with("-3\""));
        format!(
            "{:?} {:?} {etag} {:?} {:?} {:?}",
            done.checksum_crc32(),
            done.checksum_type(),
            done.bucket(),
            done.key(),
            done.server_side_encryption()
        )
    });
    said.record("complete: again", upload.complete(&parts, crc32).send().await, nothing);
    let head = s3.head_object().bucket(BUCKET).key(KEY).checksum_mode(ChecksumMode::Enabled).send().await;
    said.record("complete: head", head, |head| {
        format!(
            "{:?} {:?} {:?} {:?}",
            head.content_length(),
            head.content_type(),
            head.checksum_crc32(),
            head.checksum_type()
        )
    });
    let from = FIVE_MIB + 8;
    for (check, range, expected) in [
        ("complete: range over parts", Some(format!("bytes={from}-{}", from + 3)), &all[from..from + 4]),
        ("complete: get", None, &all[..]),
    ] {
        let got = s3.get_object().bucket(BUCKET).key(KEY).set_range(range).send().await;
        let equal = match got {
            Ok(got) => got.body.collect().await.is_ok_and(|body| body.into_bytes() == expected),
            Err(_) => false,
        };
        said.note(check, equal.to_string());
    }
    let copied = s3.copy_object().bucket(BUCKET).key("copy").copy_source(format!("{BUCKET}/{KEY}")).send().await;
    said.record("complete: copy of the object", copied, |copied| {
        let result = copied.copy_object_result().unwrap();
        format!("{} {:?}", result.e_tag().unwrap().contains('-'), result.checksum_crc32())
    });
}

/// An upload of a large copied object, a large copied range, and a small part.
struct Assembly<'a> {
    upload: Upload<'a>,
    parts: [CompletedPart; 3],
    content: Vec<u8>,
}

impl<'a> Assembly<'a> {
    async fn begin(s3: &'a Client, key: &str) -> Self {
        let upload = Upload::begin(s3, key).await;
        let (whole, range) = (large_content(), &large_content()[..FIVE_MIB + 5]);
        let copied = |sent: &UploadPartCopyOutput| sent.copy_part_result().unwrap().e_tag().unwrap().to_owned();
        let first = copied(&upload.copy(1, "source").send().await.unwrap());
        let second = upload.copy(2, "source").copy_source_range(format!("bytes=0-{}", FIVE_MIB + 4));
        let second = copied(&second.send().await.unwrap());
        let parts = [
            listed(1, &first, crc32fast::hash(&whole)),
            listed(2, &second, crc32fast::hash(range)),
            upload.tail(3).await,
        ];
        Self { upload, parts, content: [&whole, range, TAIL].concat() }
    }
}

/// Sends completions that must be refused, each of an upload of its own: other services accept some.
async fn refused_completions(s3: &Client, said: &mut Transcript) {
    let part =
        |number: i32, part: &CompletedPart| CompletedPart::builder().part_number(number).e_tag(part.e_tag().unwrap());
    for check in [
        "wrong order",
        "the same part twice",
        "wrong ETag",
        "wrong checksum of a part",
        "missing part",
        "no checksum of a part",
        "small part in the middle",
        "no parts",
        "wrong size",
        "wrong checksum",
        "another checksum type",
        "unknown upload",
        "other key",
        "missing bucket",
        "If-Match, missing object",
    ] {
        let key = format!("refused/{check}");
        let Assembly { upload, parts: [first, second, last], content } = Assembly::begin(s3, &key).await;
        let crc32 = crc32fast::hash(&content);
        let complete = |parts: &[&CompletedPart]| upload.complete(parts, crc32);
        let all = [&first, &second, &last];
        let complete = match check {
            "wrong order" => complete(&[&second, &first, &last]),
            "the same part twice" => complete(&[&first, &first, &last]),
            "wrong ETag" => complete(&[&first, &listed(2, "\"0\"", crc32fast::hash(TAIL)), &last]),
            "wrong checksum of a part" => {
                complete(&[&first, &part(2, &second).checksum_crc32(encode_crc32(1)).build(), &last])
            }
            "missing part" => complete(&[&first, &listed(9, second.e_tag().unwrap(), 1)]),
            "no checksum of a part" => complete(&[&first, &part(2, &second).build(), &last]),
            "small part in the middle" => complete(&[&first, &upload.tail(4).await, &upload.tail(5).await]),
            "no parts" => complete(&[]),
            "wrong size" => complete(&all).mpu_object_size(5),
            "wrong checksum" => upload.complete(&all, 1),
            "another checksum type" => complete(&all).checksum_type(ChecksumType::Composite),
            "unknown upload" => complete(&all).upload_id("none"),
            "other key" => complete(&all).key("other"),
            "missing bucket" => complete(&all).bucket("no-such-bucket"),
            _ => complete(&all).if_match("\"0\""),
        };
        said.record(&format!("complete: {check}"), complete.send().await, nothing);
        let abort = s3.abort_multipart_upload().bucket(BUCKET).key(&key).upload_id(&upload.id).send().await;
        said.record(&format!("complete: {check}, upload left"), abort, nothing);
    }
}

fn large_content() -> Vec<u8> {
    vec![7; FIVE_MIB + 10]
}

/// Sends uploads of one small part.
async fn small(s3: &Client, said: &mut Transcript) {
    let crc32 = crc32fast::hash(TAIL);
    let upload = Upload::begin(s3, KEY).await;
    let part = upload.tail(7).await;
    let exists = upload.complete(&[&part], crc32).if_none_match("*").send().await;
    said.record("small: If-None-Match, existing", exists, nothing);
    let stale = upload.complete(&[&part], crc32).if_match("\"0\"").send().await;
    said.record("small: If-Match, stale", stale, nothing);
    said.record("small: no checksum", upload.complete_without_checksum(&[&part]).send().await, |done| {
        format!("{:?} {:?}", done.checksum_crc32(), done.checksum_type())
    });
    let deleted = Upload::begin(s3, KEY).await;
    let part = deleted.tail(1).await;
    s3.delete_object().bucket(BUCKET).key(KEY).send().await.unwrap();
    let conflict = deleted.complete(&[&part], crc32).if_none_match("*").send().await;
    said.record("small: If-None-Match, deleted since the creation", conflict, nothing);
    deleted.abort_if_open().await;
    let hashed = Upload::begin(s3, KEY).await;
    let part = hashed.tail(1).await;
    let sha256 = hashed.complete_without_checksum(&[&part]).checksum_sha256("AAAA").send().await;
    said.record("small: checksum of another algorithm", sha256, nothing);
    hashed.abort_if_open().await;
    let other = Upload::begin(s3, KEY).await;
    other.part(1, crc32).send().await.unwrap();
    let replaced = other.part(1, crc32fast::hash(b"other")).body(b"other".to_vec().into()).send().await.unwrap();
    let parts = s3.list_parts().bucket(BUCKET).key(KEY).upload_id(&other.id).send().await;
    said.record("small: replaced part", parts, |parts| format!("{:?}", parts.parts()[0].size()));
    let part = listed(1, replaced.e_tag().unwrap(), crc32fast::hash(b"other"));
    said.record("small: ETag of the replaced part", other.complete(&[&part], crc32).send().await, nothing);
    let abort = || s3.abort_multipart_upload().bucket(BUCKET).key(KEY).upload_id(&other.id);
    said.record("abort: other key", abort().key("other").send().await, nothing);
    said.record("abort", abort().send().await, nothing);
    said.record("abort: again", abort().send().await, nothing);
    said.record("abort: missing bucket", abort().bucket("no-such-bucket").send().await, nothing);
    said.record("abort: then a part", other.part(1, crc32).send().await, nothing);
    said.record("abort: then a copy", other.copy(1, "tiny").send().await, nothing);
    said.record("abort: then a completion", other.complete(&[&part], crc32).send().await, nothing);
    let parts = s3.list_parts().bucket(BUCKET).key(KEY).upload_id(&other.id).send().await;
    said.record("abort: then parts", parts, nothing);
}

/// Sends uploads whose creation names no algorithm, or leaves the checksum type to the service.
async fn unnamed_checksums(s3: &Client, said: &mut Transcript) {
    let create = s3.create_multipart_upload().bucket(BUCKET).key(KEY).checksum_algorithm(ChecksumAlgorithm::Crc32);
    let upload = Upload { s3, key: KEY.to_owned(), id: create.send().await.unwrap().upload_id.unwrap() };
    let part = upload.tail(1).await;
    let done = upload.complete_without_checksum(&[&part]).send().await;
    said.record("composite: complete", done, |done| format!("{:?} {:?}", done.checksum_crc32(), done.checksum_type()));
    let head = s3.head_object().bucket(BUCKET).key(KEY).checksum_mode(ChecksumMode::Enabled).send().await;
    said.record("composite: head", head, |head| format!("{:?} {:?}", head.checksum_crc32(), head.checksum_type()));
}

async fn listings(s3: &Client, said: &mut Transcript) {
    let upload = Upload::begin(s3, KEY).await;
    for number in [4, 2, 9, 3] {
        upload.tail(number).await;
    }
    let mut marker = None;
    for page in 1..=3 {
        let parts = s3.list_parts().bucket(BUCKET).key(KEY).upload_id(&upload.id).max_parts(2);
        let sent = parts.set_part_number_marker(marker.take()).send().await;
        let more = sent.as_ref().ok().filter(|parts| parts.is_truncated() == Some(true));
        marker = more.and_then(|parts| parts.next_part_number_marker.clone());
        said.record(&format!("parts: page {page}"), sent, |parts| {
            let listed: Vec<_> =
                parts.parts().iter().map(|part| (part.part_number(), part.size(), part.checksum_crc32())).collect();
            format!("{listed:?} {:?} {:?} {:?}", parts.is_truncated(), parts.max_parts(), parts.checksum_type())
        });
        if marker.is_none() {
            break;
        }
    }
    let after = s3.list_parts().bucket(BUCKET).key(KEY).upload_id(&upload.id).part_number_marker("9").send().await;
    said.record("parts: after the last", after, |parts| format!("{} {:?}", parts.parts().len(), parts.is_truncated()));
    for key in ["a/1", "a/1", "a/2", "b"] {
        s3.create_multipart_upload().bucket(BUCKET).key(key).send().await.unwrap();
    }
    let keys = |listed: &aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput| {
        listed.uploads().iter().map(|upload| upload.key().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let listed = s3.list_multipart_uploads().bucket(BUCKET).prefix("a/").send().await;
    said.record("uploads: prefix", listed, |listed| format!("{:?} {:?}", keys(listed), listed.is_truncated()));
    let listed = s3.list_multipart_uploads().bucket(BUCKET).key_marker("a/1").send().await;
    said.record("uploads: after a key", listed, |listed| format!("{:?}", keys(listed)));
    let (mut key, mut id) = (None, None);
    for page in 1..=3 {
        let list = s3.list_multipart_uploads().bucket(BUCKET).max_uploads(2);
        let sent = list.set_key_marker(key.take()).set_upload_id_marker(id.take()).send().await;
        if let Ok(listed) = &sent {
            (key, id) = (listed.next_key_marker.clone(), listed.next_upload_id_marker.clone());
        }
        said.record(&format!("uploads: page {page}"), sent, |listed| {
            format!("{:?} {:?}", keys(listed), listed.is_truncated())
        });
    }
}
