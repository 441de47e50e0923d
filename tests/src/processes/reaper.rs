//! The kills of processes: which invocations die, and when.

use std::{
    collections::{HashMap, HashSet},
    process::Command,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::Value;

/// The state of the kills: which invocations to kill, and the number of kills so far.
#[derive(Debug, Default)]
pub struct Reaper {
    state: Mutex<Reaping>,
}

#[derive(Debug, Default)]
struct Reaping {
    rng: Rng,
    moment: Moment,
    /// The probability, in percent, that an invocation or a call is killed.
    chance: u8,
    kills: u64,
    limit: u64,
    /// Processes that were killed in a call, until their invocation has ended.
    struck: HashSet<u32>,
    /// The process that sends an email, by the email's id.
    holders: HashMap<String, u32>,
    /// Messages whose process was killed, with the time of their delivery to it.
    orphans: HashMap<String, Instant>,
    redelivered: Vec<Duration>,
}

#[derive(Debug, Default)]
enum Moment {
    #[default]
    Never,
    /// Somewhere in the first part of an invocation of this function.
    Within(String, Duration),
    /// When [`Reaper::strike`] is called.
    InCall,
}

/// The invocation of a process with a batch of messages.
pub(super) struct Run {
    pid: u32,
    messages: Vec<String>,
    /// The ids of the emails that the messages ask to send.
    emails: Vec<String>,
    begun: Instant,
}

impl Run {
    /// Reads what an event delivers to a process. Events of other services than SQS have no messages.
    pub(super) fn of(pid: u32, event: &[u8]) -> Self {
        let event: Value = serde_json::from_slice(event).unwrap_or_default();
        let all = event["Records"].as_array().map_or(&[][..], Vec::as_slice);
        let messages = all.iter().filter_map(|record| record["messageId"].as_str().map(str::to_owned)).collect();
        let emails = all.iter().filter_map(|record| {
            let job: Value = serde_json::from_str(record["body"].as_str()?).ok()?;
            // SES's reports name emails too, and the process that reads them makes no call of SES.
            let is_sent = job["job"] == "send_email";
            job["email"].as_str().filter(|_| is_sent).map(str::to_owned)
        });
        Self { pid, messages, emails: emails.collect(), begun: Instant::now() }
    }
}

impl Reaper {
    /// Kills this share of a function's invocations from now on, at a random moment of their first `within`, until
    /// `limit` processes are killed.
    pub fn reap(&self, seed: u64, function: &str, chance: u8, within: Duration, limit: u64) {
        self.begin(seed, Moment::Within(function.to_owned(), within), chance, limit);
    }

    /// Kills processes from now on in this share of the calls that [`Self::strike`] tells of, until `limit` processes are
    /// killed.
    pub fn reap_in_calls(&self, seed: u64, chance: u8, limit: u64) {
        self.begin(seed, Moment::InCall, chance, limit);
    }

    fn begin(&self, seed: u64, moment: Moment, chance: u8, limit: u64) {
        let mut reaping = self.lock();
        let holders = std::mem::take(&mut reaping.holders);
        *reaping = Reaping { rng: Rng::with_seed(seed), moment, chance, limit, holders, ..Reaping::default() };
    }

    /// Stops the kills.
    pub fn rest(&self) {
        self.begin(0, Moment::Never, 0, 0);
    }

    /// Returns, for messages of killed processes, the time from that delivery to the next one.
    pub fn redelivered(&self) -> Vec<Duration> {
        self.lock().redelivered.clone()
    }

    /// Returns the number of kills so far.
    pub fn kills(&self) -> u64 {
        self.lock().kills
    }

    /// Kills the process that sends this email, by chance. The process is dead when this returns, so that it never
    /// receives the reply to a call that is being answered.
    pub fn strike(&self, email: &str) {
        let mut reaping = self.lock();
        let pending = reaping.struck.len() as u64;
        if !matches!(reaping.moment, Moment::InCall) || reaping.kills + pending >= reaping.limit {
            return;
        }
        let Some(pid) = reaping.holders.get(email).copied() else { return };
        if reaping.rng.u8(..100) >= reaping.chance || !reaping.struck.insert(pid) {
            return;
        }
        // The signal is sent under the lock: the process cannot be reaped, and its id given away, before.
        let sent = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        if !sent.is_ok_and(|status| status.success()) {
            reaping.struck.remove(&pid);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Reaping> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the delivery of messages to a process; some are redelivered after a kill.
    pub(super) fn delivered(&self, run: &Run) {
        let mut reaping = self.lock();
        let again: Vec<_> =
            run.messages.iter().filter_map(|id| reaping.orphans.remove(id)).map(|at| at.elapsed()).collect();
        reaping.redelivered.extend(again);
        reaping.holders.extend(run.emails.iter().map(|id| (id.clone(), run.pid)));
    }

    /// Returns whether the process was killed in a call of this invocation.
    pub(super) fn has_struck(&self, run: &Run) -> bool {
        self.lock().struck.contains(&run.pid)
    }

    /// Records that an invocation has ended with a response.
    pub(super) fn survived(&self, run: &Run) {
        self.lock().release(run);
    }

    /// Records that an invocation has ended by a kill.
    pub(super) fn killed(&self, run: Run) {
        let mut reaping = self.lock();
        reaping.release(&run);
        reaping.struck.remove(&run.pid);
        reaping.kills += 1;
        reaping.orphans.extend(run.messages.into_iter().map(|id| (id, run.begun)));
    }

    pub(super) fn draw(&self, function: &str) -> Option<Duration> {
        let mut reaping = self.lock();
        let Moment::Within(doomed, within) = &reaping.moment else { return None };
        if doomed != function || reaping.kills >= reaping.limit {
            return None;
        }
        let micros = u64::try_from(within.as_micros()).unwrap_or(u64::MAX);
        if reaping.rng.u8(..100) >= reaping.chance {
            return None;
        }
        Some(Duration::from_micros(reaping.rng.u64(..micros.max(1))))
    }
}

impl Reaping {
    /// Forgets which emails the process has sent.
    fn release(&mut self, run: &Run) {
        for id in &run.emails {
            if self.holders.get(id) == Some(&run.pid) {
                self.holders.remove(id);
            }
        }
    }
}
