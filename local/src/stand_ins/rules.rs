//! The rules of S3 and SQS that this system leans on, asked through the unchanged clients.

use std::time::Duration;

use aws_sdk_s3::{
    Client as S3,
    error::ProvideErrorMetadata,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{
        ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, CorsConfiguration,
        CorsRule, Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter,
        QueueConfiguration, S3KeyFilter,
    },
};
use aws_sdk_sqs::{
    Client as Sqs,
    types::{MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use aws_types::SdkConfig;
use shared::{clock::Clock, env::Env};

use crate::stand_ins::{Options, StandIns, identity::queue_arn, lambda, sqs::QueueAttributes};

const FIVE_MIB: usize = 5 << 20;

fn config(endpoint: &str) -> SdkConfig {
    let variables = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", endpoint),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    shared::aws::config(&Env::of(variables)).unwrap()
}

struct Bed {
    stand_ins: StandIns,
    s3: S3,
    sqs: Sqs,
    config: SdkConfig,
    data: tempfile::TempDir,
}

impl Bed {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let bed = Self::at(data).await;
        bed.s3.create_bucket().bucket("photos").send().await.unwrap();
        bed
    }

    async fn at(data: tempfile::TempDir) -> Self {
        let stand_ins =
            StandIns::start(Options { data: data.path().to_owned(), port: 0, clock: Clock::system() }).await.unwrap();
        let config = config(&stand_ins.endpoint());
        let s3 = S3::from_conf(aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build());
        Self { stand_ins, s3, sqs: Sqs::new(&config), config, data }
    }

    async fn restart(self) -> Self {
        let Self { stand_ins, data, .. } = self;
        stand_ins.shutdown().await;
        Self::at(data).await
    }

    async fn put(&self, key: &str, bytes: &[u8]) -> String {
        let body = ByteStream::from(bytes.to_vec());
        let put = self.s3.put_object().bucket("photos").key(key).body(body).send().await.unwrap();
        put.e_tag.unwrap()
    }

    async fn get(&self, key: &str) -> Vec<u8> {
        let object = self.s3.get_object().bucket("photos").key(key).send().await.unwrap();
        object.body.collect().await.unwrap().to_vec()
    }

    async fn begin(&self, key: &str) -> String {
        let create = self.s3.create_multipart_upload().bucket("photos").key(key);
        let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32).checksum_type(ChecksumType::FullObject);
        create.send().await.unwrap().upload_id.unwrap()
    }

    async fn part(&self, key: &str, id: &str, number: i32, bytes: &[u8]) -> CompletedPart {
        let body = ByteStream::from(bytes.to_vec());
        let upload = self.s3.upload_part().bucket("photos").key(key).upload_id(id).part_number(number).body(body);
        let part = upload.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.unwrap();
        assert_eq!(part.checksum_crc32.as_deref(), Some(crc32(bytes).as_str()));
        let completed = CompletedPart::builder().part_number(number).e_tag(part.e_tag.unwrap());
        completed.checksum_crc32(part.checksum_crc32.unwrap()).build()
    }

    fn complete(
        &self,
        key: &str,
        id: &str,
        parts: Vec<CompletedPart>,
    ) -> aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete =
            self.s3.complete_multipart_upload().bucket("photos").key(key).upload_id(id).multipart_upload(parts);
        complete.checksum_type(ChecksumType::FullObject)
    }

    async fn listen(&self, queue: &str, prefix: &str) {
        self.stand_ins.queues().create(queue, QueueAttributes::default()).unwrap();
        let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
        let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(rule).build());
        let queue = QueueConfiguration::builder()
            .queue_arn(queue_arn(queue))
            .events(Event::S3ObjectCreated)
            .filter(filter.build())
            .build()
            .unwrap();
        let configuration = NotificationConfiguration::builder().queue_configurations(queue).build();
        let put = self.s3.put_bucket_notification_configuration().bucket("photos");
        put.notification_configuration(configuration).send().await.unwrap();
    }

    fn bodies(&self, queue: &str) -> Vec<serde_json::Value> {
        let messages = self.stand_ins.queues().peek_all(queue).unwrap();
        messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }
}

