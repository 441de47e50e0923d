//! Objects: writes, reads, ranges, conditions, checksums, deletions, copies.

use aws_sdk_s3::{
    Client,
    operation::{get_object::GetObjectOutput, head_object::HeadObjectOutput, put_object::PutObjectOutput},
    primitives::{AggregatedBytes, ByteStream, SdkBody},
    types::{ChecksumAlgorithm, ChecksumMode, Delete, MetadataDirective, ObjectIdentifier},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::Full;
use runtime::objects::encode_crc32;
use sha2::{Digest as _, Sha256};

use super::copy_source;
use crate::{
    targets::Target,
    transcript::{Transcript, nothing},
};

const BUCKET: &str = "objects";
/// Bucket of [`copies`].
const COPIES: &str = "copies";
const MISSING: &str = "no-such-bucket";
const TEXT: &[u8] = b"0123456789";
/// MD5 of [`TEXT`].
const TEXT_MD5: &str = "eB5eJF1ptWaXm4bijSPyxw==";
/// Keys that encodings could damage.
const KEYS: [&str; 10] =
    ["a b", "a+b", "a%b", "a%2Bb", "ü/é?#&=", "日本/😀", "<&\"'>", "a//b", "/slash", "q;,:@$!*()~"];

/// Sends requests for objects.
pub async fn case(target: &Target) -> Transcript {
    let (s3, mut said) = (&target.s3(), Transcript::default());
    said.record("bucket: create", s3.create_bucket().bucket(BUCKET).send().await, nothing);
    said.record("bucket: create again", s3.create_bucket().bucket(BUCKET).send().await, nothing);
    said.record("bucket: head", s3.head_bucket().bucket(BUCKET).send().await, nothing);
    said.record("bucket: head missing", s3.head_bucket().bucket(MISSING).send().await, nothing);
    writes(s3, &mut said).await;
    reads(s3, &mut said).await;
    ranges(s3, &mut said).await;
    missing(s3, &mut said).await;
    deletions(s3, &mut said).await;
    said
}

async fn writes(s3: &Client, said: &mut Transcript) {
    let put = |key: &str| s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(TEXT));
    let stored = put("a").content_type("image/jpeg").metadata("k", "v w").send().await;
    let etag = stored.as_ref().ok().and_then(|put| put.e_tag.clone()).unwrap_or_default();
    said.record("put", stored, described);
    let put_text = async |key: &str, text: &'static [u8]| {
        let put = s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(text)).send().await;
        put.unwrap().e_tag.unwrap()
    };
    said.note("put: same content, same ETag", (put_text("same", TEXT).await == etag).to_string());
    said.note("put: other content, other ETag", (put_text("other", b"other").await != etag).to_string());
    said.record("put: If-None-Match, new", put("new").if_none_match("*").send().await, nothing);
    said.record("put: If-None-Match, existing", put("a").if_none_match("*").send().await, nothing);
    said.record("put: If-None-Match with an ETag", put("a").if_none_match(&etag).send().await, nothing);
    said.record("put: If-Match, current", put("a").if_match(&etag).send().await, nothing);
    said.record("put: If-Match, stale", put("a").if_match("\"0\"").send().await, nothing);
    said.record("put: If-Match, missing", put("none").if_match(&etag).send().await, nothing);
    let crc32 = encode_crc32(crc32fast::hash(TEXT));
    let sha256 = STANDARD.encode(Sha256::digest(TEXT));
    said.record("put: CRC-32", put("crc32").checksum_crc32(&crc32).send().await, described);
    said.record("put: wrong CRC-32", put("b").checksum_crc32("AAAAAA==").send().await, nothing);
    said.record("put: malformed CRC-32", put("b").checksum_crc32("AAAA").send().await, nothing);
    said.record("put: SHA-256", put("sha256").checksum_sha256(&sha256).send().await, described);
    let wrong = STANDARD.encode(Sha256::digest("other"));
    said.record("put: wrong SHA-256", put("b").checksum_sha256(wrong).send().await, nothing);
    let both = put("b").checksum_crc32(&crc32).checksum_sha256(&sha256).send().await;
    said.record("put: two checksums", both, nothing);
    said.record("put: MD5", put("md5").content_md5(TEXT_MD5).send().await, nothing);
    said.record("put: wrong MD5", put("b").content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await, nothing);
    said.record("put: malformed MD5", put("b").content_md5("AAAA").send().await, nothing);
    let refused = put("kept").body(ByteStream::from_static(b"9876543210")).checksum_crc32(&crc32);
    put("kept").send().await.unwrap();
    said.record("put: wrong CRC-32 of an existing object", refused.send().await, nothing);
    let kept = s3.get_object().bucket(BUCKET).key("kept").send().await;
    said.record("put: wrong CRC-32, object kept", read(kept).await, String::clone);
    for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Sha256] {
        let name = format!("put: {algorithm} in a trailer");
        let key = format!("trailer-{algorithm}");
        let put = s3.put_object().bucket(BUCKET).key(&key).body(streamed(TEXT)).checksum_algorithm(algorithm);
        said.record(&name, put.send().await, described);
        let got = s3.get_object().bucket(BUCKET).key(&key).send().await;
        said.record(&format!("{name}, read"), read(got).await, String::clone);
    }
    said.record("put: empty", put("empty").body(ByteStream::from_static(b"")).send().await, described);
    said.record("put: key of 1,025 bytes", put(&"k".repeat(1_025)).send().await, nothing);
    said.record("put: key of 1,024 bytes", put(&"k".repeat(1_024)).send().await, nothing);
}

