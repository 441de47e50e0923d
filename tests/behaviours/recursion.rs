//! A worker that continues its own work in new messages, under Lambda's rule against recursive loops. The functions run
//! as processes, because only there does the SDK send the tracing header.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use domain::{
    RecordError,
    email::{Email, EmailStatus, Message},
    queue_config::{QueueName, RecursiveLoop},
};
use jiff::Timestamp;
use runtime::{clock::Clock, store::Table, world::World};
use serde_json::json;
use tests::{
    Answer, TestApp,
    processes::{Host, build_functions},
};
use uuid::Uuid;

/// The failed emails that an operation forgets in an invocation without time for more.
const PAGE: usize = 100;
/// The number of invocations, more than Lambda allows by default.
const INVOCATIONS: usize = 18;
/// The timeout. Settling takes 3 s, and a page begins with at least 5 s left, so there is time for one page.
const TIMEOUT_SECONDS: u32 = 8;
/// The number of receives after which a rejected message is a dead letter.
const MAX_RECEIVES: u32 = 2;

struct Chain {
    app: TestApp,
    operation: String,
    _host: Host,
}

impl Chain {
    /// Starts an operation that takes `INVOCATIONS` invocations. Each sends the message of the next one.
    async fn begin(recursive_loop: RecursiveLoop) -> Self {
        let bins = tokio::task::spawn_blocking(build_functions).await.unwrap().unwrap();
        let host = Host::start(&bins, &[("api", 1), ("housekeeper", 1)]).await.unwrap();
        let app = TestApp::with(|options| {
            options.by_hand = true;
            options.clock = Clock::movable();
            options.functions = Some(host.url.clone());
            let default = options.queues.get_mut(&QueueName::Default).unwrap();
            (default.recursive_loop, default.max_receives) = (recursive_loop, MAX_RECEIVES);
        })
        .await;
        let mut environment = app.environment();
        environment.insert("FUNCTION_TIMEOUT_SECONDS".into(), TIMEOUT_SECONDS.to_string());
        host.set_environment(environment);
        failed_emails(&app).await;
        let begun = app.operator().delete("/queues/emails/failed?all=true").await;
        let operation = begun.text("/operation/id");
        assert!(!operation.is_empty(), "{begun:?}");
        Self { app, operation, _host: host }
    }

    async fn operation(&self) -> Answer {
        self.app.get("ops", &format!("/operations/{}", self.operation)).await
    }

    /// Delivers visible messages, at most as many batches as the operation takes. Returns the number of batches.
    async fn work(&self) -> usize {
        let source = self.app.system().source("default").unwrap();
        let mut batches = 0;
        while batches < INVOCATIONS && source.poll(0).await.unwrap() {
            batches += 1;
        }
        batches
    }
}

/// Fills the table with copies of one failed email.
async fn failed_emails(app: &TestApp) {
    let config = runtime::aws::config(&app.env(), runtime::aws::Patience::Job).unwrap();
    let dynamodb = runtime::aws::dynamodb(&app.env(), &config);
    let message = Message::OrderConfirmation { order_id: Uuid::now_v7() };
    let (studio, to, now) = ("anna".parse().unwrap(), "eva@example.com".parse().unwrap(), Timestamp::now());
    let mut email = Email::new(studio, Uuid::now_v7(), message, to, "en".into(), now);
    email.status = EmailStatus::Failed;
    email.error = Some(RecordError::new("rejected", "By the test."));
    email.work.give_up(now);
    Table::new(dynamodb.clone(), "emails", &World::system()).create(&email).await.unwrap();
    let record = dynamodb.scan().table_name("emails").send().await.unwrap().items.unwrap().remove(0);
    let copy = || {
        let id = AttributeValue::S(Uuid::now_v7().to_string());
        let put = Put::builder().table_name("emails").set_item(Some(record.clone())).item("id", id).build().unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    for page in 0..INVOCATIONS {
        let copies = (usize::from(page == 0)..PAGE).map(|_| copy()).collect();
        dynamodb.transact_write_items().set_transact_items(Some(copies)).send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_worker_continues_past_sixteen_invocations() {
    let chain = Chain::begin(RecursiveLoop::Allow).await;
    assert_eq!(chain.work().await, INVOCATIONS);
    let seen = chain.operation().await;
    assert_eq!(seen.body["done"], json!(INVOCATIONS * PAGE), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recursive_loop_ends_in_the_dead_letter_queue() {
    let chain = Chain::begin(RecursiveLoop::Terminate).await;
    let batches = chain.work().await;
    let stopped = chain.operation().await;
    assert_eq!((batches, &stopped.body["done"]), (17, &json!(16 * PAGE)), "the 17th was refused: {stopped:?}");
    // The message is rejected at each receive, until SQS moves it to the dead-letter queue.
    for _ in 0..MAX_RECEIVES {
        chain.app.system().advance(Duration::from_secs(3600));
        chain.work().await;
    }
    assert_eq!((chain.app.depth("default").await, chain.app.depth("default-dlq").await), (0, 1));
    assert_eq!(chain.operation().await.body["done"], stopped.body["done"]);
}
