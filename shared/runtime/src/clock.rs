//! Clock for leases, links and sweeps. A test can move it without waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// The machine's clock, a clock ahead of it, or a stopped clock.
#[derive(Debug, Clone, Default)]
pub struct Clock(Kind);

#[derive(Debug, Clone, Default)]
enum Kind {
    #[default]
    Machine,
    /// Milliseconds ahead of the machine's clock.
    Ahead(Arc<AtomicI64>),
    /// Milliseconds since the epoch.
    Virtual(Arc<AtomicI64>),
}

impl Clock {
    /// Returns the machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// Returns a clock that follows the machine's and that [`Self::advance`] moves. Clones move together.
    pub fn movable() -> Self {
        Self(Kind::Ahead(Arc::default()))
    }

    /// Returns a clock stopped at `time` that [`Self::advance`] moves. Clones move together.
    pub fn standing_at(time: Timestamp) -> Self {
        Self(Kind::Virtual(Arc::new(AtomicI64::new(time.as_millisecond()))))
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::Machine => machine(),
            Kind::Ahead(ahead) => {
                let (now, ahead) = (machine(), SignedDuration::from_millis(ahead.load(Ordering::SeqCst)));
                now.saturating_add(ahead).unwrap_or(now)
            }
            Kind::Virtual(now) => Timestamp::from_millisecond(now.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX),
        }
    }

    /// Returns the time for signatures. Moving the clock does not affect it, because verifiers use the machine's clock.
    pub fn signing_time(&self) -> Timestamp {
        match &self.0 {
            Kind::Machine | Kind::Ahead(_) => machine(),
            Kind::Virtual(_) => self.now(),
        }
    }

    /// Moves the clock forward. The machine's clock does not move.
    pub fn advance(&self, by: Duration) {
        match &self.0 {
            Kind::Machine => {}
            Kind::Ahead(milliseconds) | Kind::Virtual(milliseconds) => {
                milliseconds.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
fn machine() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_moves_all_clones_but_no_system_clock() {
        let (clock, fixed) = (Clock::movable(), Clock::system());
        let before = clock.now();
        clock.clone().advance(Duration::from_secs(3600));
        fixed.advance(Duration::from_secs(3600));
        assert!(clock.now().duration_since(before) >= SignedDuration::from_secs(3600));
        assert!(fixed.now().duration_since(before) < SignedDuration::from_secs(60));
        assert!(clock.signing_time().duration_since(before) < SignedDuration::from_secs(60));
    }

    #[test]
    fn standing_clock_moves_by_hand_alone() {
        let start = Timestamp::from_second(1_800_000_000).expect("in range");
        let clock = Clock::standing_at(start);
        clock.clone().advance(Duration::from_millis(1_500));
        assert_eq!(clock.now().as_millisecond(), start.as_millisecond() + 1_500);
        assert_eq!(clock.signing_time(), clock.now());
    }
}
