//! Model of Lambda's event source mappings: one for each queue, listed, enabled and disabled.
//!
//! A change takes effect within a minute, and another one is refused until then, as AWS documents.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::queue_config::QueueName;
use http::{Method, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Moment, Service,
    json::{self, ServiceError},
};

/// Path of the mappings in Lambda's API.
pub const PATH: &str = "/2015-03-31/event-source-mappings/";
/// Longest time until a change takes effect.
const LONGEST_CHANGE_MS: i64 = 60_000;

/// State of a mapping.
#[derive(Debug, Clone, Copy)]
struct Mapping {
    was_enabled: bool,
    enabled: bool,
    /// Time at which the last change takes effect.
    changes_at: Timestamp,
}

impl Mapping {
    fn is_changing(self, now: Timestamp) -> bool {
        now < self.changes_at
    }

    fn is_enabled(self, now: Timestamp) -> bool {
        if self.is_changing(now) { self.was_enabled } else { self.enabled }
    }

    fn state(self, now: Timestamp) -> &'static str {
        match (self.is_changing(now), self.enabled) {
            (true, true) => "Enabling",
            (true, false) => "Disabling",
            (false, true) => "Enabled",
            (false, false) => "Disabled",
        }
    }
}

/// Event source mappings of all queues.
#[derive(Debug)]
pub struct Mappings(BTreeMap<QueueName, Mapping>);

impl Default for Mappings {
    fn default() -> Self {
        let enabled = Mapping { was_enabled: true, enabled: true, changes_at: Timestamp::UNIX_EPOCH };
        Self(QueueName::ALL.into_iter().map(|queue| (queue, enabled)).collect())
    }
}

impl Mappings {
    /// Returns whether messages of the queue are delivered.
    pub fn is_enabled(&self, queue: QueueName, now: Timestamp) -> bool {
        self.0.get(&queue).is_some_and(|mapping| mapping.is_enabled(now))
    }

    fn list(&self, request: &Request<Bytes>, now: Timestamp) -> Result<Value, ServiceError> {
        let arn = request.uri().query().and_then(|query| query.strip_prefix("EventSourceArn="));
        let Some(arn) = arn else { return Err(invalid("The model lists the mappings of one queue.")) };
        let name = arn.rsplit("%3A").next().unwrap_or_default();
        let of_queue = self.0.iter().filter(|(queue, _)| queue.as_str() == name);
        let listed: Vec<_> = of_queue.map(|(queue, mapping)| shape(*queue, *mapping, now)).collect();
        Ok(json!({ "EventSourceMappings": listed }))
    }

    fn update(&mut self, id: &str, body: &Value, moment: &mut Moment<'_>) -> Result<Value, ServiceError> {
        let found = self.0.iter_mut().find(|(queue, _)| queue.as_str() == id);
        let Some((queue, mapping)) = found else {
            return Err(ServiceError {
                status: 404,
                ..error("ResourceNotFoundException", "There is no such mapping.")
            });
        };
        let Some(enabled) = body["Enabled"].as_bool() else { return Err(invalid("The model changes Enabled only.")) };
        if mapping.is_changing(moment.now) {
            return Err(error("ResourceInUseException", "The mapping is being changed."));
        }
        if mapping.enabled != enabled {
            let wait = SignedDuration::from_millis(moment.random.i64(0..LONGEST_CHANGE_MS));
            let changes_at = moment.now.saturating_add(wait).unwrap_or(moment.now);
            *mapping = Mapping { was_enabled: mapping.enabled, enabled, changes_at };
        }
        Ok(shape(*queue, *mapping, moment.now))
    }
}

impl Service for Mappings {
    fn call(&mut self, request: &Request<Bytes>, moment: &mut Moment<'_>) -> Response<Bytes> {
        let id = request.uri().path().strip_prefix(PATH).unwrap_or_default();
        let answer = match (request.method(), id) {
            (&Method::GET, "") => self.list(request, moment.now),
            (&Method::PUT, id) => json::body::<Value>(request).and_then(|body| self.update(id, &body, moment)),
            (method, _) => Err(invalid(format!("The model has no {method} of mappings."))),
        };
        let mut response = json::response(answer);
        if request.method() == Method::PUT && response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::ACCEPTED;
        }
        response
    }
}

fn shape(queue: QueueName, mapping: Mapping, now: Timestamp) -> Value {
    json!({ "UUID": queue, "State": mapping.state(now) })
}

fn error(code: &'static str, message: impl Into<String>) -> ServiceError {
    ServiceError::client(code, message)
}

fn invalid(message: impl Into<String>) -> ServiceError {
    error("InvalidParameterValueException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(mappings: &mut Mappings, enabled: bool, second: i64) -> StatusCode {
        let request =
            Request::put(format!("{PATH}photos")).body(Bytes::from(json!({ "Enabled": enabled }).to_string()));
        let now = Timestamp::from_second(second).expect("a time");
        let mut moment = Moment { now, random: &mut fastrand::Rng::with_seed(1) };
        mappings.call(&request.expect("a request"), &mut moment).status()
    }

    #[test]
    fn change_takes_effect_later_and_refuses_another() {
        let mut mappings = Mappings::default();
        let is_enabled = |mappings: &Mappings, second| {
            mappings.is_enabled(QueueName::Photos, Timestamp::from_second(second).expect("a time"))
        };
        assert_eq!(put(&mut mappings, false, 100), StatusCode::ACCEPTED);
        assert!(is_enabled(&mappings, 100) && !is_enabled(&mappings, 160));
        assert_eq!(put(&mut mappings, true, 100), StatusCode::BAD_REQUEST);
        assert_eq!(put(&mut mappings, true, 160), StatusCode::ACCEPTED);
        assert!(is_enabled(&mappings, 220));
    }
}
