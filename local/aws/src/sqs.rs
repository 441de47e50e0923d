//! The SQS stand-in: standard queues whose messages and receive counts survive `kill -9`.
//!
//! [`core`] implements the rules of SQS, [`fair`] the order among message groups, [`journal`] stores the changes, and [`front`] serves the HTTP protocol, with
//! [`requests`] and [`attributes`]. [`Queues`] combines them, and is the interface for code in the same process.

mod attributes;
mod core;
mod error;
mod fair;
mod front;
mod journal;
mod message;
mod requests;

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use s3s::crypto::{Checksum, Md5};
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

pub(super) use self::front::answer;
use self::{core::Core, journal::Journal, message::Settings};
pub use self::{
    error::SqsError,
    message::{Counts, Message, QueueAttributes, Received},
};
use super::{ACCOUNT, Now, REGION};

/// SQS: at most 1 MiB for a message, and for a batch of them.
pub(super) const MAX_MESSAGE_BYTES: usize = 1_048_576;
/// SQS: at most 10 messages per receive and per batch.
pub(super) const MAX_BATCH: usize = 10;

/// All queues of the account.
#[derive(Debug)]
pub struct Queues {
    state: Mutex<State>,
    clock: Clock,
    /// Notified when a message may have become visible.
    arrival: Notify,
}

/// The clock of the queues, with an implementation of `Debug`.
struct Clock(Now);

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", (self.0)())
    }
}

#[derive(Debug)]
struct State {
    core: Core,
    journal: Journal,
}

impl Queues {
    /// Opens the queues in `folder`. `now` decides when hidden messages become visible again.
    pub fn open(folder: &Path, now: Now) -> anyhow::Result<Self> {
        let (journal, core) = Journal::open(folder)?;
        Ok(Self { state: Mutex::new(State { core, journal }), clock: Clock(now), arrival: Notify::new() })
    }

    /// Wakes the waiting receivers after a change of the clock.
    pub fn wake(&self) {
        self.arrival.notify_waiters();
    }

    /// Returns the time of the queues, in seconds since 1970.
    pub(super) fn now_seconds(&self) -> f64 {
        Duration::from_millis(self.now()).as_secs_f64()
    }

    fn now(&self) -> u64 {
        u64::try_from((self.clock.0)().as_millisecond()).unwrap_or_default()
    }

    /// Creates a queue, or changes the attributes of an existing one.
    ///
    /// A dead-letter queue must be created before the queue that names it.
    pub fn create(&self, name: &str, attributes: QueueAttributes) -> Result<(), SqsError> {
        check_name(name)?;
        self.change(|core, now| {
            let old = core.queue(name).map(|queue| queue.settings.clone()).unwrap_or_default();
            core.configure(name, Settings { attributes, ..old }, now)
        })
    }

    /// Sends a message and returns its id.
    pub fn send(&self, queue: &str, body: impl Into<String>) -> Result<String, SqsError> {
        self.send_with(queue, Message { body: body.into(), ..Message::default() }, None)
    }

    /// Sends a message with its attributes, and returns the id that it gets.
    fn send_with(&self, queue: &str, message: Message, delay_ms: Option<u64>) -> Result<String, SqsError> {
        check_body(&message.body)?;
        let id = Uuid::new_v4().to_string();
        let message = Message { id: id.clone(), ..message };
        self.change(|core, now| core.send(queue, message, delay_ms, now))?;
        self.arrival.notify_waiters();
        Ok(id)
    }

    /// Receives up to `max` messages (SQS: at most 10), waiting up to `wait` (SQS: at most 20 seconds) for the first.
    pub async fn receive(&self, queue: &str, max: usize, wait: Duration) -> Result<Vec<Received>, SqsError> {
        self.receive_with(queue, max, wait, None).await
    }