fn crc32(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(crc32fast::hash(bytes).to_be_bytes())
}

fn bytes(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap() ^ seed).collect()
}

/// The code and the status of a refusal.
macro_rules! refused {
    ($call:expr) => {{
        let error = $call.await.unwrap_err();
        let status = error.raw_response().map(|raw| raw.status().as_u16()).unwrap();
        (error.code().unwrap_or_default().to_owned(), status)
    }};
}

#[tokio::test]
async fn an_object_comes_back_whole_in_ranges_and_with_its_headers() {
    let bed = Bed::new().await;
    let body = bytes(1, 300_000);
    let put = bed.s3.put_object().bucket("photos").key("a/b c").body(ByteStream::from(body.clone()));
    put.content_type("image/jpeg").metadata("k", "v").send().await.unwrap();
    let get = || bed.s3.get_object().bucket("photos").key("a/b c");
    let whole = get().send().await.unwrap();
    assert_eq!(whole.content_type(), Some("image/jpeg"));
    assert_eq!(whole.metadata().unwrap().get("k").map(String::as_str), Some("v"));
    assert_eq!(whole.body.collect().await.unwrap().to_vec(), body);
    for (range, expected, told) in [
        ("bytes=10-19", &body[10..20], "bytes 10-19/300000"),
        ("bytes=299990-", &body[299_990..], "bytes 299990-299999/300000"),
        ("bytes=-5", &body[299_995..], "bytes 299995-299999/300000"),
    ] {
        let part = get().range(range).send().await.unwrap();
        assert_eq!(part.content_range(), Some(told));
        assert_eq!(part.body.collect().await.unwrap().to_vec(), expected);
    }
    assert_eq!(refused!(get().range("bytes=300000-").send()), ("InvalidRange".to_owned(), 416));
    let named = get().response_content_disposition("attachment; filename=\"x\"").response_content_type("text/x");
    let named = named.send().await.unwrap();
    assert_eq!(named.content_disposition(), Some("attachment; filename=\"x\""));
    assert_eq!(named.content_type(), Some("text/x"));
}

#[tokio::test]
async fn a_missing_object_is_404() {
    let bed = Bed::new().await;
    assert_eq!(refused!(bed.s3.get_object().bucket("photos").key("x").send()), ("NoSuchKey".to_owned(), 404));
    assert_eq!(refused!(bed.s3.head_object().bucket("photos").key("x").send()).1, 404);
    assert_eq!(refused!(bed.s3.get_object().bucket("nobucket").key("x").send()), ("NoSuchBucket".to_owned(), 404));
    bed.s3.delete_object().bucket("photos").key("x").send().await.unwrap();
}

#[tokio::test]
async fn reads_are_conditional() {
    let bed = Bed::new().await;
    let e_tag = bed.put("a", b"one").await;
    let get = || bed.s3.get_object().bucket("photos").key("a");
    assert_eq!(refused!(get().if_match("\"other\"").send()), ("PreconditionFailed".to_owned(), 412));
    get().if_match(&e_tag).send().await.unwrap();
    assert_eq!(refused!(get().if_none_match(&e_tag).send()).1, 304);
    get().if_none_match("\"other\"").send().await.unwrap();
    assert_eq!(bed.get("a").await, b"one", "the connection of the 304 is still in step");
}

