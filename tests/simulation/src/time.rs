//! Virtual time: the history's own clock, and clocks of hosts that differ from it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use runtime::clock::Clock;
use tokio::time::Instant;

/// Beginning of every history: 2027-01-01T00:00:00Z, in seconds since the epoch.
const BEGINNING: i64 = 1_798_761_600;

/// The true time of a history. It stands still while anything runs, and jumps to the next timer otherwise (Tokio's
/// paused clock).
#[derive(Debug, Clone, Copy)]
pub struct Time {
    beginning: Timestamp,
    origin: Instant,
}

impl Time {
    /// Starts the time of a history.
    pub fn begin() -> Self {
        let beginning = Timestamp::from_second(BEGINNING).unwrap_or(Timestamp::UNIX_EPOCH);
        Self { beginning, origin: Instant::now() }
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        self.at(self.origin.elapsed())
    }

    /// Returns the time that has passed since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Returns the time this long after the beginning.
    pub fn at(&self, elapsed: Duration) -> Timestamp {
        self.beginning.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// Milliseconds by which a host's clock is ahead of the true time. Clones move together.
#[derive(Debug, Clone, Default)]
pub struct Skew(Arc<AtomicI64>);

impl Skew {
    /// Sets the skew, so that the host's clock jumps.
    pub fn set(&self, milliseconds: i64) {
        self.0.store(milliseconds, Ordering::Relaxed);
    }

    /// Returns the host's clock.
    pub fn clock(&self, time: Time) -> Clock {
        let skew = self.clone();
        Clock::simulated(move || {
            let now = time.now();
            now.saturating_add(SignedDuration::from_millis(skew.0.load(Ordering::Relaxed))).unwrap_or(now)
        })
    }
}