async fn reads(s3: &Client, said: &mut Transcript) {
    let get = |key: &str| s3.get_object().bucket(BUCKET).key(key);
    let head = |key: &str| s3.head_object().bucket(BUCKET).key(key);
    let put = s3.put_object().bucket(BUCKET).key("read").body(ByteStream::from_static(TEXT));
    let put = put.content_type("image/jpeg").metadata("k", "v w").cache_control("no-store");
    let etag = put.send().await.unwrap().e_tag.unwrap();
    said.record("get", read(get("read").send().await).await, String::clone);
    said.record("get: default type", read(get("empty").send().await).await, String::clone);
    said.record("get: checksum", get("read").checksum_mode(ChecksumMode::Enabled).send().await, checksums_of_get);
    said.record("get: no checksum requested", get("read").send().await, checksums_of_get);
    let range = get("read").checksum_mode(ChecksumMode::Enabled).range("bytes=0-1").send().await;
    said.record("get: checksum of a range", range, checksums_of_get);
    said.record("get: If-Match, current", get("read").if_match(&etag).send().await, nothing);
    said.record("get: If-Match without quotes", get("read").if_match(etag.trim_matches('"')).send().await, nothing);
    said.record("get: If-Match *", get("read").if_match("*").send().await, nothing);
    said.record("get: If-Match, stale", get("read").if_match("\"0\"").send().await, nothing);
    said.record("get: If-None-Match, current", get("read").if_none_match(&etag).send().await, nothing);
    said.record("get: If-None-Match, stale", get("read").if_none_match("\"0\"").send().await, nothing);
    let named = get("read").response_content_disposition("attachment; filename=\"a b\"").response_content_type("a/b");
    said.record("get: response headers", named.send().await, |got| {
        format!("{:?} {:?}", got.content_disposition(), got.content_type())
    });
    said.record("head", head("read").send().await, described_head);
    said.record("head: checksum", head("read").checksum_mode(ChecksumMode::Enabled).send().await, described_head);
    let sha256 = head("sha256").checksum_mode(ChecksumMode::Enabled).send().await;
    said.record("head: SHA-256", sha256, described_head);
    said.record("head: If-Match, stale", head("read").if_match("\"0\"").send().await, nothing);
    said.record("head: If-None-Match, current", head("read").if_none_match(&etag).send().await, nothing);
    said.record("head: missing", head("none").send().await, nothing);
}