#[tokio::test]
async fn of_many_writers_that_want_to_be_first_one_is() {
    let bed = Bed::new().await;
    let writers = (0..24).map(|seed| {
        let put = bed.s3.put_object().bucket("photos").key("only").if_none_match("*");
        put.body(ByteStream::from(bytes(seed, 100_000))).send()
    });
    let results = futures::future::join_all(writers).await;
    let winners: Vec<_> = (0_u8..).zip(&results).filter(|(_, result)| result.is_ok()).map(|(seed, _)| seed).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(bed.get("only").await, bytes(winners[0], 100_000));
    for result in results {
        if let Err(error) = result {
            assert_eq!(error.code(), Some("PreconditionFailed"));
        }
    }
}

#[tokio::test]
async fn keys_that_are_prefixes_of_others_are_keys_all_the_same() {
    let bed = Bed::new().await;
    for key in ["a/b", "a", "a/", "A", "a//b", "ü ?#%+"] {
        bed.put(key, key.as_bytes()).await;
    }
    for key in ["a/b", "a", "a/", "A", "a//b", "ü ?#%+"] {
        assert_eq!(bed.get(key).await, key.as_bytes());
    }
}

#[tokio::test]
async fn a_multipart_object_is_its_parts_and_its_crc32_is_of_the_whole() {
    let bed = Bed::new().await;
    let (one, two) = (bytes(1, FIVE_MIB), bytes(2, 1000));
    let id = bed.begin("zip").await;
    // Numbers may have gaps, and parts may come in any order.
    let second = bed.part("zip", &id, 7, &two).await;
    let first = bed.part("zip", &id, 2, &one).await;
    let whole = [one, two].concat();
    let wrong = bed.complete("zip", &id, vec![first.clone(), second.clone()]).checksum_crc32(crc32(b"else"));
    assert_eq!(refused!(wrong.send()).0, "BadDigest");
    let right = bed.complete("zip", &id, vec![first.clone(), second.clone()]).checksum_crc32(crc32(&whole));
    let done = right.send().await.unwrap();
    assert_eq!(done.checksum_crc32(), Some(crc32(&whole).as_str()));
    assert!(done.e_tag().unwrap().ends_with("-2\""));
    let head =
        bed.s3.head_object().bucket("photos").key("zip").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(head.checksum_crc32(), Some(crc32(&whole).as_str()));
    assert_eq!(head.checksum_type(), Some(&ChecksumType::FullObject));
    assert_eq!(bed.get("zip").await, whole);
    let across =
        bed.s3.get_object().bucket("photos").key("zip").range(format!("bytes={}-{}", FIVE_MIB - 3, FIVE_MIB + 3));
    let across = across.send().await.unwrap().body.collect().await.unwrap().to_vec();
    assert_eq!(across, whole[FIVE_MIB - 3..FIVE_MIB + 4]);
    assert_eq!(refused!(bed.complete("zip", &id, vec![first, second]).send()).0, "NoSuchUpload");
}

#[tokio::test]
async fn a_completion_is_held_to_order_size_and_etags() {
    let bed = Bed::new().await;
    let id = bed.begin("zip").await;
    let small = bed.part("zip", &id, 1, b"small").await;
    let last = bed.part("zip", &id, 2, b"last").await;
    let (one, two) = (small.clone(), last.clone());
    assert_eq!(refused!(bed.complete("zip", &id, vec![two.clone(), one.clone()]).send()).0, "InvalidPartOrder");
    assert_eq!(refused!(bed.complete("zip", &id, vec![one.clone(), one.clone()]).send()).0, "InvalidPartOrder");
    assert_eq!(refused!(bed.complete("zip", &id, vec![one.clone(), two.clone()]).send()).0, "EntityTooSmall");
    let other = CompletedPart::builder().part_number(1).e_tag("\"0\"").checksum_crc32(crc32(b"small")).build();
    assert_eq!(refused!(bed.complete("zip", &id, vec![other]).send()).0, "InvalidPart");
    bed.put("zip", b"there").await;
    let first = bed.complete("zip", &id, vec![one.clone()]).if_none_match("*");
    assert_eq!(refused!(first.send()), ("PreconditionFailed".to_owned(), 412));
    bed.complete("zip", &id, vec![one]).send().await.unwrap();
    assert_eq!(bed.get("zip").await, b"small");
}

