//! Invariants of events and their deliveries.

use domain::{
    event::Event,
    webhook::{Delivery, DeliveryStatus},
};
use uuid::Uuid;

use super::{super::steps::CLOCKS_DIFFER, End};

impl End<'_> {
    /// Checks that each transition has its event, and that each event has reached the shop or has failed in the log.
    pub(super) fn events(&mut self) {
        let mut sentences = Vec::new();
        let photos = self.records.photos.values().filter_map(Event::of_photo);
        let downloads = self.records.downloads.values().filter(|download| {
            // The event of an erased order's download is not published.
            self.records.orders.get(&download.order).is_some_and(|order| !order.is_erased())
        });
        let downloads: Vec<_> = downloads.collect();
        let builds = downloads.iter().copied().filter_map(Event::of_build);
        // An event of a fetch names the build, of which the record has only the last.
        let fetches = downloads.iter().copied().filter(|download| download.build <= 1).filter_map(Event::of_fetch);
        let renewals = downloads.iter().copied().filter_map(Event::of_renewal_request);
        let emails = self.records.emails.values().flat_map(Event::of_email);
        // Earlier releases published no events.
        let is_ours = |event: &Event| self.state.planted_at.is_none_or(|planted_at| event.at >= planted_at);
        for expected in photos.chain(builds).chain(fetches).chain(renewals).chain(emails).filter(is_ours) {
            // The message of a killed worker makes up for it, and can be a dead letter.
            let is_dead_letter = || self.is_dead_letter(&job_of(&expected).to_string());
            if !self.records.events.contains_key(&expected.id) && !is_dead_letter() {
                sentences.push(format!("{} at {} has no event {}", expected.kind, expected.at, expected.id));
            }
        }
        for event in self.records.events.values() {
            let id = event.id;
            if event.due_at.is_some() {
                sentences.push(format!("event {id} is due at {:?}", event.due_at));
            }
            for webhook in &self.records.webhooks {
                // Each of the two times is of one host's clock.
                let was_there =
                    event.created_at.duration_since(webhook.created_at) >= CLOCKS_DIFFER && webhook.disabled.is_none();
                let delivery = self.records.deliveries.get(&Delivery::id(id, webhook.id));
                match delivery.map(|delivery| delivery.status) {
                    None if was_there => sentences.push(format!("event {id} has no delivery")),
                    Some(DeliveryStatus::Pending) => {
                        sentences.push(format!("event {id} waits for its delivery for ever"));
                    }
                    Some(DeliveryStatus::Delivered) if !self.state.shop.0.contains_key(&id) => {
                        sentences.push(format!("event {id} is delivered, and the shop never got it"));
                    }
                    _ => {}
                }
            }
        }
        for webhook in &self.records.webhooks {
            if webhook.due_at.is_some() {
                sentences.push(format!("the studio was not told that webhook {} is disabled", webhook.id));
            }
        }
        let unknown = self.state.shop.0.keys().filter(|id| !self.records.events.contains_key(id));
        sentences.extend(unknown.map(|id| format!("the shop got event {id}, which does not exist")));
        self.violations.extend(sentences);
    }
}

/// Returns the id of the record whose job publishes the event.
fn job_of(event: &Event) -> Uuid {
    let subject = &event.subject;
    subject.email.or(subject.download).or(subject.photo).unwrap_or(event.id)
}
