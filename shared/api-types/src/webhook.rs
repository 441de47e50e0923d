//! Webhooks and their deliveries.

use domain::{
    RecordError,
    event::EventType,
    webhook::{Delivery, DeliveryStatus, DisabledReason, Webhook},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A webhook: an address to which events are sent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookView {
    /// Id of the webhook.
    pub id: Uuid,
    /// Address of the shop.
    #[schema(example = "https://shop.example.com/hooks/darkroom")]
    pub url: String,
    /// Types of the events that are sent; empty for all.
    pub types: Vec<EventType>,
    /// Whether events are sent.
    pub enabled: bool,
    /// Time at which the webhook was disabled.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
    /// Reason for which it was disabled.
    pub disabled_reason: Option<DisabledReason>,
    /// Time of the first failure since the last success.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    /// Time until which the secret before the last rotation is valid too.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub previous_secret_until: Option<Timestamp>,
    /// Time of the request.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A webhook with its secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WebhookWithSecret {
    /// The webhook.
    pub webhook: WebhookView,
    /// Secret of the signatures (Standard Webhooks).
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: String,
}

/// Delivery of an event to a webhook.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryView {
    /// Id of the delivery.
    pub id: Uuid,
    /// Id of the event, as in the header `webhook-id`.
    pub event_id: Uuid,
    /// Type of the event.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// State of the delivery.
    pub status: DeliveryStatus,
    /// Number of attempts so far.
    pub attempts: u32,
    /// HTTP status of the last answer; `null` if there was none.
    pub last_status: Option<u16>,
    /// Reason why the last attempt had no answer.
    pub last_error: Option<RecordError>,
    /// Time of the last attempt.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_attempt_at: Option<Timestamp>,
    /// Time of the next attempt.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_attempt_at: Option<Timestamp>,
    /// Reason of the failure.
    pub error: Option<RecordError>,
    /// Time at which the delivery was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time at which the event was delivered, or given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// A started replay.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReplayStarted {
    /// Time of the first event that is sent again.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

impl From<&Webhook> for WebhookView {
    fn from(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id,
            url: webhook.url.clone(),
            types: webhook.types.iter().copied().collect(),
            enabled: webhook.disabled.is_none(),
            disabled_at: webhook.disabled.map(|disabled| disabled.at),
            disabled_reason: webhook.disabled.map(|disabled| disabled.reason),
            failing_since: webhook.failing_since,
            previous_secret_until: webhook.previous_until(),
            created_at: webhook.created_at,
        }
    }
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> Self {
        let last = delivery.last.as_ref();
        Self {
            id: delivery.id,
            event_id: delivery.event,
            kind: delivery.kind,
            status: delivery.status,
            attempts: delivery.tries,
            last_status: last.and_then(|last| last.answer.status),
            last_error: last.and_then(|last| last.answer.error.clone()),
            last_attempt_at: last.map(|last| last.at),
            next_attempt_at: delivery.next_at,
            error: delivery.error.clone(),
            created_at: delivery.created_at,
            ended_at: delivery.ended_at,
        }
    }
}