#[tokio::test]
async fn a_part_is_copied_by_range_and_condition() {
    let bed = Bed::new().await;
    let big = bytes(3, FIVE_MIB + 10);
    let e_tag = bed.put("big", &big).await;
    bed.put("small", b"small").await;
    let id = bed.begin("zip").await;
    let copy = |source: &str| {
        let copy = bed.s3.upload_part_copy().bucket("photos").key("zip").upload_id(&id).part_number(1);
        copy.copy_source(format!("photos/{source}"))
    };
    assert_eq!(refused!(copy("big").copy_source_if_match("\"0\"").send()), ("PreconditionFailed".to_owned(), 412));
    assert_eq!(refused!(copy("small").copy_source_range("bytes=0-1").send()).1, 400);
    copy("small").send().await.unwrap();
    let part = copy("big").copy_source_range("bytes=5-99").copy_source_if_match(e_tag).send().await.unwrap();
    let result = part.copy_part_result.unwrap();
    assert_eq!(result.checksum_crc32(), Some(crc32(&big[5..100]).as_str()));
    let part = CompletedPart::builder().part_number(1).e_tag(result.e_tag.unwrap()).checksum_crc32(crc32(&big[5..100]));
    bed.complete("zip", &id, vec![part.build()]).send().await.unwrap();
    assert_eq!(bed.get("zip").await, big[5..100]);
}

#[tokio::test]
async fn an_aborted_upload_is_gone() {
    let bed = Bed::new().await;
    let id = bed.begin("zip").await;
    let part = bed.part("zip", &id, 1, b"x").await;
    bed.s3.abort_multipart_upload().bucket("photos").key("zip").upload_id(&id).send().await.unwrap();
    assert_eq!(refused!(bed.complete("zip", &id, vec![part]).send()).0, "NoSuchUpload");
}

#[tokio::test]
async fn new_objects_under_the_prefix_are_told_to_the_queue() {
    let bed = Bed::new().await;
    bed.listen("events", "originals/").await;
    bed.listen("events", "originals/").await;
    bed.put("originals/a b+ü.jpg", b"12345").await;
    bed.put("archives/a", b"1").await;
    let copy = bed.s3.copy_object().bucket("photos").key("originals/copy").copy_source("photos/archives/a");
    copy.send().await.unwrap();
    let id = bed.begin("originals/zip").await;
    let part = bed.part("originals/zip", &id, 1, b"x").await;
    bed.complete("originals/zip", &id, vec![part]).send().await.unwrap();
    let bodies = bed.bodies("events");
    assert_eq!(bodies[0]["Event"], "s3:TestEvent");
    assert!(bodies[0].get("Records").is_none());
    let events: Vec<aws_lambda_events::event::s3::S3Event> =
        bodies[1..].iter().map(|body| serde_json::from_value(body.clone()).unwrap()).collect();
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            (event.records[0].event_name.as_deref().unwrap(), event.records[0].s3.object.key.as_deref().unwrap())
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("ObjectCreated:Put", "originals/a+b%2B%C3%BC.jpg"),
            ("ObjectCreated:Copy", "originals/copy"),
            ("ObjectCreated:CompleteMultipartUpload", "originals/zip"),
        ]
    );
    let object = &events[0].records[0].s3.object;
    assert_eq!(object.size, Some(5));
    assert_eq!(object.e_tag.as_deref(), Some("827ccb0eea8a706c4c34a16891f84e7b"));
    assert!(object.sequencer.is_some());
    let bed = bed.restart().await;
    bed.put("originals/later", b"1").await;
    assert_eq!(bed.bodies("events").len(), 5);
}

