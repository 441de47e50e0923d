//! Clock for leases, links and sweeps. A test can move it without waiting.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_smithy_async::time::TimeSource;
use jiff::{SignedDuration, Timestamp};

/// The machine's clock, a clock ahead of it, or the clock of a simulation.
#[derive(Clone, Default)]
pub struct Clock(Kind);

#[derive(Clone, Default)]
enum Kind {
    #[default]
    Machine,
    /// Milliseconds ahead of the machine's clock.
    Ahead(Arc<AtomicI64>),
    Simulated(Arc<dyn Fn() -> Timestamp + Send + Sync>),
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Machine => "Clock(machine)",
            Kind::Ahead(_) => "Clock(ahead)",
            Kind::Simulated(_) => "Clock(simulated)",
        })
    }
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

    /// Returns a clock that shows the time of a simulation.
    pub fn simulated(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Kind::Simulated(Arc::new(now)))
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::Machine => machine(),
            Kind::Ahead(ahead) => {
                let (now, ahead) = (machine(), SignedDuration::from_millis(ahead.load(Ordering::SeqCst)));
                now.saturating_add(ahead).unwrap_or(now)
            }
            Kind::Simulated(now) => now(),
        }
    }

    /// Returns the time for signatures. Moving the clock does not affect it, because verifiers use the machine's clock.
    pub fn signing_time(&self) -> Timestamp {
        match &self.0 {
            Kind::Machine | Kind::Ahead(_) => machine(),
            Kind::Simulated(now) => now(),
        }
    }

    /// Moves a movable clock forward. Other clocks do not move.
    pub fn advance(&self, by: Duration) {
        if let Kind::Ahead(milliseconds) = &self.0 {
            milliseconds.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

/// The time by which AWS clients sign requests.
impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        let since_epoch = self.signing_time().duration_since(Timestamp::UNIX_EPOCH);
        SystemTime::UNIX_EPOCH + Duration::try_from(since_epoch).unwrap_or_default()
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
    fn simulated_clock_signs_by_its_own_time() {
        let start = Timestamp::from_second(1_800_000_000).expect("in range");
        let clock = Clock::simulated(move || start);
        clock.advance(Duration::from_secs(60));
        assert_eq!((clock.now(), clock.signing_time()), (start, start));
        assert_eq!(TimeSource::now(&clock), SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    }
}