    pub(super) async fn receive_with(
        &self,
        queue: &str,
        max: usize,
        wait: Duration,
        visibility_ms: Option<u64>,
    ) -> Result<Vec<Received>, SqsError> {
        let deadline = Instant::now() + wait;
        loop {
            // The wait is registered before the queue is read, so a message that arrives between the two ends the wait.
            let arrival = self.arrival.notified();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            let received = self.change(|core, now| core.receive(queue, max.min(MAX_BATCH), visibility_ms, now))?;
            if !received.is_empty() || Instant::now() >= deadline {
                return Ok(received);
            }
            let now = self.now();
            let hidden = self.state().core.next_visible(queue, now);
            let again = hidden.map_or(deadline, |at| Instant::now() + Duration::from_millis(at - now)).min(deadline);
            let _ = tokio::time::timeout_at(again, arrival).await;
        }
    }

    /// Deletes a received message. A stale receipt deletes nothing and is not an error.
    pub fn delete(&self, queue: &str, receipt: &str) -> Result<(), SqsError> {
        self.change(|core, now| core.delete(queue, receipt, now))
    }

    /// Hides a message in flight for `visibility` from now; zero makes it visible immediately.
    pub fn change_visibility(&self, queue: &str, receipt: &str, visibility: Duration) -> Result<(), SqsError> {
        self.change(|core, now| core.change_visibility(queue, receipt, message::millis(visibility), now))?;
        self.arrival.notify_waiters();
        Ok(())
    }

    /// Returns the numbers of visible, in-flight and delayed messages.
    pub fn counts(&self, queue: &str) -> Result<Counts, SqsError> {
        self.state().core.counts(queue, self.now())
    }

    /// Returns the age of a queue's oldest message, whether visible, delayed or in flight; `None` for an empty queue.
    pub fn oldest(&self, queue: &str) -> Result<Option<Duration>, SqsError> {
        let now = self.now();
        let sent_at = self.state().core.oldest(queue, now)?;
        Ok(sent_at.map(|sent_at| Duration::from_millis(now.saturating_sub(sent_at))))
    }

    /// Returns all messages of a queue, oldest first, without receiving them.
    pub fn peek_all(&self, queue: &str) -> Result<Vec<Message>, SqsError> {
        self.state().core.messages(queue)
    }

    /// Returns the names of all queues.
    pub fn names(&self) -> Vec<String> {
        self.state().core.names().cloned().collect()
    }

    /// Deletes all messages of a queue.
    pub fn purge(&self, queue: &str) -> Result<(), SqsError> {
        self.change(|core, _| core.purge(queue))
    }

    /// Sends the messages of a dead-letter queue to `to`, or else to the source of each. Returns the number of
    /// messages.
    pub fn redrive(&self, dead_letters: &str, to: Option<&str>) -> Result<usize, SqsError> {
        let moved = self.change(|core, now| core.redrive(dead_letters, to, || Uuid::new_v4().to_string(), now))?;
        self.arrival.notify_waiters();
        Ok(moved)
    }

    /// Applies `decide` to the queues, and returns once its changes are on disk.
    fn change<T>(&self, decide: impl FnOnce(&mut Core, u64) -> Result<T, SqsError>) -> Result<T, SqsError> {
        let State { core, journal } = &mut *self.state();
        let result = decide(core, self.now());
        journal.keep(core).map_err(|error| SqsError::not_kept(&error))?;
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the ARN of a queue of this account.
pub fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

/// Returns the queue's name from its ARN.
pub(super) fn name_of_arn(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, message::millis)
}

/// Returns the MD5 in hex. SQS and S3 prescribe MD5: it detects damage, not manipulation.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    let mut md5 = Md5::new();
    md5.update(bytes);
    hex::encode(md5.finalize())
}

/// Checks a queue's name. SQS: 1 to 80 letters, digits, hyphens and underscores. Names in `.fifo` are rejected: the
/// stand-in has standard queues only.
fn check_name(name: &str) -> Result<(), SqsError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=80).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(SqsError::bad_value(
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length. FIFO queues are not kept here.",
    ))
}

/// Checks a message's body. SQS: at least one character, at most 1 MiB, and only characters of XML 1.0.
fn check_body(body: &str) -> Result<(), SqsError> {
    if body.is_empty() {
        return Err(SqsError::bad_value("The request must contain the parameter MessageBody."));
    }
    if body.len() > MAX_MESSAGE_BYTES {
        return Err(SqsError::bad_value(
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
        ));
    }
    let allowed =
        |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    if body.chars().all(allowed) { Ok(()) } else { Err(SqsError::bad_contents()) }
}