#[tokio::test]
async fn objects_and_uploads_outlive_a_restart() {
    let bed = Bed::new().await;
    bed.put("a", b"kept").await;
    let id = bed.begin("zip").await;
    let part = bed.part("zip", &id, 1, b"part").await;
    let bed = bed.restart().await;
    assert_eq!(bed.get("a").await, b"kept");
    bed.complete("zip", &id, vec![part]).send().await.unwrap();
    assert_eq!(bed.get("zip").await, b"part");
}

#[tokio::test]
async fn a_presigned_put_binds_its_headers_and_ends() {
    let bed = Bed::new().await;
    let presign = |key: &str, seconds: u64, at: std::time::SystemTime| {
        let config =
            PresigningConfig::builder().expires_in(Duration::from_secs(seconds)).start_time(at).build().unwrap();
        let put = bed
            .s3
            .put_object()
            .bucket("photos")
            .key(key)
            .content_type("image/jpeg")
            .content_length(5)
            .if_none_match("*");
        async move { put.presigned(config).await.unwrap() }
    };
    let now = std::time::SystemTime::now();
    let http = reqwest::Client::new();
    let send = |request: &aws_sdk_s3::presigning::PresignedRequest, change: Option<(&str, &str)>, body: &str| {
        let mut put = http.put(request.uri());
        for (name, value) in request.headers() {
            let changed = change.filter(|(changed, _)| name.eq_ignore_ascii_case(changed)).map(|(_, value)| value);
            // The client counts its body itself.
            if !name.eq_ignore_ascii_case("content-length") && changed != Some("") {
                put = put.header(name, changed.unwrap_or(value));
            }
        }
        let put = put.body(body.to_owned());
        async move { put.send().await.unwrap().status().as_u16() }
    };
    let request = presign("a", 60, now).await;
    assert_eq!(send(&request, Some(("content-type", "text/html")), "12345").await, 403);
    assert_eq!(send(&request, Some(("if-none-match", "")), "12345").await, 403);
    assert_eq!(send(&request, None, "123456").await, 403);
    assert_eq!(send(&request, None, "12345").await, 200);
    assert_eq!(send(&request, None, "12345").await, 412);
    let old = presign("b", 60, now - Duration::from_secs(120)).await;
    assert_eq!(send(&old, None, "12345").await, 403);
    assert_eq!(http.get(format!("{}/photos/a", bed.stand_ins.endpoint())).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_body_cut_off_leaves_nothing() {
    use tokio::io::AsyncWriteExt;
    let bed = Bed::new().await;
    let config = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
    let request = bed.s3.put_object().bucket("photos").key("cut").presigned(config).await.unwrap();
    let authority = bed.stand_ins.endpoint().trim_start_matches("http://").to_owned();
    let path = request.uri().split_once(&authority).unwrap().1.to_owned();
    let mut stream = tokio::net::TcpStream::connect(&authority).await.unwrap();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: 1000000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![7; 500_000]).await.unwrap();
    drop(stream);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(refused!(bed.s3.get_object().bucket("photos").key("cut").send()).1, 404);
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_put() {
    let bed = Bed::new().await;
    let rule = CorsRule::builder().allowed_origins("http://shop").allowed_methods("PUT").allowed_headers("*");
    let rule = rule.expose_headers("ETag").build().unwrap();
    let cors = CorsConfiguration::builder().cors_rules(rule).build().unwrap();
    bed.s3.put_bucket_cors().bucket("photos").cors_configuration(cors).send().await.unwrap();
    let ask = |origin: &str| {
        let url = format!("{}/photos/a", bed.stand_ins.endpoint());
        let request = reqwest::Client::new().request(reqwest::Method::OPTIONS, url);
        let request = request.header("origin", origin).header("access-control-request-method", "PUT");
        request.header("access-control-request-headers", "content-type").send()
    };
    let allowed = ask("http://shop").await.unwrap();
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "http://shop");
    assert_eq!(ask("http://else").await.unwrap().status(), 403);
    bed.s3.delete_bucket_cors().bucket("photos").send().await.unwrap();
    assert_eq!(ask("http://shop").await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_listing_goes_page_by_page() {
    let bed = Bed::new().await;
    for number in 0..7 {
        bed.put(&format!("p/{number}"), b"x").await;
    }
    bed.put("q", b"x").await;
    let mut pages = bed.s3.list_objects_v2().bucket("photos").prefix("p/").max_keys(3).into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    assert_eq!(keys, (0..7).map(|number| format!("p/{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_queue_serves_the_client() {
    let bed = Bed::new().await;
    let dead = bed.sqs.create_queue().queue_name("dead").send().await.unwrap().queue_url.unwrap();
    let policy = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":1}}"#, queue_arn("dead"));
    let create = bed.sqs.create_queue().queue_name("jobs").attributes(QueueAttributeName::RedrivePolicy, policy);
    let jobs = create.attributes(QueueAttributeName::VisibilityTimeout, "1").send().await.unwrap().queue_url.unwrap();
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(id).build().unwrap();
    let batch =
        bed.sqs.send_message_batch().queue_url(&jobs).entries(entry("a")).entries(entry("b")).send().await.unwrap();
    assert_eq!((batch.successful().len(), batch.failed().len()), (2, 0));
    let twice = bed.sqs.send_message_batch().queue_url(&jobs).entries(entry("a")).entries(entry("a"));
    assert_eq!(refused!(twice.send()).0, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
    let receive = |queue: &str| {
        let receive = bed.sqs.receive_message().queue_url(queue).max_number_of_messages(10);
        receive.message_system_attribute_names(MessageSystemAttributeName::All)
    };
    let messages = receive(&jobs).send().await.unwrap().messages.unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(messages[0].md5_of_body(), Some("0cc175b9c0f1b6a831c399e269772661"));
    let handle = messages[0].receipt_handle().unwrap();
    bed.sqs.delete_message().queue_url(&jobs).receipt_handle(handle).send().await.unwrap();
    // A long poll sees the message whose time is up, and finds that it goes to the dead letters.
    assert!(receive(&jobs).wait_time_seconds(2).send().await.unwrap().messages().is_empty());
    let buried = receive(&dead).send().await.unwrap().messages.unwrap();
    assert_eq!(buried[0].message_id(), messages[1].message_id());
    let change = bed.sqs.change_message_visibility().queue_url(&dead).visibility_timeout(0);
    change.receipt_handle(buried[0].receipt_handle().unwrap()).send().await.unwrap();
    bed.sqs.start_message_move_task().source_arn(queue_arn("dead")).send().await.unwrap();
    let again = receive(&jobs).send().await.unwrap().messages.unwrap();
    assert_eq!(again[0].body(), Some("b"));
    let gone = refused!(bed.sqs.get_queue_url().queue_name("none").send());
    assert_eq!(gone, ("AWS.SimpleQueueService.NonExistentQueue".to_owned(), 400));
    let error = bed.sqs.get_queue_url().queue_name("none").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_queue_does_not_exist());
}

#[tokio::test]
async fn a_long_poll_wakes_when_a_message_comes() {
    let bed = Bed::new().await;
    let queue = bed.sqs.create_queue().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    let started = std::time::Instant::now();
    let (received, ()) =
        tokio::join!(bed.sqs.receive_message().queue_url(&queue).wait_time_seconds(10).send(), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            bed.sqs.send_message().queue_url(&queue).message_body("x").send().await.unwrap();
        });
    assert_eq!(received.unwrap().messages().len(), 1);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn messages_outlive_a_restart_with_their_counts() {
    let bed = Bed::new().await;
    let queue = bed.sqs.create_queue().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    bed.sqs.send_message().queue_url(&queue).message_body("x").send().await.unwrap();
    bed.sqs.receive_message().queue_url(&queue).send().await.unwrap();
    let bed = bed.restart().await;
    let received = bed.stand_ins.queues().receive("jobs", 1, Duration::ZERO).await.unwrap();
    assert_eq!(received[0].receive_count, 2);
}

#[tokio::test]
async fn mail_and_parameters_are_kept() {
    use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
    let bed = Bed::new().await;
    let ses = aws_sdk_sesv2::Client::new(&bed.config);
    let text = |text: &str| Content::builder().data(text).build().unwrap();
    let body = Body::builder().text(text("plain")).html(text("<p>rich")).build();
    let content = EmailContent::builder().simple(Message::builder().subject(text("Hi")).body(body).build()).build();
    let send = |to: Option<&str>| {
        let destination = Destination::builder().set_to_addresses(to.map(|to| vec![to.to_owned()])).build();
        let send = ses.send_email().from_email_address("a@example.com").destination(destination);
        send.content(content.clone()).send()
    };
    let id = send(Some("b@example.com")).await.unwrap().message_id.unwrap();
    assert_eq!(refused!(send(None)).0, "BadRequestException");
    let mails = bed.stand_ins.mailbox().list();
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].message_id.as_str(), mails[0].to.as_slice()),
        (id.as_str(), &["b@example.com".to_owned()][..])
    );
    let ssm = shared::parameters::Parameters::new(&bed.config).unwrap();
    let missing = format!("{:#}", ssm.get("/key").await.unwrap_err());
    assert!(missing.contains("ParameterNotFound"), "{missing}");
    bed.stand_ins.parameters().get_or_create("/key", || "secret".to_owned()).unwrap();
    assert_eq!(ssm.get("/key").await.unwrap(), "secret");
    let bed = bed.restart().await;
    assert_eq!(bed.stand_ins.mailbox().list().len(), 1);
}

#[tokio::test]
async fn tables_are_served() {
    let bed = Bed::new().await;
    let config = bed.config.to_builder().endpoint_url(bed.stand_ins.dynamodb_endpoint()).build();
    let tables = aws_sdk_dynamodb::Client::new(&config).list_tables().send().await.unwrap();
    assert!(tables.table_names().is_empty());
}

#[tokio::test]
async fn functions_and_metrics_are_served_by_the_scope_of_the_signature() {
    let bed = Bed::new().await;
    bed.stand_ins.run_functions(std::sync::Arc::new(|name, event| {
        (name == "echo").then(|| Box::pin(async move { Ok(event) }) as lambda::Running)
    }));
    let queue = bed.sqs.create_queue().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    bed.sqs.send_message().queue_url(&queue).message_body("x").send().await.unwrap();
    let http = reqwest::Client::new();
    let post = async |service: &str, path: &str, target: &str, body: serde_json::Value| {
        let scope = format!("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request");
        let request = http.post(format!("{}{path}", bed.stand_ins.endpoint())).header("authorization", scope);
        let answer = request.header("x-amz-target", target).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let invoke = async |name: &str| {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        post("lambda", &path, "", serde_json::json!({ "a": 1 })).await
    };
    assert_eq!(invoke("echo").await, (200, serde_json::json!({ "a": 1 })));
    assert_eq!(invoke("none").await.0, 404);
    let now = jiff::Timestamp::now().as_second();
    let metric = serde_json::json!({
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{ "Name": "QueueName", "Value": "jobs" }],
    });
    let query = serde_json::json!({ "Id": "q0", "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Maximum" } });
    let body = serde_json::json!({ "StartTime": now - 300, "EndTime": now + 60, "MetricDataQueries": [query] });
    let target = "GraniteServiceVersion20100801.GetMetricData";
    let (status, answer) = post("monitoring", "/", target, body).await;
    assert_eq!(status, 200);
    assert!(answer["MetricDataResults"][0]["Values"][0].as_f64().is_some_and(|age| age < 60.0), "{answer}");
}
