//! PIN of a download: a second secret, which the studio tells its customer by another way than the link.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Wrong tries within [`TRIES_WINDOW`], after which further ones are refused until the window ends.
pub const TRIES: u32 = 10;
/// Window of [`TRIES`], from the first wrong try.
pub const TRIES_WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// Wrong tries in all, after which the PIN is locked until the studio sets another. Whoever guesses gets 100 of at least
/// a million PINs.
pub const TRIES_IN_ALL: u32 = 100;

/// Stored PIN, and the wrong tries so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Keyed hash, as [`crate::link::LinkSecret::hash_pin`] returns it.
    pub hash: String,
    /// Wrong tries in all.
    #[serde(default)]
    failures: u32,
    /// Wrong tries in the current window.
    #[serde(default)]
    recent: u32,
    /// Start of the current window.
    #[serde(default)]
    window_from: Option<Timestamp>,
}

/// Answer to a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinTry {
    /// The PIN is right.
    Right,
    /// The PIN is wrong. The try counts.
    Wrong,
    /// Too many tries within an hour. The PIN was not compared.
    TooMany {
        /// Time from which the next try is possible.
        until: Timestamp,
    },
    /// Too many tries in all. The PIN was not compared.
    Locked,
}

impl Pin {
    /// Creates a PIN that nobody has tried yet.
    pub fn new(hash: String) -> Self {
        Self { hash, failures: 0, recent: 0, window_from: None }
    }

    /// Returns whether the studio must set another PIN.
    pub fn is_locked(&self) -> bool {
        self.failures >= TRIES_IN_ALL
    }

    /// Records a try at `now`. `is_right` compares the PIN, and is called only if a try is allowed.
    pub fn attempt(&mut self, now: Timestamp, is_right: impl FnOnce(&str) -> bool) -> PinTry {
        if self.is_locked() {
            return PinTry::Locked;
        }
        let ends = self.window_from.and_then(|from| from.checked_add(TRIES_WINDOW).ok());
        match ends {
            Some(until) if until > now && self.recent >= TRIES => return PinTry::TooMany { until },
            Some(until) if until > now => {}
            _ => (self.window_from, self.recent) = (None, 0),
        }
        if is_right(&self.hash) {
            return PinTry::Right;
        }
        self.window_from.get_or_insert(now);
        self.recent += 1;
        self.failures += 1;
        PinTry::Wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::at;

    fn pin() -> Pin {
        Pin::new("hash".into())
    }

    #[test]
    fn ten_wrong_tries_close_the_pin_for_an_hour() {
        let mut pin = pin();
        for second in 0..10 {
            assert_eq!(pin.attempt(at(second), |_| false), PinTry::Wrong);
        }
        let never = |_: &str| panic!("the PIN is not compared");
        assert_eq!(pin.attempt(at(11), never), PinTry::TooMany { until: at(3600) });
        assert_eq!(pin.attempt(at(3599), never), PinTry::TooMany { until: at(3600) });
        assert_eq!(pin.attempt(at(3600), |hash| hash == "hash"), PinTry::Right);
    }

    #[test]
    fn right_try_forgives_no_wrong_ones() {
        let mut pin = pin();
        for second in 0..9 {
            pin.attempt(at(second), |_| false);
        }
        assert_eq!(pin.attempt(at(9), |_| true), PinTry::Right);
        assert_eq!(pin.attempt(at(10), |_| false), PinTry::Wrong);
        assert_eq!(pin.attempt(at(11), |_| true), PinTry::TooMany { until: at(3600) });
    }

    #[test]
    fn hundred_wrong_tries_lock_the_pin() {
        let mut pin = pin();
        let mut wrong = 0;
        for hour in 0..20 {
            for _ in 0..15 {
                wrong += u32::from(pin.attempt(at(hour * 3600), |_| false) == PinTry::Wrong);
            }
        }
        assert_eq!((wrong, pin.is_locked()), (100, true));
        assert_eq!(pin.attempt(at(1 << 30), |_| true), PinTry::Locked);
    }
}
