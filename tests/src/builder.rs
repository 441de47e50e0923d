//! An archive builder of a test's own. All its requests go through a proxy, so a test can kill it at any of them.

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use domain::{Job, download::Download};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use runtime::{env::Env, store::Table, worker::Worker, world::World};
use uuid::Uuid;

use crate::{
    TestApp,
    proxy::{Line, Proxy},
};

/// A builder with proxies before its S3 and its DynamoDB.
pub struct Builder {
    worker: Worker,
    downloads: Table<Download>,
    /// The proxy before S3.
    pub s3: Proxy,
    _dynamodb: Proxy,
}

impl TestApp {
    /// Starts a system without a working builder, so that a test's own builder gets the jobs.
    pub async fn without_builder() -> Self {
        Self::with(|options| {
            // The jobs wait in the queue until a function of this name exists.
            options.set("archive-builder", "DOWNLOADS_TABLE", "none");
        })
        .await
    }

    /// Returns a builder whose requests all pass through `line`.
    pub async fn builder(&self, line: Arc<dyn Line>) -> Builder {
        self.builder_with(line, &[]).await
    }

    /// Returns such a builder with additional variables.
    pub async fn builder_with(&self, line: Arc<dyn Line>, more: &[(&str, &str)]) -> Builder {
        let mut variables = self.environment();
        let target = |name: &str| variables.get(name).expect("set").clone();
        let (aws, dynamodb) = (target("AWS_ENDPOINT_URL"), target("AWS_ENDPOINT_URL_DYNAMODB"));
        let s3 = Proxy::start(&aws, line.clone()).await.expect("a port");
        let dynamodb = Proxy::start(&dynamodb, line).await.expect("a port");
        let config = runtime::aws::config(&self.env(), runtime::aws::Patience::Job).expect("complete");
        let downloads = Table::new(runtime::aws::dynamodb(&self.env(), &config), "downloads", &World::system());
        variables.insert("AWS_ENDPOINT_URL".into(), s3.endpoint.clone());
        variables.insert("AWS_ENDPOINT_URL_DYNAMODB".into(), dynamodb.endpoint.clone());
        variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let worker = archive_builder::worker(&Env::of(variables)).expect("complete");
        Builder { worker, downloads, s3, _dynamodb: dynamodb }
    }
}

impl Builder {
    /// Invokes the builder with the job, as Lambda does with `seconds` left to the deadline.
    pub async fn build(&self, studio: &str, download: &str, seconds: i64) -> SqsBatchResponse {
        let job =
            Job::BuildArchive { studio: studio.parse().expect("a studio"), download: download.parse().expect("an id") };
        let mut message = SqsMessage::default();
        message.message_id = Some("1".into());
        message.body = Some(job.encode(jiff::Timestamp::now()));
        let mut event = SqsEvent::default();
        event.records = vec![message];
        let mut context = Context::default();
        let deadline = Timestamp::now().as_millisecond() + seconds * 1_000;
        context.deadline = u64::try_from(deadline).expect("after 1970");
        self.worker.handle(LambdaEvent::new(event, context)).await
    }

    /// Returns the current record.
    pub async fn record(&self, studio: &str, download: &str) -> Download {
        let id: Uuid = download.parse().expect("an id");
        let found = self.downloads.get(&studio.parse().expect("a studio"), id).await;
        found.expect("is read").expect("is there")
    }

    /// Ends the lease of a dead builder, as the passage of time does.
    pub async fn let_lease_end(&self, studio: &str, download: &str) {
        let id: Uuid = download.parse().expect("an id");
        let free = |record: &mut Download| {
            record.work.free(Timestamp::now());
            Ok::<_, ()>(())
        };
        self.downloads.update(&studio.parse().expect("a studio"), id, free).await.expect("is written");
    }
}
