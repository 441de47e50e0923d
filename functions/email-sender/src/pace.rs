//! Pace of sending: all workers together stay below SES's rate and daily quota, without a shared counter.
//!
//! Each worker takes an equal part of the account's rate: at most so many run at the same time as the queue's event source
//! mapping allows (`max_concurrency` in `infra/workers.json`).

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::anyhow;
use domain::{
    JobError,
    error::{QuotaUsedUp, ServiceUnavailable},
};
use jiff::{SignedDuration, Timestamp};
use runtime::ses::{SendQuota, Ses};
use tracing::warn;

/// Part of the account's rate that all workers use. The rest is for synchronous requests, which run beside them.
const PART_OF_RATE: f64 = 0.9;
/// Time for which a quota is remembered. SES's count of the last 24 hours changes slowly.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(1);
/// Time that a call of SES and the write after it may take.
const TIME_TO_SEND: SignedDuration = SignedDuration::from_secs(10);

/// Pace of one worker.
pub struct Pace {
    workers: f64,
    known: Mutex<Known>,
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    quota: Option<SendQuota>,
    asked_at: Option<Timestamp>,
    /// Emails since the quota was asked for.
    sent: u32,
    /// Earliest time of the next email.
    next: Option<Timestamp>,
}

/// Decision about the next email.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// The email may be sent after this time.
    Wait(Duration),
    /// The worker's time ends before its turn.
    TooLate,
    /// The quota of the last 24 hours is used up.
    UsedUp,
}

impl Pace {
    /// Creates the pace of one of so many workers.
    pub fn new(workers: u32) -> Self {
        Self { workers: f64::from(workers.max(1)), known: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// Waits until this worker may send its next email. `Unavailable` if its time ends before, or the daily quota is used up.
    pub async fn turn(&self, ses: &Ses, now: Timestamp, stops_at: Timestamp) -> Result<(), JobError> {
        self.ask(ses, now).await;
        match self.known(|known| known.turn(self.workers, now, stops_at)) {
            Turn::Wait(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Turn::TooLate => {
                let late =
                    anyhow!("SES's rate leaves no time").context(ServiceUnavailable("The email waits for its turn"));
                Err(late.context(QuotaUsedUp).into())
            }
            Turn::UsedUp => {
                let used_up = anyhow!("SES's daily quota is used up").context(ServiceUnavailable("SES takes no email"));
                Err(used_up.context(QuotaUsedUp).into())
            }
        }
    }

    /// Asks for the quota once a minute: once for all messages of a batch, since SES limits these calls too.
    async fn ask(&self, ses: &Ses, now: Timestamp) {
        let _asking = self.asking.lock().await;
        if !self.known(|known| known.is_outdated(now)) {
            return;
        }
        match ses.quota().await {
            Ok(quota) => self.known(|known| known.learn(quota, now)),
            // Until SES answers again, the quota before applies. Without one SES itself says when it is too much.
            Err(error) => {
                warn!(reason = error.to_string(), "SES does not tell its quota");
                self.known(|known| known.hear_nothing(now));
            }
        }
    }

    fn known<T>(&self, ask: impl FnOnce(&mut Known) -> T) -> T {
        ask(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn is_outdated(&self, now: Timestamp) -> bool {
        self.asked_at.is_none_or(|at| now.duration_since(at).abs() >= REMEMBERED)
    }

    fn learn(&mut self, quota: Option<SendQuota>, now: Timestamp) {
        self.quota = quota;
        self.asked_at = Some(now);
        self.sent = 0;
    }

    /// SES did not answer: what it said before applies until it is asked again.
    fn hear_nothing(&mut self, now: Timestamp) {
        self.asked_at = Some(now);
    }

    fn turn(&mut self, workers: f64, now: Timestamp, stops_at: Timestamp) -> Turn {
        let Some(quota) = self.quota else { return Turn::Wait(Duration::ZERO) };
        let is_limited = quota.max_24_hour_send >= 0.0;
        if is_limited && quota.sent_last_24_hours + f64::from(self.sent) >= quota.max_24_hour_send {
            return Turn::UsedUp;
        }
        let rate = quota.max_send_rate * PART_OF_RATE / workers;
        let interval = SignedDuration::try_from_secs_f64(1.0 / rate).unwrap_or(SignedDuration::MAX);
        let slot = self.next.map_or(now, |next| next.max(now));
        // An email whose turn has come is sent however little time is left.
        if slot > now && slot.saturating_add(TIME_TO_SEND).unwrap_or(Timestamp::MAX) > stops_at {
            return Turn::TooLate;
        }
        self.next = slot.saturating_add(interval).ok();
        self.sent += 1;
        Turn::Wait(slot.duration_since(now).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).expect("in range")
    }

    fn knowing(max_24_hour_send: f64, max_send_rate: f64) -> Known {
        let mut known = Known::default();
        known.learn(Some(SendQuota { max_24_hour_send, max_send_rate, sent_last_24_hours: 3.0 }), at(0));
        known
    }

    #[test]
    fn five_workers_together_stay_below_the_rate() {
        let mut known = knowing(50_000.0, 14.0);
        let waits: Vec<_> = (0..30).map(|_| known.turn(5.0, at(0), at(60_000))).collect();
        assert_eq!(waits[0], Turn::Wait(Duration::ZERO));
        let Turn::Wait(last) = waits[29] else { panic!("{waits:?}") };
        let rate_of_five = 5.0 * 29.0 / last.as_secs_f64();
        assert!((12.5..14.0).contains(&rate_of_five), "{rate_of_five} a second");
    }

    #[test]
    fn email_without_time_for_its_turn_takes_none() {
        let mut known = knowing(200.0, 1.0);
        let waits: Vec<_> = (0..20).map(|_| known.turn(5.0, at(0), at(60_000))).collect();
        let sent = waits.iter().filter(|wait| matches!(wait, Turn::Wait(_))).count();
        assert_eq!((sent, &waits[19]), (9, &Turn::TooLate), "{waits:?}");
        assert_eq!(known.turn(5.0, at(60_000), at(60_001)), Turn::Wait(Duration::ZERO), "no turn was lost");
    }

    #[test]
    fn quota_applies_while_ses_does_not_answer() {
        let mut known = knowing(5.0, 1.0);
        assert_eq!(known.turn(1.0, at(0), at(60_000)), Turn::Wait(Duration::ZERO));
        known.hear_nothing(at(60_000));
        assert!(!known.is_outdated(at(119_999)), "the next email does not ask again");
        assert_eq!(known.turn(1.0, at(60_000), at(120_000)), Turn::Wait(Duration::ZERO));
        assert!(matches!(known.turn(1.0, at(60_000), at(120_000)), Turn::UsedUp), "3 before, 2 since");
    }

    #[test]
    fn daily_quota_ends_sending_until_it_is_asked_for_again() {
        let mut known = knowing(5.0, 1_000.0);
        let now = [0, 1, 2].map(|second| known.turn(1.0, at(second * 1_000), at(60_000)));
        assert_eq!(now, [Turn::Wait(Duration::ZERO), Turn::Wait(Duration::ZERO), Turn::UsedUp]);
        assert!(!known.is_outdated(at(59_999)) && known.is_outdated(at(60_000)));
        let mut unlimited = knowing(-1.0, 1_000.0);
        assert_eq!(unlimited.turn(1.0, at(0), at(60_000)), Turn::Wait(Duration::ZERO));
        assert_eq!(Known::default().turn(1.0, at(0), at(60_000)), Turn::Wait(Duration::ZERO), "SES tells nothing");
    }
}
