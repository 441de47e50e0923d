//! Waiting for a state of the system.

use std::time::Duration;

use anyhow::{Result, bail};
use aws_sdk_sqs::types::QueueAttributeName;
use local_aws::CapturedEmail;
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{Answer, TestApp};

/// The limit for a photo to be processed, an archive to be built or an email to be sent, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// The time in which something that must not happen would be noticed.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// Looks until there is something, and returns it; `None` after [`PATIENCE`].
pub async fn found<T, L: Future<Output = Option<T>>>(look: impl Fn() -> L) -> Option<T> {
    let begun = Instant::now();
    loop {
        let seen = look().await;
        if seen.is_some() || begun.elapsed() > PATIENCE {
            return seen;
        }
        sleep(PAUSE).await;
    }
}

impl TestApp {
    /// Waits until the record at `path` has one of these states.
    pub async fn until(&self, studio: &str, path: &str, states: &[&str]) -> Result<Value> {
        let look = || async {
            let answer = self.get(studio, path).await;
            states.contains(&answer.text("/status").as_str()).then_some(answer.body)
        };
        match found(look).await {
            Some(record) => Ok(record),
            None => bail!("{path} did not become {states:?}: {:?}", self.get(studio, path).await),
        }
    }

    /// Waits until the record at `path` has one of these states, and returns its view.
    pub async fn until_view<T: DeserializeOwned>(&self, studio: &str, path: &str, states: &[&str]) -> T {
        let shown = self.until(studio, path, states).await.expect("ends");
        serde_json::from_value(shown).expect("a view of the API")
    }

    /// Waits until an operation has ended.
    pub async fn until_done(&self, studio: &str, begun: &Answer) -> Value {
        assert_eq!(begun.status, StatusCode::ACCEPTED, "{begun:?}");
        let path = format!("/operations/{}", begun.text("/operation/id"));
        let ended = self.until(studio, &path, &["done", "failed"]).await.expect("ends");
        assert_eq!(ended["status"], "done", "{ended}");
        ended
    }

    /// Waits for this number of emails, and then a little longer to notice further ones.
    pub async fn until_emails(&self, count: usize) -> Vec<CapturedEmail> {
        found(|| async { (self.emails().await.len() >= count).then_some(()) }).await;
        sleep(AFTERWARDS).await;
        let emails = self.emails().await;
        assert_eq!(emails.len(), count, "{emails:#?}");
        emails
    }

    /// Waits until a queue has no visible, delayed or in-flight messages.
    pub async fn until_empty(&self, queue: &str) {
        self.until_depth(queue, 0).await;
    }

    /// Waits until a queue has this number of messages, in any state.
    ///
    /// Waits until no queue has messages, but delayed ones, and no jobs that follow from jobs.
    pub async fn until_idle(&self) {
        for _ in 0..2 {
            for queue in ["uploads", "photos", "downloads", "default", "emails", "webhooks"] {
                let idle = || async {
                    let counts = self.system().queues().counts(queue).ok()?;
                    (counts.visible + counts.in_flight == 0).then_some(())
                };
                assert!(found(idle).await.is_some(), "{queue} does not become idle");
            }
            sleep(PAUSE).await;
        }
    }

    /// The queue `photos` gets its jobs from the queue `uploads`, which must be empty first.
    pub async fn until_depth(&self, queue: &str, messages: u64) {
        if queue == "photos" {
            let is_empty = found(|| async { (self.depth("uploads").await == 0).then_some(()) }).await;
            assert!(is_empty.is_some(), "uploads still holds messages");
        }
        let reached = found(|| async { (self.depth(queue).await == messages).then_some(()) }).await;
        assert!(reached.is_some(), "{queue} does not hold {messages} messages");
    }

    /// Waits until a queue has no visible messages: all that are left were received and are hidden.
    pub async fn until_quiet(&self, queue: &str) {
        if queue == "photos" {
            Box::pin(self.until_quiet("uploads")).await;
        }
        let visible = [QueueAttributeName::ApproximateNumberOfMessages];
        let quiet = found(|| async { (self.count(queue, &visible).await == 0).then_some(()) }).await;
        assert!(quiet.is_some(), "{queue} still holds visible messages");
        sleep(AFTERWARDS).await;
    }

    /// Returns the number of messages of a queue, in any state.
    pub async fn depth(&self, queue: &str) -> u64 {
        let all = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        self.count(queue, &all).await
    }

    async fn count(&self, queue: &str, names: &[QueueAttributeName]) -> u64 {
        let attributes = self.sqs().get_queue_attributes().queue_url(self.queue_url(queue));
        let answer = attributes.attribute_names(QueueAttributeName::All).send().await;
        let counts = answer.expect("is answered").attributes.unwrap_or_default();
        names.iter().filter_map(|name| counts.get(name)?.parse::<u64>().ok()).sum()
    }
}
