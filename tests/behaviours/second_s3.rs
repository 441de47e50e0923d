//! The built functions with the S3 of LocalStack, which `tests/second-s3/run` starts.

mod killer;
mod probes;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use api_types::{DownloadState, DownloadView};
use aws_sdk_s3::types::{
    ChecksumMode, Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter,
    QueueConfiguration, S3KeyFilter,
};
use domain::download::DownloadKind;
use runtime::{env::Env, objects::decode_crc32};
use serde_json::{Value, json};
use tests::{
    TestApp,
    processes::{Host, build_functions},
    proxy::Proxy,
    unzip,
};
use tokio::task::JoinSet;

use self::killer::{Killer, kill};

/// The functions' timeout, and so the longest lease. A killed build is resumed when its lease has ended.
const TIMEOUT_SECONDS: u32 = 20;
/// The environment variable with the second S3's address, set by `tests/second-s3/run`.
const VARIABLE: &str = "SECOND_S3";

type Photos = Vec<(String, Vec<u8>, String)>;

/// A system whose functions are processes with LocalStack's S3.
struct Bed {
    app: TestApp,
    host: Arc<Host>,
    line: Killer,
    environment: HashMap<String, String>,
    s3: aws_sdk_s3::Client,
    _router: Proxy,
    _events: JoinSet<()>,
}

fn second_s3() -> String {
    std::env::var(VARIABLE).expect("SECOND_S3 is set by tests/second-s3/run")
}

impl Bed {
    async fn start() -> Self {
        let bins = tokio::task::spawn_blocking(build_functions).await.unwrap().unwrap();
        let counts = [("api", 2), ("photo-processor", 2), ("archive-builder", 1), ("email-sender", 1)];
        let host = Arc::new(Host::start(&bins, &counts).await.unwrap());
        let app = TestApp::with(|options| {
            options.functions = Some(host.url.clone());
            options.queues.values_mut().for_each(|worker| worker.timeout_seconds = TIMEOUT_SECONDS);
        })
        .await;
        let second = second_s3();
        let line = Killer::new(host.clone());
        let mut environment = app.environment();
        let router = Proxy::split(&second, &environment["AWS_ENDPOINT_URL"], Arc::new(line.clone())).await.unwrap();
        environment.insert("AWS_ENDPOINT_URL".into(), router.endpoint.clone());
        environment.insert("FUNCTION_TIMEOUT_SECONDS".into(), TIMEOUT_SECONDS.to_string());
        let s3 = s3(&environment);
        let mut beside = environment.clone();
        beside.insert("AWS_ENDPOINT_URL".into(), second);
        let sqs =
            aws_sdk_sqs::Client::new(&runtime::aws::config(&Env::of(beside), runtime::aws::Patience::Job).unwrap());
        let mut events = JoinSet::new();
        set_up(&s3, &sqs, &app, &mut events).await;
        host.set_environment(environment.clone());
        Self { app, host, line, environment, s3, _router: router, _events: events }
    }

    /// Restarts the builder with one more variable.
    fn builder_with(&self, name: &str, value: &str) {
        let mut environment = self.environment.clone();
        environment.insert(name.into(), value.into());
        self.host.set_environment(environment);
        kill(&self.host, "archive-builder");
    }

    /// Builds a download, compares its archives with the announcement and all photos byte for byte, and returns its record.
    async fn archive(&self, order: &str, mut terms: Value, photos: &Photos) -> DownloadView {
        terms["notify"] = json!(false);
        let (download, link) = self.app.download("anna", order, terms).await;
        assert_eq!(download.status, DownloadState::Ready, "{download:?}");
        let mut packed = Vec::new();
        for (archive, volume) in download.archives.iter().zip(1..) {
            let bytes = self.app.fetch(&format!("{link}?volume={volume}")).await.unwrap();
            assert_eq!(archive.size_bytes, bytes.len() as u64);
            assert_eq!(archive.crc32, format!("{:08x}", crc32fast::hash(&bytes)));
            let head =
                self.s3.head_object().bucket("downloads").key(&archive.path).checksum_mode(ChecksumMode::Enabled);
            let kept = head.send().await.unwrap().checksum_crc32.as_deref().and_then(decode_crc32);
            assert_eq!(kept, Some(crc32fast::hash(&bytes)), "S3 keeps the checksum of the whole archive");
            packed.extend(unzip(bytes).into_iter().filter(|(name, _)| !name.contains("manifest")));
        }
        assert_eq!(packed.len(), photos.len());
        for ((name, packed), (original_name, original, _)) in packed.iter().zip(photos) {
            assert!(name.ends_with(&format!("/{original_name}")) && packed == original, "{name}");
        }
        download
    }

