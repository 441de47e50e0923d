//! The queues as a state machine without clock, files and network. Times are milliseconds since 1970, passed by the
//! caller.
//!
//! Everything that must survive the process is a [`Change`]. A method decides on a change, then applies it through the
//! same `apply` that replays a journal, so a replay cannot differ from the original. Visibility is deliberately not
//! stored: the receivers end with the process, so its messages should be visible immediately after a restart.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{
    error::SqsError,
    fair::{self, Groups},
    message::{Counts, Message, Receipt, Received, Settings},
};

/// SQS: at most 120,000 messages of a standard queue in flight.
const MAX_IN_FLIGHT: usize = 120_000;
/// SQS: a message is hidden for at most 12 hours.
pub(super) const MAX_VISIBILITY_MS: u64 = 12 * 60 * 60 * 1000;

/// One durable change of the queues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(super) enum Change {
    /// A queue was created, or its settings replaced.
    Queue { name: String, settings: Settings, at: u64 },
    /// A queue was removed with its messages.
    QueueGone { name: String },
    /// A message was added. A snapshot lists messages in this form too.
    Sent { queue: String, message: Message },
    /// A message was returned to a receiver.
    Received { queue: String, id: String, at: u64 },
    /// A message moved to the dead-letter queue after its last receive.
    Dead { queue: String, id: String, to: String },
    /// A dead letter was sent back as a new message.
    Redriven { queue: String, id: String, to: String, new_id: String, at: u64 },
    /// A message was deleted.
    Deleted { queue: String, id: String },
    /// All messages of a queue were deleted.
    Purged { queue: String },
}

/// One queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub settings: Settings,
    pub created_at: u64,
    pub changed_at: u64,
    /// The messages, in order of arrival.
    messages: BTreeMap<u64, Message>,
    order: HashMap<String, u64>,
    groups: Groups,
}

impl Queue {
    /// Hides a message for `visibility_ms`, and returns it as received.
    fn hand_out(&mut self, id: &str, visibility_ms: u64, now: u64) -> Option<Received> {
        let message = self.messages.get_mut(self.order.get(id)?)?;
        // An earlier receive ended without a deletion.
        self.groups.processed(message, now);
        message.received_at = now;
        message.in_flight_until = now + visibility_ms;
        Some(Received::of(message))
    }

    fn get_mut(&mut self, id: &str) -> Option<&mut Message> {
        self.messages.get_mut(self.order.get(id)?)
    }

    fn take(&mut self, id: &str) -> Option<Message> {
        let message = self.messages.remove(&self.order.remove(id)?)?;
        self.groups.removed(&message);
        Some(message)
    }
}

/// All queues, and the changes not yet collected by [`Core::drain`].
#[derive(Debug, Default)]
pub(super) struct Core {
    queues: BTreeMap<String, Queue>,
    arrivals: u64,
    changes: Vec<Change>,
}

impl Core {
    pub fn queue(&self, name: &str) -> Result<&Queue, SqsError> {
        self.queues.get(name).ok_or_else(|| SqsError::no_queue(name))
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.queues.keys()
    }

