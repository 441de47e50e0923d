//! Pauses of queues by operators.
//!
//! The record is written first, then the queue's event source mapping is changed, then the record is marked as applied.
//! The next sweep completes a change that a crash interrupted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    queue_config::{LONGEST_PAUSE, QueueName},
    record::Record,
    studio::Studio,
};

/// Record that says whether a queue is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueSwitch {
    /// A studio of no customer.
    pub studio: Studio,
    /// Id, derived from the queue.
    pub id: Uuid,
    /// Queue.
    pub queue: QueueName,
    /// Current pause; `None` while the queue is worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// Whether the event source mapping may differ from the record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unapplied: bool,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Time of the request.
    pub at: Timestamp,
    /// Studio of the operator's token.
    pub by: Studio,
    /// Time at which the queue resumes by itself.
    pub until: Timestamp,
}

/// Error: the queue cannot be paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The default queue can't be paused: its sweeps end the pauses of the others.")]
pub struct NeverPaused;

impl QueueSwitch {
    /// Returns the record of a queue that was never paused. The default queue has none.
    pub fn of(queue: QueueName) -> Result<Self, NeverPaused> {
        if queue == QueueName::Default {
            return Err(NeverPaused);
        }
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("darkroom/queue/{queue}").as_bytes());
        Ok(Self { studio: Studio::nobody(), id, queue, paused: None, unapplied: false })
    }

    /// Pauses the queue. A pause that lasts keeps its time.
    pub fn pause(&mut self, by: &Studio, now: Timestamp) {
        if self.paused.is_none() {
            let until = now.saturating_add(LONGEST_PAUSE).unwrap_or(now);
            self.paused = Some(Paused { at: now, by: by.clone(), until });
            self.unapplied = true;
        }
    }

    /// Resumes the queue.
    pub fn resume(&mut self) {
        self.unapplied |= self.paused.take().is_some();
    }

    /// Resumes a queue whose pause is over.
    pub fn resume_if_over(&mut self, now: Timestamp) {
        if self.paused.as_ref().is_some_and(|paused| paused.until <= now) {
            self.resume();
        }
    }

    /// Records that the event source mapping is as `paused` says, unless it was changed meanwhile.
    pub fn applied(&mut self, paused: Option<&Paused>) {
        if self.paused.as_ref() == paused {
            self.unapplied = false;
        }
    }
}

impl Record for QueueSwitch {
    const NAME: &'static str = "queue switch";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, studio};

    const DAY: i64 = 24 * 3600;

    #[test]
    fn default_queue_is_never_paused() {
        for queue in QueueName::ALL {
            assert_eq!(QueueSwitch::of(queue).is_err(), queue == QueueName::Default, "{queue}");
        }
    }

    #[test]
    fn pause_ends_after_three_days() {
        let mut switch = QueueSwitch::of(QueueName::Photos).expect("can be paused");
        switch.pause(&studio(), at(0));
        let paused = switch.paused.clone();
        switch.pause(&"berta".parse().expect("valid"), at(60));
        assert_eq!(switch.paused, paused, "the first one lasts");
        assert_eq!(paused.map(|paused| (paused.by, paused.until)), Some((studio(), at(3 * DAY))));
        switch.resume_if_over(at(3 * DAY - 1));
        assert!(switch.paused.is_some());
        switch.resume_if_over(at(3 * DAY));
        assert!(switch.paused.is_none() && switch.unapplied);
    }

    #[test]
    fn change_is_unapplied_until_the_mapping_follows() {
        let mut switch = QueueSwitch::of(QueueName::Photos).expect("can be paused");
        switch.resume();
        assert!(!switch.unapplied, "it was not paused");
        switch.pause(&studio(), at(0));
        let paused = switch.paused.clone();
        switch.resume();
        switch.applied(paused.as_ref());
        assert!(switch.unapplied, "it was resumed meanwhile");
        switch.applied(None);
        assert!(!switch.unapplied);
    }
}