    async fn nothing_is_left(&self) {
        let objects = self.s3.list_objects_v2().bucket("downloads").prefix("work/").send().await.unwrap();
        assert!(objects.contents().is_empty(), "{objects:?}");
        let uploads = self.s3.list_multipart_uploads().bucket("downloads").send().await.unwrap();
        assert!(uploads.uploads().is_empty(), "{uploads:?}");
    }
}

fn s3(environment: &HashMap<String, String>) -> aws_sdk_s3::Client {
    let env = Env::of(environment.clone());
    runtime::aws::s3(&env, &runtime::aws::config(&env, runtime::aws::Patience::Job).unwrap())
}

/// Creates the buckets, and forwards their notifications from LocalStack's queue to the system's.
async fn set_up(s3: &aws_sdk_s3::Client, sqs: &aws_sdk_sqs::Client, app: &TestApp, events: &mut JoinSet<()>) {
    for bucket in ["photos", "downloads"] {
        s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    let from = sqs.create_queue().queue_name("photos").send().await.unwrap().queue_url.unwrap();
    let prefix = FilterRule::builder().name(FilterRuleName::Prefix).value("originals/").build();
    let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(prefix).build());
    let queue = QueueConfiguration::builder()
        .queue_arn("arn:aws:sqs:us-east-1:000000000000:photos")
        .events(Event::S3ObjectCreated)
        .filter(filter.build())
        .build()
        .unwrap();
    let configuration = NotificationConfiguration::builder().queue_configurations(queue).build();
    let put = s3.put_bucket_notification_configuration().bucket("photos").notification_configuration(configuration);
    put.send().await.unwrap();
    let (sqs, system, to) = (sqs.clone(), app.sqs().clone(), app.queue_url("photos"));
    events.spawn(async move {
        loop {
            let received = sqs.receive_message().queue_url(&from).max_number_of_messages(10).wait_time_seconds(1);
            for message in received.send().await.unwrap().messages.unwrap_or_default() {
                let body = message.body.unwrap();
                system.send_message().queue_url(&to).message_body(body).send().await.unwrap();
                let delete = sqs.delete_message().queue_url(&from).receipt_handle(message.receipt_handle.unwrap());
                delete.send().await.unwrap();
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs LocalStack: tests/second-s3/run"]
async fn second_s3_stores_archives_of_all_kinds() {
    let bed = Bed::start().await;
    let photos = bed.app.large_and_small("anna", "LsLLsL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    // Each build has an order of its own: the same order again is copied, not built.
    let order = async |reference: &str| bed.app.order("anna", reference, &ids).await;
    let whole = order("S-3").await;
    bed.line.made();
    bed.archive(&whole, json!({}), &photos).await;
    let parts = bed.line.made();
    assert!(parts > 9, "{parts} parts");
    bed.archive(&whole, json!({}), &photos).await;
    assert_eq!(bed.line.made(), 0, "the same order again is copied");
    let split = bed.archive(&order("S-4").await, json!({ "split_bytes": 12_000_000 }), &photos).await;
    assert_eq!(split.archives.len(), 2);

    let (single, link) =
        bed.app.download("anna", &whole, json!({ "kind": "single", "photo_id": ids[1], "notify": false })).await;
    assert_eq!((single.status, single.kind), (DownloadState::Ready, DownloadKind::Single));
    assert!(bed.app.fetch(&link).await.unwrap() == photos[1].1);

    let killed = order("S-5").await;
    bed.line.made();
    bed.line.kill_at(parts / 2);
    let begun = Instant::now();
    bed.archive(&killed, json!({}), &photos).await;
    assert!(bed.line.has_killed() && begun.elapsed() > Duration::from_secs(5), "the build was killed");
    let resumed = bed.line.made();
    assert!(resumed <= parts, "{resumed} parts, {parts} without a kill");

    bed.builder_with("ARCHIVE_PREFERENCE", "cheap");
    let cheap = order("S-6").await;
    bed.line.made();
    bed.archive(&cheap, json!({}), &photos).await;
    assert!(bed.line.made() < parts, "streaming takes fewer parts");
    bed.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs LocalStack: tests/second-s3/run"]
#[expect(clippy::print_stdout, reason = "the run shows what both stores respond")]
async fn second_s3_and_stand_in_respond_alike() {
    let app = TestApp::start().await;
    let ours = app.environment();
    let mut theirs = ours.clone();
    theirs.insert("AWS_ENDPOINT_URL".into(), second_s3());
    let (ours, theirs) = tokio::join!(probes::ask(&ours), probes::ask(&theirs));
    assert_eq!(ours.len(), theirs.len());
    let mut unknown = Vec::new();
    for ((probe, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        println!("{probe:50} {ours}");
        if ours == theirs {
            continue;
        }
        println!("{:50} {theirs}", "  LocalStack");
        if !probes::DIFFERENCES.contains(probe) {
            unknown.push(probe);
        }
    }
    assert!(unknown.is_empty(), "differences that tests/README.md does not list: {unknown:#?}");
}
