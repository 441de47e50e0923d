//! Fair queues: the message groups of one queue, which of them are noisy, and the order of delivery among groups.
//!
//! Rules and thresholds are those of AWS's page "How Amazon SQS fair queues work". AWS calls its thresholds approximate, and
//! does not say for how long processing time counts as recent: here it halves every minute.

use std::collections::{HashMap, VecDeque};

use super::message::Message;

/// AWS: a group with fewer messages in flight is not noisy by their share.
const MIN_NOISY_IN_FLIGHT: usize = 30;
/// AWS: a group is noisy above a tenth of the messages in flight, or of the recent processing time.
const PARTS: u8 = 10;
/// AWS: a group that has sent nothing for five minutes is quiet.
const QUIET_AFTER_MS: u64 = 5 * 60 * 1000;
/// Time in which recorded processing time halves.
const HALF_LIFE_MS: f64 = 60_000.0;

/// A sum of milliseconds that halves every [`HALF_LIFE_MS`].
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    ms: f64,
    at: u64,
}

impl Recent {
    fn read(self, now: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "ages are far below 2^52 milliseconds")]
        let age = now.saturating_sub(self.at) as f64;
        self.ms * (-age / HALF_LIFE_MS).exp2()
    }

    fn add(&mut self, ms: f64, now: u64) {
        *self = Self { ms: self.read(now) + ms, at: now };
    }
}

#[derive(Debug, Default)]
struct Group {
    /// Messages in the queue, including those in flight.
    messages: usize,
    /// Time of the last send.
    sent_at: u64,
    processing: Recent,
}

/// Message groups with messages in a queue. A group without messages is forgotten, since its backlog is worked off.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<String, Group>,
    /// Processing time of all messages, also of those without a group.
    processing: Recent,
}

impl Groups {
    /// Counts a message that came to the queue.
    pub fn added(&mut self, message: &Message) {
        let Some(name) = &message.group else { return };
        let group = self.groups.entry(name.clone()).or_default();
        group.messages += 1;
        group.sent_at = group.sent_at.max(message.sent_at);
    }

    /// Counts a message that left the queue.
    pub fn removed(&mut self, message: &Message) {
        let Some(name) = &message.group else { return };
        let Some(group) = self.groups.get_mut(name) else { return };
        group.messages = group.messages.saturating_sub(1);
        if group.messages == 0 {
            self.groups.remove(name);
        }
    }

    /// Records the processing time of a message whose receive is over: from the receive to the deletion, or to the end of
    /// its visibility timeout.
    pub fn processed(&mut self, message: &Message, now: u64) {
        let Some(ms) = in_flight_ms(message, now) else { return };
        self.processing.add(ms, now);
        if let Some(group) = message.group.as_ref().and_then(|name| self.groups.get_mut(name)) {
            group.processing.add(ms, now);
        }
    }

    /// Returns the noisy groups, each with its number of messages in flight. `messages` are all of the queue.
    pub fn noisy<'a>(&'a self, messages: impl Iterator<Item = &'a Message>, now: u64) -> HashMap<&'a str, usize> {
        // Nobody is to be preferred.
        if self.groups.is_empty() {
            return HashMap::new();
        }
        let (mut all, mut all_ms) = (0_usize, self.processing.read(now));
        let mut by_group: HashMap<&str, (usize, f64)> = HashMap::new();
        for message in messages.filter(|message| message.in_flight_until > now) {
            let ms = in_flight_ms(message, now).unwrap_or_default();
            all += 1;
            all_ms += ms;
            if let Some(name) = &message.group {
                let (in_flight, processing_ms) = by_group.entry(name).or_default();
                *in_flight += 1;
                *processing_ms += ms;
            }
        }
        let is_noisy = |name: &str, group: &Group| {
            let (in_flight, ms) = by_group.get(name).copied().unwrap_or_default();
            let by_count = in_flight >= MIN_NOISY_IN_FLIGHT && in_flight * usize::from(PARTS) > all;
            let by_time = (group.processing.read(now) + ms) * f64::from(PARTS) > all_ms;
            (by_count || by_time) && now.saturating_sub(group.sent_at) < QUIET_AFTER_MS
        };
        let noisy = self.groups.iter().filter(|(name, group)| is_noisy(name, group));
        noisy.map(|(name, _)| (name.as_str(), by_group.get(name.as_str()).map_or(0, |(count, _)| *count))).collect()
    }
}

/// Returns the time for which the last receive of a message has kept it in flight; `None` if it was not received.
#[expect(clippy::cast_precision_loss, reason = "a message is in flight for 12 hours at most")]
fn in_flight_ms(message: &Message, now: u64) -> Option<f64> {
    (message.in_flight_until > 0).then(|| now.min(message.in_flight_until).saturating_sub(message.received_at) as f64)
}

/// Returns up to `max` of the visible messages in the order of delivery: those of quiet groups and without a group, oldest
/// first; then those of noisy groups, each time of the group with the fewest messages in flight.
pub(super) fn order<'a>(
    visible: impl Iterator<Item = &'a Message>,
    mut noisy: HashMap<&'a str, usize>,
    max: usize,
) -> Vec<&'a Message> {
    let mut chosen = Vec::new();
    // Messages of each noisy group, oldest first.
    let mut later: HashMap<&str, VecDeque<&Message>> = HashMap::new();
    for message in visible {
        if chosen.len() == max {
            return chosen;
        }
        match message.group.as_deref().filter(|group| noisy.contains_key(group)) {
            None => chosen.push(message),
            Some(group) => {
                let waiting = later.entry(group).or_default();
                if waiting.len() < max {
                    waiting.push_back(message);
                }
            }
        }
    }
    while chosen.len() < max {
        let with_messages = later.iter().filter(|(_, waiting)| !waiting.is_empty());
        // The name decides between equals, so that a history repeats.
        let fewest = with_messages.map(|(group, _)| (noisy.get(group).copied().unwrap_or_default(), *group)).min();
        let Some((in_flight, group)) = fewest else { break };
        chosen.extend(later.get_mut(group).and_then(VecDeque::pop_front));
        noisy.entry(group).and_modify(|count| *count = in_flight + 1);
    }
    chosen
}

#[cfg(test)]
mod tests;
