//! What time it is. Leases, links and sweeps ask here, so that a test can let an hour pass in no time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// The machine's clock, or one that runs ahead of it by as much as it was moved.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// Milliseconds; `None` can't be moved.
    ahead: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's.
    pub fn system() -> Self {
        Self::default()
    }

    /// One that [`Self::advance`] moves; clones move together.
    pub fn movable() -> Self {
        Self { ahead: Some(Arc::default()) }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        let ahead = self.ahead.as_ref().map_or(0, |ahead| ahead.load(Ordering::SeqCst));
        let now = Timestamp::now();
        now.saturating_add(SignedDuration::from_millis(ahead)).unwrap_or(now)
    }

    /// Moves a movable clock forward; the machine's does not listen.
    pub fn advance(&self, by: Duration) {
        if let Some(ahead) = &self.ahead {
            ahead.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_move_together_and_the_machines_clock_does_not() {
        let (clock, fixed) = (Clock::movable(), Clock::system());
        let before = clock.now();
        clock.clone().advance(Duration::from_secs(3600));
        fixed.advance(Duration::from_secs(3600));
        assert!(clock.now().duration_since(before) >= SignedDuration::from_secs(3600));
        assert!(fixed.now().duration_since(before) < SignedDuration::from_secs(60));
    }
}
