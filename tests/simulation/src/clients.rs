//! Clients: photographers and their S3 clients, the shop, customers and operators. They retry what got no clear response, with the same
//! Idempotency-Key, like any careful client.

mod customer;
mod operator;
mod parts;
mod photographer;
mod shop;
mod signed;
mod uploader;

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    gateway::{Answer, Call, Gateway},
    story::{Action, Step},
    truth::Truth,
};

/// The studio of all records.
pub const STUDIO: &str = "anna";
/// Requests until a client gives up.
const ATTEMPTS: u32 = 12;
/// Wait after the first attempt; it doubles up to [`MAX_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(600);

/// Due date of a record of a newer release, in milliseconds of Unix time: always.
pub const ALWAYS_DUE: i64 = 1;

/// The clients of a history.
#[derive(Clone)]
pub struct Clients {
    /// The API.
    pub gateway: Gateway,
    /// Facts that they know.
    pub truth: Truth,
}

impl Clients {
    /// Starts the tasks of all steps. Each begins at its time. The shop has a webhook from the beginning.
    pub fn start(&self, steps: &[Step]) {
        let clients = self.clone();
        tokio::spawn(async move { shop::create_webhook(&clients).await });
        for step in steps {
            let (clients, step) = (self.clone(), step.clone());
            tokio::spawn(async move {
                tokio::time::sleep(step.at).await;
                clients.act(step).await;
            });
        }
    }

    async fn act(&self, step: Step) {
        // What an earlier release left has its own keys.
        let release = if self.gateway.cloud.state().planted_at.is_some() { "next-" } else { "" };
        let key = format!("{release}step-{}", step.number);
        match step.action {
            Action::Announce { photo, size, declares_hash, upload } => {
                photographer::announce(self, &key, photo, size, declares_hash, upload).await;
            }
            Action::Store { photo, path, content, times, every } => {
                uploader::store(self, photo, (path, content), times, every).await;
            }
            Action::Delete { photo } => photographer::delete(self, photo).await,
            Action::Process { photo, waits } => photographer::process(self, &key, photo, waits).await,
            Action::ProcessAll => photographer::process_all(self, &key).await,
            Action::List => photographer::list(self).await,
            Action::Order { order, photos, customer } => shop::order(self, &key, order, &photos, customer).await,
            Action::Download { download, order, web, single, max_downloads, waits } => {
                let terms = shop::Terms { web, single, max_downloads, waits };
                shop::download(self, &key, download, order, terms).await;
            }
            Action::EraseOrder { order } => shop::erase_order(self, order).await,
            Action::EraseCustomer { customer } => shop::erase_customer(self, &key, customer).await,
            Action::Rebuild { download } => shop::rebuild(self, &key, download).await,
            Action::Revoke { download } => shop::revoke(self, download).await,
            Action::Notify { download, customer } => shop::notify(self, &key, download, customer).await,
            Action::Email { order, waits } => shop::email(self, &key, order, waits).await,
            Action::Fetch { download, times } => customer::fetch(self, download, times).await,
            Action::RetryFailed { queue } => operator::retry(self, &key, queue).await,
            Action::ForgetFailed { queue } => operator::forget(self, &key, queue).await,
            Action::Look { queue } => operator::look(self, queue).await,
            Action::Pause { queue, resumed_after } => operator::pause(self, queue, resumed_after).await,
            Action::Redrive { queue } => operator::redrive(self, queue),
            Action::Poison { queue } => operator::poison(self, queue),
            Action::Previous { queue } => operator::previous(self, queue),
            Action::Unreadable { table } => operator::unreadable(self, table),
            Action::Restore { table } => operator::restore(self, table),
        }
    }

    /// Sends a request of the studio until it gets a clear response.
    async fn request(&self, method: Method, path: impl Into<String>, key: Option<&str>, body: Value) -> Option<Answer> {
        self.ask(call(method, path, key, body)).await
    }

    /// Sends a request until it gets a clear response. Returns `None` if it never does.
    async fn ask(&self, call: Call) -> Option<Answer> {
        let mut wait = FIRST_WAIT;
        for _ in 0..ATTEMPTS {
            self.truth.facts().requests += 1;
            let answer = self.gateway.send(&call).await;
            if let Some(answer) = answer {
                self.check(&call, &answer);
                let in_flight = answer.status == StatusCode::CONFLICT
                    && answer.json["type"].as_str().is_some_and(|kind| kind.ends_with("request-in-flight"));
                let is_clear = !answer.status.is_server_error() && answer.status != StatusCode::TOO_MANY_REQUESTS;
                if is_clear && !in_flight {
                    let operation =
                        answer.json["operation"]["id"].as_str().and_then(|id| id.parse::<uuid::Uuid>().ok());
                    self.truth.facts().operations.extend(operation);
                    return Some(answer);
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(MAX_WAIT);
        }
        None
    }

    /// Returns the id of a created record. Reports a response that should have one: a client that does not find what it
    /// asked for would do nothing from then on, and its history would prove nothing.
    fn id_in(&self, answer: &Answer, pointer: &str) -> Option<Uuid> {
        let id = answer.json.pointer(pointer).and_then(Value::as_str).and_then(|id| id.parse().ok());
        if id.is_none() && answer.status.is_success() {
            let (status, text) = (answer.status, &answer.text);
            self.gateway.cloud.violated(format!("A response {status} has no id at {pointer}: {text}"));
        }
        id
    }

    /// Reports a response that the API must never give.
    fn check(&self, call: &Call, answer: &Answer) {
        let may_fail = self.gateway.cloud.state().faults.may_fail();
        let is_wrong = match answer.status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => !may_fail,
            status => status.is_server_error(),
        };
        if is_wrong {
            let (method, path, status) = (&call.method, &call.path, answer.status);
            self.gateway.cloud.violated(format!("{method} {path} was answered {status}: {}", answer.text));
        }
    }
}

/// Returns a request of the studio.
fn call(method: Method, path: impl Into<String>, key: Option<&str>, body: Value) -> Call {
    Call {
        method,
        path: path.into(),
        body,
        key: key.map(str::to_owned),
        studio: Some(STUDIO.to_owned()),
        operator: false,
    }
}