async fn ranges(s3: &Client, said: &mut Transcript) {
    for range in [
        "bytes=0-0",
        "bytes=2-4",
        "bytes=7-",
        "bytes=-3",
        "bytes=-30",
        "bytes=5-99",
        "bytes=10-",
        "bytes=10-12",
        "bytes=-0",
        "bytes=5-4",
        "bytes=0-1,3-4",
        "items=0-1",
    ] {
        let got = s3.get_object().bucket(BUCKET).key("read").range(range).send().await;
        said.record(&format!("range: {range}"), read(got).await, String::clone);
    }
    for range in ["bytes=0-0", "bytes=0-", "bytes=-1"] {
        let got = s3.get_object().bucket(BUCKET).key("empty").range(range).send().await;
        said.record(&format!("range: {range} of nothing"), read(got).await, String::clone);
    }
    let head = s3.head_object().bucket(BUCKET).key("read").range("bytes=2-4").send().await;
    said.record("range: head", head, |head| format!("{:?} {:?}", head.content_length(), head.content_range()));
}

async fn missing(s3: &Client, said: &mut Transcript) {
    said.record("missing key: get", s3.get_object().bucket(BUCKET).key("none").send().await, nothing);
    said.record("missing key: delete", s3.delete_object().bucket(BUCKET).key("none").send().await, nothing);
    let conditional = s3.get_object().bucket(BUCKET).key("none").if_match("\"0\"").send().await;
    said.record("missing key: conditional get", conditional, nothing);
    said.record("missing bucket: get", s3.get_object().bucket(MISSING).key("a").send().await, nothing);
    said.record("missing bucket: head", s3.head_object().bucket(MISSING).key("a").send().await, nothing);
    said.record("missing bucket: put", s3.put_object().bucket(MISSING).key("a").send().await, nothing);
    let conditional = s3.put_object().bucket(MISSING).key("a").if_none_match("*").send().await;
    said.record("missing bucket: conditional put", conditional, nothing);
    said.record("missing bucket: delete", s3.delete_object().bucket(MISSING).key("a").send().await, nothing);
    said.record("missing bucket: list", s3.list_objects_v2().bucket(MISSING).send().await, nothing);
    said.record("missing bucket: uploads", s3.list_multipart_uploads().bucket(MISSING).send().await, nothing);
    let create = s3.create_multipart_upload().bucket(MISSING).key("a").send().await;
    said.record("missing bucket: create upload", create, nothing);
}

async fn deletions(s3: &Client, said: &mut Transcript) {
    said.record("delete", s3.delete_object().bucket(BUCKET).key("a").send().await, nothing);
    said.record("delete: then get", s3.get_object().bucket(BUCKET).key("a").send().await, nothing);
    let delete = |keys: &[&str], quiet: bool| {
        let keys = keys.iter().map(|key| ObjectIdentifier::builder().key(*key).build().unwrap()).collect();
        Delete::builder().set_objects(Some(keys)).quiet(quiet).build().unwrap()
    };
    for (check, bucket, keys, quiet) in [
        ("delete many", BUCKET, &["same", "none", "<&\"'>"][..], false),
        ("delete many: quiet", BUCKET, &["other"], true),
        ("delete many: missing bucket", MISSING, &["other"], true),
        ("delete many: no keys", BUCKET, &[], true),
    ] {
        let sent = s3.delete_objects().bucket(bucket).delete(delete(keys, quiet)).send().await;
        said.record(check, sent, |deleted| {
            let keys: Vec<_> = deleted.deleted().iter().map(|object| object.key()).collect();
            format!("{keys:?} {:?}", deleted.errors())
        });
    }
    let many: Vec<String> = (0..1_001).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let sent = s3.delete_objects().bucket(BUCKET).delete(delete(&many, true)).send().await;
    said.record("delete many: 1,001 keys", sent, nothing);
}

