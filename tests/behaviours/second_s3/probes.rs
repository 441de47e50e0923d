//! Requests to an S3 and its responses: calls of the functions, and requests that must be refused.

use std::{collections::HashMap, time::Duration};

use aws_sdk_s3::{
    Client,
    error::SdkError,
    operation::{
        complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder,
        upload_part_copy::builders::UploadPartCopyFluentBuilder,
    },
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::ObjectKey;
use runtime::objects::{ObjectStore, UploadTerms, encode_crc32};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Probes for which LocalStack responds differently from the stand-in; `tests/README.md` explains each.
pub const DIFFERENCES: [&str; 2] = ["copy: range of a small source", "complete: no part"];

const BUCKET: &str = "probes";
const FIVE_MIB: usize = 5 << 20;
const TYPE: &str = "image/jpeg";

/// Name and summarized response of each probe.
pub type Answers = Vec<(&'static str, String)>;

/// Sends all probes to the S3 of this environment.
pub async fn ask(environment: &HashMap<String, String>) -> Answers {
    let s3 = super::s3(environment);
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    let mut answers = presigned(&s3).await;
    answers.extend(objects(&s3).await);
    answers.extend(uploads(&s3).await);
    answers
}

/// Uploads by presigned URLs of the functions, each changed in one point.
async fn presigned(s3: &Client) -> Answers {
    let store = ObjectStore::new(s3.clone(), BUCKET);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let declared: [u8; 32] = Sha256::digest("12345").into();
    let sign = async |lives: u64, sha256: Option<[u8; 32]>| {
        let (studio, photo) = ("anna".parse().unwrap(), Uuid::now_v7());
        let terms = UploadTerms { content_type: TYPE, size: 5, sha256 };
        let lives = Duration::from_secs(lives);
        store.presign_put(&ObjectKey::Original { studio, photo }, &terms, lives).await.unwrap().uri().to_owned()
    };
    let url = async |lives: u64| sign(lives, None).await;
    let put = async |url: &str, body: &'static str, headers: &[(&str, &str)]| {
        let request = headers.iter().fold(http.put(url), |request, (name, value)| request.header(*name, *value));
        let answer = request.body(body).send().await.unwrap();
        told(answer.status().as_u16(), &answer.bytes().await.unwrap())
    };
    let right = [("content-type", TYPE), ("if-none-match", "*")];
    let once = url(60).await;
    let expired = url(1).await;
    let other_key = url(60).await.replace("/anna/", "/ben/");
    let mut answers = vec![
        ("presigned: as signed", put(&once, "12345", &right).await),
        ("presigned: a second time", put(&once, "12345", &right).await),
        ("presigned: shorter", put(&url(60).await, "1234", &right).await),
        ("presigned: longer", put(&url(60).await, "123456", &right).await),
        ("presigned: another type", put(&url(60).await, "12345", &[("content-type", "image/png"), right[1]]).await),
        ("presigned: without If-None-Match", put(&url(60).await, "12345", &right[..1]).await),
        ("presigned: another key", put(&other_key, "12345", &right).await),
    ];
    let hash = STANDARD.encode(declared);
    let hashed = with("x-amz-checksum-sha256", &hash);
    answers.push(("presigned: SHA-256 as declared", put(&sign(60, Some(declared)).await, "12345", &hashed).await));
    answers.push(("presigned: another SHA-256", put(&sign(60, Some(declared)).await, "12346", &hashed).await));
    answers.push(("presigned: SHA-256 left out", put(&sign(60, Some(declared)).await, "12345", &right).await));
    for (probe, name, value) in [
        ("presigned: unsigned x-amz-acl", "x-amz-acl", "public-read"),
        ("presigned: unsigned x-amz-meta-a", "x-amz-meta-a", "b"),
        ("presigned: unsigned x-amz-storage-class", "x-amz-storage-class", "GLACIER"),
        ("presigned: unsigned x-amz-checksum-crc32", "x-amz-checksum-crc32", "AAAAAA=="),
        ("presigned: unsigned x-amz-content-sha256", "x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ] {
        answers.push((probe, put(&url(60).await, "12345", &with(name, value)).await));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    answers.push(("presigned: expired", put(&expired, "12345", &right).await));
    answers
}

/// Returns the headers that every URL binds, and one more.
fn with<'a>(name: &'a str, value: &'a str) -> [(&'a str, &'a str); 3] {
    [("content-type", TYPE), ("if-none-match", "*"), (name, value)]
}

async fn objects(s3: &Client) -> Answers {
    let put = |key: &str| s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(b"12345"));
    let get = |key: &str| s3.get_object().bucket(BUCKET).key(key);
    let stored = put("a").checksum_crc32(encode_crc32(crc32fast::hash(b"12345"))).send().await.unwrap();
    let e_tag = stored.e_tag().unwrap().to_owned();
    let encryption = format!("{:?} {:?}", stored.checksum_type(), stored.server_side_encryption());
    vec![
        ("put: checksum type, encryption", encryption),
        ("put: If-None-Match where one is", answer(put("a").if_none_match("*").send().await, said_nothing)),
        ("put: If-Match of another", answer(put("a").if_match("\"0\"").send().await, said_nothing)),
        ("put: If-Match where none is", answer(put("none").if_match(&e_tag).send().await, said_nothing)),
        ("put: wrong checksum", answer(put("b").checksum_crc32("AAAAAA==").send().await, said_nothing)),
        ("get: none", answer(get("none").send().await, said_nothing)),
        ("get: If-Match of another", answer(get("a").if_match("\"0\"").send().await, said_nothing)),
        ("get: If-None-Match of this", answer(get("a").if_none_match(&e_tag).send().await, said_nothing)),
        ("get: range", answer(get("a").range("bytes=1-2").send().await, |got| format!("{:?}", got.content_range()))),
        ("get: range behind the end", answer(get("a").range("bytes=9-").send().await, said_nothing)),
        ("head: none", answer(s3.head_object().bucket(BUCKET).key("none").send().await, said_nothing)),
        (
            "head: checksum",
            answer(
                s3.head_object().bucket(BUCKET).key("a").checksum_mode(ChecksumMode::Enabled).send().await,
                |head| {
                    format!(
                        "{:?} {:?} {:?}",
                        head.checksum_crc32(),
                        head.checksum_type(),
                        head.server_side_encryption()
                    )
                },
            ),
        ),
        ("delete: none", answer(s3.delete_object().bucket(BUCKET).key("none").send().await, said_nothing)),
        ("get: no bucket", answer(s3.get_object().bucket("no-such-bucket").key("a").send().await, said_nothing)),
    ]
}

async fn uploads(s3: &Client) -> Answers {
    let (big, small) = (vec![7; FIVE_MIB + 10], b"tail".to_vec());
    let put = |key: &str, bytes: &[u8]| s3.put_object().bucket(BUCKET).key(key).body(bytes.to_vec().into());
    let source = put("source", &big).send().await.unwrap().e_tag.unwrap();
    put("tiny", &small).send().await.unwrap();
    let begin = async |key: &str| {
        let create = s3.create_multipart_upload().bucket(BUCKET).key(key);
        let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32).checksum_type(ChecksumType::FullObject);
        create.send().await.unwrap().upload_id.unwrap()
    };
    let id = begin("zip").await;
    let copy = |number: i32, from: &str| -> UploadPartCopyFluentBuilder {
        let copy = s3.upload_part_copy().bucket(BUCKET).key("zip").upload_id(&id).part_number(number);
        copy.copy_source(format!("{BUCKET}/{from}"))
    };
    let part = |key: &str, id: &str, number: i32, crc32: u32| {
        let part = s3.upload_part().bucket(BUCKET).key(key).upload_id(id).part_number(number);
        part.checksum_crc32(encode_crc32(crc32)).body(small.clone().into())
    };
    let copied = |result: Option<&aws_sdk_s3::types::CopyPartResult>| {
        format!("{:?} {}", result.and_then(|it| it.checksum_crc32()), result.is_some_and(|it| it.e_tag().is_some()))
    };
    let range = format!("bytes=0-{}", FIVE_MIB + 4);
    let whole_copy = copy(1, "source").copy_source_if_match(&source).send().await.unwrap();
    let range_copy = copy(2, "source").copy_source_range(&range).send().await.unwrap();
    let tail = part("zip", &id, 3, crc32fast::hash(&small)).send().await.unwrap();
    let e_tag = |result: &aws_sdk_s3::operation::upload_part_copy::UploadPartCopyOutput| {
        result.copy_part_result().and_then(|it| it.e_tag()).unwrap().to_owned()
    };
    let completed = |number: i32, e_tag: &str, bytes: &[u8]| {
        let part = CompletedPart::builder().part_number(number).e_tag(e_tag);
        part.checksum_crc32(encode_crc32(crc32fast::hash(bytes))).build()
    };
    let parts = [
        completed(1, &e_tag(&whole_copy), &big),
        completed(2, &e_tag(&range_copy), &big[..FIVE_MIB + 5]),
        completed(3, tail.e_tag().unwrap(), &small),
    ];
    let whole = [&big[..], &big[..FIVE_MIB + 5], &small].concat();
    let complete =
        |key: &str, id: &str, parts: &[&CompletedPart], crc32: u32| -> CompleteMultipartUploadFluentBuilder {
            let parts = parts.iter().map(|part| (*part).clone()).collect();
            let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
            let complete = s3.complete_multipart_upload().bucket(BUCKET).key(key).upload_id(id).multipart_upload(parts);
            complete.checksum_crc32(encode_crc32(crc32)).checksum_type(ChecksumType::FullObject).if_none_match("*")
        };
    let all = [&parts[0], &parts[1], &parts[2]];
    let crc32 = crc32fast::hash(&whole);
    let size = i64::try_from(whole.len()).unwrap();
    let mut answers = vec![
        ("copy: whole", copied(whole_copy.copy_part_result())),
        ("copy: range", copied(range_copy.copy_part_result())),
        (
            "copy: If-Match of another",
            answer(copy(4, "source").copy_source_if_match("\"0\"").send().await, said_nothing),
        ),
        ("copy: no source", answer(copy(4, "none").send().await, said_nothing)),
        ("copy: range behind the end", {
            let range = format!("bytes=0-{}", 2 * FIVE_MIB);
            answer(copy(4, "source").copy_source_range(range).send().await, said_nothing)
        }),
        ("part: number 0", answer(part("zip", &id, 0, crc32fast::hash(&small)).send().await, said_nothing)),
        ("part: number 10001", answer(part("zip", &id, 10_001, crc32fast::hash(&small)).send().await, said_nothing)),
        ("part: wrong checksum", answer(part("zip", &id, 5, 1).send().await, said_nothing)),
        ("parts: listed", {
            let listed = s3.list_parts().bucket(BUCKET).key("zip").upload_id(&id).send().await;
            answer(listed, |listed| {
                let parts: Vec<_> =
                    listed.parts().iter().map(|it| (it.part_number(), it.size(), it.checksum_crc32())).collect();
                let named = listed.owner().and(listed.initiator()).is_some();
                format!("{parts:?} {named} {:?} {:?}", listed.storage_class(), listed.checksum_type())
            })
        }),
        ("uploads: listed", {
            let listed = s3.list_multipart_uploads().bucket(BUCKET).send().await;
            answer(listed, |listed| {
                let upload = &listed.uploads()[0];
                let named = upload.owner().and(upload.initiator()).is_some();
                format!("{:?} {named} {:?} {:?}", upload.key(), upload.storage_class(), upload.checksum_type())
            })
        }),
        (
            "copy: range of a small source",
            answer(copy(4, "tiny").copy_source_range("bytes=0-1").send().await, said_nothing),
        ),
        ("complete: wrong order", answer(complete("zip", &id, &[all[1], all[0]], crc32).send().await, said_nothing)),
        ("complete: a part that is none", {
            let none = completed(9, "\"0\"", &small);
            answer(complete("zip", &id, &[all[0], &none], crc32).send().await, said_nothing)
        }),
        ("complete: small part in the middle", {
            let last = completed(4, &e_tag(&copy(4, "source").send().await.unwrap()), &big);
            answer(complete("zip", &id, &[all[0], all[2], &last], crc32).send().await, said_nothing)
        }),
        ("complete: no part", answer(complete("zip", &id, &[], crc32).send().await, said_nothing)),
        (
            "complete: wrong size",
            answer(complete("zip", &id, &all, crc32).mpu_object_size(5).send().await, said_nothing),
        ),
        ("complete: wrong checksum", answer(complete("zip", &id, &all, 1).send().await, said_nothing)),
    ];
    let done = complete("zip", &id, &all, crc32).mpu_object_size(size).send().await;
    answers.push(("complete: right", {
        answer(done, |done| {
            format!("{:?} {:?} {:?}", done.checksum_crc32(), done.checksum_type(), done.e_tag().is_some())
        })
    }));
    answers.push(("complete: a second time", answer(complete("zip", &id, &all, crc32).send().await, said_nothing)));
    let second = begin("zip").await;
    let tail = part("zip", &second, 1, crc32fast::hash(&small)).send().await.unwrap();
    let tail = completed(1, tail.e_tag().unwrap(), &small);
    let again = complete("zip", &second, &[&tail], crc32fast::hash(&small));
    answers.push(("complete: where one is", answer(again.send().await, said_nothing)));
    let abort = || s3.abort_multipart_upload().bucket(BUCKET).key("zip").upload_id(&second).send();
    answers.push(("abort", answer(abort().await, said_nothing)));
    answers.push(("abort: a second time", answer(abort().await, said_nothing)));
    let listed = s3.list_parts().bucket(BUCKET).key("zip").upload_id(&second).send().await;
    answers.push(("parts: none such", answer(listed, said_nothing)));
    answers
}

