//! Tests of the rules of S3 and SQS on which this system depends, with unmodified clients.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_s3::{
    Client as S3,
    config::{BehaviorVersion, Region},
    operation::{
        complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder,
        put_bucket_notification_configuration::builders::PutBucketNotificationConfigurationFluentBuilder,
    },
    primitives::ByteStream,
    types::{
        ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, Event, FilterRule, FilterRuleName,
        NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
    },
};
use aws_sdk_sqs::Client as Sqs;
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_types::{SdkConfig, sdk_config::SharedCredentialsProvider};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;

use crate::{ACCESS_KEY, Options, REGION, SECRET_KEY, StandIns, identity::queue_arn, sqs::QueueAttributes};

/// Returns the code and the status of an error response.
macro_rules! refused {
    ($call:expr) => {{
        let error = $call.await.unwrap_err();
        let status = error.raw_response().map(|raw| raw.status().as_u16()).unwrap();
        let code = aws_sdk_s3::error::ProvideErrorMetadata::code(&error).unwrap_or_default();
        (code.to_owned(), status)
    }};
}

mod objects;
mod others;
mod queues;
mod uploads;
mod versions;

fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "stand-in");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(HttpBuilder::new().build_http())
        .endpoint_url(endpoint)
        .build()
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
            StandIns::start(Options { data: data.path().to_owned(), port: 0, now: Arc::new(Timestamp::now) })
                .await
                .unwrap();
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

    fn complete(&self, key: &str, id: &str, parts: Vec<CompletedPart>) -> CompleteMultipartUploadFluentBuilder {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete =
            self.s3.complete_multipart_upload().bucket("photos").key(key).upload_id(id).multipart_upload(parts);
        complete.checksum_type(ChecksumType::FullObject)
    }

    async fn listen(&self, queue: &str, prefix: &str) {
        self.notify(vec![self.rule(queue, prefix, vec![Event::S3ObjectCreated])]).send().await.unwrap();
    }

    /// Creates a queue, and returns the rule that sends it these events of keys with the prefix.
    fn rule(&self, queue: &str, prefix: &str, events: Vec<Event>) -> QueueConfiguration {
        self.stand_ins.queues().create(queue, QueueAttributes::default()).unwrap();
        let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
        let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(rule).build());
        let configuration = QueueConfiguration::builder().queue_arn(queue_arn(queue)).set_events(Some(events));
        configuration.filter(filter.build()).build().unwrap()
    }

    fn notify(&self, rules: Vec<QueueConfiguration>) -> PutBucketNotificationConfigurationFluentBuilder {
        let configuration = NotificationConfiguration::builder().set_queue_configurations(Some(rules)).build();
        let put = self.s3.put_bucket_notification_configuration().bucket("photos");
        put.notification_configuration(configuration)
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