    /// Returns the changes since the last call, oldest first.
    pub fn drain(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Returns the state as the shortest list of changes that leads to it.
    pub fn snapshot(&self) -> Vec<Change> {
        let queues = self.queues.iter().map(|(name, queue)| Change::Queue {
            name: name.clone(),
            settings: queue.settings.clone(),
            at: queue.created_at,
        });
        let messages = self.queues.iter().flat_map(|(name, queue)| {
            queue.messages.values().map(|message| Change::Sent { queue: name.clone(), message: message.clone() })
        });
        queues.chain(messages).collect()
    }

    /// Creates a queue, or replaces the settings of an existing one.
    pub fn configure(&mut self, name: &str, settings: Settings, now: u64) -> Result<(), SqsError> {
        if let Some((dead, _)) = &settings.attributes.max_receives
            && !self.queues.contains_key(dead)
        {
            return Err(SqsError::bad_value(format!("Dead letter target does not exist: {dead}.")));
        }
        if self.queues.get(name).is_none_or(|queue| queue.settings != settings) {
            self.record(Change::Queue { name: name.to_owned(), settings, at: now });
        }
        Ok(())
    }

    pub fn remove(&mut self, name: &str) -> Result<(), SqsError> {
        self.queue(name)?;
        self.record(Change::QueueGone { name: name.to_owned() });
        Ok(())
    }

    /// Adds a message from a sender; `delay_ms` overrides the queue's delay.
    pub fn send(&mut self, name: &str, message: Message, delay_ms: Option<u64>, now: u64) -> Result<(), SqsError> {
        let queue = self.queue(name)?;
        let delayed_until = now + delay_ms.unwrap_or(queue.settings.delay_ms);
        let message = Message { sent_at: now, delayed_until, ..message };
        self.record(Change::Sent { queue: name.to_owned(), message });
        Ok(())
    }

    /// Returns up to `max` visible messages and hides them for `visibility_ms` (or the queue's own timeout). Messages of
    /// noisy groups come last ([`fair`]), otherwise the oldest come first.
    ///
    /// A message that was already received as often as its queue allows goes to the dead-letter queue instead.
    pub fn receive(
        &mut self,
        name: &str,
        max: usize,
        visibility_ms: Option<u64>,
        now: u64,
    ) -> Result<Vec<Received>, SqsError> {
        self.expire(name, now);
        let queue = self.queue(name)?;
        let visibility = visibility_ms.unwrap_or(queue.settings.visibility_ms());
        let redrive = queue.settings.attributes.max_receives.clone().filter(|(dead, _)| self.queues.contains_key(dead));
        let in_flight = queue.messages.values().filter(|message| message.in_flight_until > now).count();
        if in_flight >= MAX_IN_FLIGHT {
            return Err(SqsError::over_limit());
        }
        let (mut dead, mut ready) = (Vec::new(), Vec::new());
        for message in queue.messages.values().filter(|message| message.is_visible(now)) {
            match &redrive {
                Some((to, allowed)) if message.receive_count >= *allowed => dead.push((message.id.clone(), to.clone())),
                _ => ready.push(message),
            }
        }
        let noisy = queue.groups.noisy(queue.messages.values(), now);
        let handed = fair::order(ready.into_iter(), noisy, max);
        let handed: Vec<_> = handed.into_iter().map(|message| message.id.clone()).collect();
        for (id, to) in dead {
            self.record(Change::Dead { queue: name.to_owned(), id, to });
        }
        let mut received = Vec::with_capacity(handed.len());
        for id in handed {
            self.record(Change::Received { queue: name.to_owned(), id: id.clone(), at: now });
            if let Some(queue) = self.queues.get_mut(name) {
                received.extend(queue.hand_out(&id, visibility, now));
            }
        }
        Ok(received)
    }

    /// Deletes a message. As on AWS, a receipt that a later receive made stale deletes nothing and is not an error.
    pub fn delete(&mut self, name: &str, receipt: &str, now: u64) -> Result<(), SqsError> {
        let receipt = Receipt::parse(receipt)?;
        let queue = self.queues.get_mut(name).ok_or_else(|| SqsError::no_queue(name))?;
        if let Some(message) = queue.order.get(&receipt.id).and_then(|at| queue.messages.get(at))
            && message.receive_count == receipt.receive
        {
            queue.groups.processed(message, now);
            self.record(Change::Deleted { queue: name.to_owned(), id: receipt.id });
        }
        Ok(())
    }

    /// Hides a message in flight for `visibility_ms` from now; zero makes it visible.
    pub fn change_visibility(
        &mut self,
        name: &str,
        receipt: &str,
        visibility_ms: u64,
        now: u64,
    ) -> Result<(), SqsError> {
        if visibility_ms > MAX_VISIBILITY_MS {
            return Err(SqsError::bad_value("VisibilityTimeout must be between 0 and 43200 seconds."));
        }
        let receipt = Receipt::parse(receipt)?;
        self.queue(name)?;
        let message = self.queues.get_mut(name).and_then(|queue| queue.get_mut(&receipt.id));
        let Some(message) = message.filter(|message| message.receive_count == receipt.receive) else {
            return Err(SqsError::bad_value(
                "Message does not exist or is not available for visibility timeout change.",
            ));
        };
        if message.in_flight_until <= now {
            return Err(SqsError::not_in_flight());
        }
        message.in_flight_until = now + visibility_ms;
        Ok(())
    }

    pub fn purge(&mut self, name: &str) -> Result<(), SqsError> {
        self.queue(name)?;
        self.record(Change::Purged { queue: name.to_owned() });
        Ok(())
    }

    /// Returns the queues whose dead-letter queue is `name`.
    pub fn sources(&self, name: &str) -> Vec<String> {
        let dead_letters_here =
            |queue: &&Queue| queue.settings.attributes.max_receives.as_ref().is_some_and(|(dead, _)| dead == name);
        self.queues.iter().filter(|(_, queue)| dead_letters_here(queue)).map(|(name, _)| name.clone()).collect()
    }

    /// Sends the visible messages of a dead-letter queue back, as new messages (AWS: new id, new sent time), to `to` or
    /// else to the source of each. Returns the number of messages.
    pub fn redrive(
        &mut self,
        name: &str,
        to: Option<&str>,
        mut new_id: impl FnMut() -> String,
        now: u64,
    ) -> Result<usize, SqsError> {
        if self.sources(name).is_empty() {
            return Err(SqsError::bad_value("Source queue must be configured as a Dead Letter Queue."));
        }
        if let Some(to) = to {
            self.queue(to)?;
        }
        self.expire(name, now);
        let moves: Vec<(String, String)> = self
            .queue(name)?
            .messages
            .values()
            .filter(|message| message.is_visible(now))
            .filter_map(|message| {
                let to = to.map(str::to_owned).or_else(|| message.came_from.clone())?;
                self.queues.contains_key(&to).then(|| (message.id.clone(), to))
            })
            .collect();
        let count = moves.len();
        for (id, to) in moves {
            self.record(Change::Redriven { queue: name.to_owned(), id, to, new_id: new_id(), at: now });
        }
        Ok(count)
    }

    pub fn counts(&self, name: &str, now: u64) -> Result<Counts, SqsError> {
        let queue = self.queue(name)?;
        let mut counts = Counts::default();
        for message in queue.messages.values().filter(|message| !queue.settings.is_expired(message, now)) {
            if message.in_flight_until > now {
                counts.in_flight += 1;
            } else if message.delayed_until > now {
                counts.delayed += 1;
            } else {
                counts.visible += 1;
            }
        }
        Ok(counts)
    }

    /// Returns the time at which the oldest message of a queue was sent.
    pub fn oldest(&self, name: &str, now: u64) -> Result<Option<u64>, SqsError> {
        let queue = self.queue(name)?;
        let kept = queue.messages.values().filter(|message| !queue.settings.is_expired(message, now));
        Ok(kept.map(|message| message.sent_at).min())
    }

    pub fn messages(&self, name: &str) -> Result<Vec<Message>, SqsError> {
        Ok(self.queue(name)?.messages.values().cloned().collect())
    }

    /// Returns the time at which the next hidden message of a queue becomes visible, if one is hidden.
    pub fn next_visible(&self, name: &str, now: u64) -> Option<u64> {
        let messages = self.queues.get(name)?.messages.values();
        messages.map(|message| message.in_flight_until.max(message.delayed_until)).filter(|at| *at > now).min()
    }

    fn expire(&mut self, name: &str, now: u64) {
        let Some(queue) = self.queues.get(name) else { return };
        let old = |message: &&Message| queue.settings.is_expired(message, now) && message.in_flight_until <= now;
        let expired: Vec<String> = queue.messages.values().filter(old).map(|message| message.id.clone()).collect();
        for id in expired {
            self.record(Change::Deleted { queue: name.to_owned(), id });
        }
    }

    fn record(&mut self, change: Change) {
        self.apply(change.clone());
        self.changes.push(change);
    }

    /// Applies one change. A change of something that no longer exists does nothing: a journal may outlive its queues.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Queue { name, settings, at } => {
                let queue = self.queues.entry(name).or_insert_with(|| Queue { created_at: at, ..Queue::default() });
                queue.settings = settings;
                queue.changed_at = at;
            }
            Change::QueueGone { name } => {
                self.queues.remove(&name);
            }
            Change::Sent { queue, message } => self.insert(&queue, message),
            Change::Received { queue, id, at } => {
                if let Some(message) = self.queues.get_mut(&queue).and_then(|queue| queue.get_mut(&id)) {
                    message.receive_count += 1;
                    message.first_received_at.get_or_insert(at);
                }
            }
            Change::Dead { queue, id, to } => {
                if let Some(mut message) = self.take(&queue, &id) {
                    message.came_from = Some(queue);
                    (message.received_at, message.in_flight_until) = (0, 0);
                    self.insert(&to, message);
                }
            }
            Change::Redriven { queue, id, to, new_id, at } => {
                if let Some(message) = self.take(&queue, &id) {
                    let Message { body, attributes, trace_header, group, .. } = message;
                    let (id, sent_at) = (new_id, at);
                    let message = Message { id, body, attributes, trace_header, group, sent_at, ..Message::default() };
                    self.insert(&to, message);
                }
            }
            Change::Deleted { queue, id } => {
                self.take(&queue, &id);
            }
            Change::Purged { queue } => {
                if let Some(queue) = self.queues.get_mut(&queue) {
                    queue.messages.clear();
                    queue.order.clear();
                    queue.groups = Groups::default();
                }
            }
        }
    }

    fn take(&mut self, queue: &str, id: &str) -> Option<Message> {
        self.queues.get_mut(queue)?.take(id)
    }

    fn insert(&mut self, name: &str, message: Message) {
        if let Some(queue) = self.queues.get_mut(name) {
            self.arrivals += 1;
            queue.order.insert(message.id.clone(), self.arrivals);
            queue.groups.added(&message);
            queue.messages.insert(self.arrivals, message);
        }
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