/// Sends copies of objects, and requests for keys that encodings could damage.
pub async fn copies(target: &Target) -> Transcript {
    let (s3, mut said) = (&target.s3(), Transcript::default());
    s3.create_bucket().bucket(COPIES).send().await.unwrap();
    let put = s3.put_object().bucket(COPIES).key("source").body(ByteStream::from_static(TEXT));
    let put = put.content_type("image/jpeg").metadata("k", "v").checksum_crc32(encode_crc32(crc32fast::hash(TEXT)));
    let etag = put.send().await.unwrap().e_tag.unwrap();
    let copy = |from: &str, to: &str| s3.copy_object().bucket(COPIES).key(to).copy_source(from);
    let source = format!("{COPIES}/source");
    said.record("copy", copy(&source, "copy").send().await, |copied| {
        let result = copied.copy_object_result().unwrap();
        format!("{} {:?}", result.e_tag() == Some(&etag), result.checksum_crc32())
    });
    let copied = s3.head_object().bucket(COPIES).key("copy").checksum_mode(ChecksumMode::Enabled).send().await;
    said.record("copy: head", copied, described_head);
    let replaced = copy(&source, "typed").metadata_directive(MetadataDirective::Replace).content_type("a/b");
    said.record("copy: replaced attributes", replaced.send().await, nothing);
    let typed = s3.head_object().bucket(COPIES).key("typed").send().await;
    said.record("copy: replaced attributes, head", typed, described_head);
    let conditional = |key: &str| copy(&source, key);
    said.record("copy: If-Match", conditional("b").copy_source_if_match(&etag).send().await, nothing);
    said.record("copy: If-Match, stale", conditional("b").copy_source_if_match("\"0\"").send().await, nothing);
    said.record(
        "copy: If-None-Match, current",
        conditional("b").copy_source_if_none_match(&etag).send().await,
        nothing,
    );
    said.record(
        "copy: If-None-Match, stale",
        conditional("b").copy_source_if_none_match("\"0\"").send().await,
        nothing,
    );
    said.record("copy: missing source", copy(&format!("{COPIES}/none"), "b").send().await, nothing);
    said.record("copy: missing source bucket", copy(&format!("{MISSING}/none"), "b").send().await, nothing);
    let to_missing = s3.copy_object().bucket(MISSING).key("b").copy_source(&source).send().await;
    said.record("copy: missing target bucket", to_missing, nothing);
    said.record("copy: to itself", copy(&source, "source").send().await, nothing);
    for (number, key) in KEYS.into_iter().enumerate() {
        let check = format!("key: {key}");
        let put = s3.put_object().bucket(COPIES).key(key).body(ByteStream::from(key.as_bytes().to_vec()));
        said.record(&check, put.send().await, nothing);
        let got = s3.get_object().bucket(COPIES).key(key).send().await;
        said.record(&format!("{check}, get"), read(got).await, String::clone);
        let listed = s3.list_objects_v2().bucket(COPIES).prefix(key).send().await;
        said.record(&format!("{check}, list"), listed, |listed| {
            format!("{:?}", listed.contents().iter().map(|object| object.key().unwrap()).collect::<Vec<_>>())
        });
        let to = format!("copies/{number}");
        said.record(&format!("{check}, copy"), copy(&copy_source(COPIES, key), &to).send().await, nothing);
        let got = s3.get_object().bucket(COPIES).key(&to).send().await;
        said.record(&format!("{check}, get copy"), read(got).await, String::clone);
    }
    said
}

/// Returns a body that the SDK sends in chunks with a trailer.
fn streamed(text: &'static [u8]) -> ByteStream {
    ByteStream::new(SdkBody::from_body_1_x(Full::new(Bytes::from_static(text))))
}

/// Reads a body and describes the response with it.
pub async fn read<E>(got: Result<GetObjectOutput, E>) -> Result<String, E> {
    let got = got?;
    let described = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        got.content_length(),
        got.content_range(),
        got.content_type(),
        got.cache_control(),
        got.metadata()
    );
    let body = got.body.collect().await.map_or_else(|error| error.to_string().into_bytes(), AggregatedBytes::to_vec);
    Ok(format!("{:?} {described}", String::from_utf8_lossy(&body)))
}

fn described(put: &PutObjectOutput) -> String {
    format!(
        "{} {:?} {:?} {:?} {:?}",
        put.e_tag().is_some(),
        put.checksum_crc32(),
        put.checksum_sha256(),
        put.checksum_type(),
        put.server_side_encryption()
    )
}

fn described_head(head: &HeadObjectOutput) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        head.content_length(),
        head.content_type(),
        head.metadata(),
        head.checksum_crc32(),
        head.checksum_sha256(),
        head.checksum_type()
    )
}

fn checksums_of_get(got: &GetObjectOutput) -> String {
    format!("{:?} {:?}", got.checksum_crc32(), got.checksum_type())
}
