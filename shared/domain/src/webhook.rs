//! Webhooks: addresses of the shop to which events are sent.

mod address;
mod delivery;
mod secret;
mod target;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{
    address::is_public,
    delivery::{Answer, Delivery, DeliveryStatus, LastAttempt, MAX_ATTEMPTS, RETRIES},
    secret::{PREFIX, WebhookKey, WebhookSecret},
    target::{MAX_URL, TargetError, Targets, checked_url},
};
use crate::{event::EventType, record::Record, studio::Studio};

/// Largest number of webhooks of a studio.
pub const MAX_WEBHOOKS: usize = 10;
/// Time for which the secret before the last rotation stays valid.
pub const ROTATION: SignedDuration = SignedDuration::from_hours(24);
/// Time without any success after which a webhook that fails is disabled.
pub const DISABLED_AFTER: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Reason why a webhook is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// The shop answered 410.
    Gone,
    /// Five days passed with failures and without any success.
    Failing,
}

/// Time and reason of disabling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Time.
    pub at: Timestamp,
    /// Reason.
    pub reason: DisabledReason,
}

/// Record of a webhook. Its secrets are derived, and never stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Studio of the webhook.
    pub studio: Studio,
    /// Id of the webhook, a UUIDv7.
    pub id: Uuid,
    /// Address of the shop.
    pub url: String,
    /// Types of the events that it gets; empty for all.
    #[serde(default)]
    pub types: BTreeSet<EventType>,
    /// Generation of the secret.
    pub generation: u32,
    /// Time of the last rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<Timestamp>,
    /// Request that last rotated the secret. Repeating it does not rotate twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_by: Option<Uuid>,
    /// Time of the first failure since the last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Whether, when and why the webhook was disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
    /// Time by which the studio must hear that the webhook was disabled; `None` once it has.
    #[serde(rename = "tell_by", default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Time at which the record was created.
    pub created_at: Timestamp,
}

impl Webhook {
    /// Creates a webhook for these types of events; empty for all.
    pub fn new(studio: Studio, id: Uuid, url: String, types: BTreeSet<EventType>, now: Timestamp) -> Self {
        Self {
            studio,
            id,
            url,
            types,
            generation: 1,
            rotated_at: None,
            rotated_by: None,
            failing_since: None,
            disabled: None,
            due_at: None,
            created_at: now,
        }
    }

    /// Returns whether events of this type are sent to the webhook.
    pub fn wants(&self, kind: EventType) -> bool {
        self.types.is_empty() || self.types.contains(&kind)
    }

    /// Makes a new secret for the request `by`. The one before stays valid for [`ROTATION`].
    pub fn rotate(&mut self, now: Timestamp, by: Uuid) {
        if self.rotated_by != Some(by) {
            self.generation += 1;
            self.rotated_at = Some(now);
            self.rotated_by = Some(by);
        }
    }

    /// Returns the generations of the secrets that are valid at `now`, the newest first.
    pub fn generations(&self, now: Timestamp) -> impl Iterator<Item = u32> {
        let both = self.previous_until().is_some_and(|until| until > now);
        let previous = self.generation.checked_sub(1).filter(|previous| both && *previous > 0);
        [self.generation].into_iter().chain(previous)
    }

    /// Returns the time until which the secret before the last rotation is valid.
    pub fn previous_until(&self) -> Option<Timestamp> {
        self.rotated_at?.checked_add(ROTATION).ok()
    }

    /// Records that the shop has accepted an event.
    pub fn succeeded(&mut self) {
        self.failing_since = None;
    }

    /// Records that the shop has not accepted an event. After [`DISABLED_AFTER`] of failures it is disabled.
    pub fn failed(&mut self, now: Timestamp) {
        let since = *self.failing_since.get_or_insert(now);
        if now.duration_since(since) >= DISABLED_AFTER {
            self.disable(now, DisabledReason::Failing);
        }
    }

    /// Disables the webhook. From then on it is due, until the studio has been told.
    pub fn disable(&mut self, now: Timestamp, reason: DisabledReason) {
        if self.disabled.is_none() {
            self.disabled = Some(Disabled { at: now, reason });
            self.due_at = Some(now);
        }
    }

    /// Records that the studio was told of this disabling. It may have been enabled and disabled again meanwhile.
    pub fn studio_told(&mut self, of: Option<Disabled>) {
        if self.disabled == of {
            self.due_at = None;
        }
    }

    /// Enables the webhook again.
    pub fn enable(&mut self) {
        self.disabled = None;
        self.failing_since = None;
        self.due_at = None;
    }
}

impl Record for Webhook {
    const NAME: &'static str = "webhook";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
    fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, studio};

    const DAY: i64 = 24 * 3600;

    fn webhook(types: &[EventType]) -> Webhook {
        let types = types.iter().copied().collect();
        Webhook::new(studio(), Uuid::from_u128(1), "https://shop.example/hook".to_owned(), types, at(0))
    }

    #[test]
    fn webhook_without_types_wants_all() {
        assert!(EventType::ALL.iter().all(|kind| webhook(&[]).wants(*kind)));
        let one = webhook(&[EventType::PhotoReady]);
        assert!(one.wants(EventType::PhotoReady) && !one.wants(EventType::PhotoFailed));
    }

    #[test]
    fn two_secrets_are_valid_for_a_day_after_a_rotation() {
        let mut webhook = webhook(&[]);
        let valid = |webhook: &Webhook, second| webhook.generations(at(second)).collect::<Vec<_>>();
        assert_eq!(valid(&webhook, 0), [1]);
        webhook.rotate(at(10), Uuid::from_u128(7));
        webhook.rotate(at(20), Uuid::from_u128(7));
        assert_eq!((valid(&webhook, 10 + DAY - 1), valid(&webhook, 10 + DAY)), (vec![2, 1], vec![2]));
        webhook.rotate(at(30), Uuid::from_u128(8));
        assert_eq!(valid(&webhook, 31), [3, 2]);
    }

    #[test]
    fn webhook_is_disabled_after_five_days_without_success() {
        let mut webhook = webhook(&[]);
        webhook.failed(at(0));
        webhook.failed(at(5 * DAY - 1));
        assert_eq!(webhook.disabled, None);
        webhook.succeeded();
        webhook.failed(at(5 * DAY));
        assert_eq!(webhook.disabled, None, "it had a success");
        webhook.failed(at(10 * DAY));
        assert_eq!(webhook.disabled, Some(Disabled { at: at(10 * DAY), reason: DisabledReason::Failing }));
        webhook.disable(at(11 * DAY), DisabledReason::Gone);
        assert_eq!(webhook.disabled.map(|disabled| disabled.at), Some(at(10 * DAY)));
        webhook.enable();
        assert_eq!((webhook.disabled, webhook.failing_since, webhook.due_at), (None, None, None));
    }

    #[test]
    fn disabled_webhook_is_due_until_the_studio_is_told() {
        let mut webhook = webhook(&[]);
        webhook.disable(at(5), DisabledReason::Gone);
        assert_eq!(Record::due_at(&webhook), Some(at(5)));
        let first = webhook.disabled;
        webhook.enable();
        webhook.disable(at(6), DisabledReason::Failing);
        webhook.studio_told(first);
        assert_eq!(Record::due_at(&webhook), Some(at(6)), "it was disabled again");
        webhook.studio_told(webhook.disabled);
        webhook.disable(at(7), DisabledReason::Gone);
        assert_eq!(Record::due_at(&webhook), None, "the studio knows");
    }
}