fn said_nothing<T>(_: T) -> String {
    String::new()
}

/// Summarizes a response: `say` of a success, status, code and members of an error.
fn answer<T, E>(sent: Result<T, SdkError<E>>, say: impl FnOnce(T) -> String) -> String {
    match sent {
        Ok(done) => format!("ok {}", say(done)).trim_end().to_owned(),
        Err(error) => match error.raw_response() {
            Some(raw) => told(raw.status().as_u16(), raw.body().bytes().unwrap_or_default()),
            None => "no answer".to_owned(),
        },
    }
}

/// Members of an error that are compared, besides its code.
const MEMBERS: [&str; 5] = ["Condition", "HeadersNotSigned", "Key", "BucketName", "UploadId"];

/// Summarizes a status and an error's XML.
fn told(status: u16, body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let error = body.split_once("<Error>").and_then(|(_, rest)| rest.split_once("</Error>")).map(|(error, _)| error);
    let found = |name: &str| error.and_then(|error| member(error, name));
    let mut words = vec![status.to_string()];
    words.extend(found("Code").map(str::to_owned));
    for name in MEMBERS {
        // Each store has its own ids.
        words.extend(
            found(name).map(|value| if name == "UploadId" { name.to_owned() } else { format!("{name}={value}") }),
        );
    }
    words.join(" ")
}

fn member<'a>(error: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = error.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(value, _)| value)
}
