//! Limits of a studio, which operators set, and what the studio has used of them.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{record::Record, studio::Studio};

/// Namespace of the ids of measurements.
const NAMESPACE: Uuid = Uuid::from_u128(0x7c1d_95e0_48b2_4f3a_8d60_21f4_6a9b_c35e);
/// Length of a day in UTC.
const SECONDS_A_DAY: i64 = 24 * 3600;
/// Time after which the bytes of a studio's photos are measured again.
pub const MEASURED_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// Time after which they are measured again if the limit was reached: photos may have been deleted.
pub const MEASURED_IF_FULL: SignedDuration = SignedDuration::from_secs(60);
/// Time after which a measurement counts as lost.
const MEASURES_FOR: SignedDuration = SignedDuration::from_hours(6);

/// Limits of a studio. One that is `None` does not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Emails that requests send on a day (UTC). The emails that follow from a download are not limited.
    pub emails_a_day: Option<u32>,
    /// Bytes of the originals of all photos.
    pub bytes: Option<u64>,
    /// Archives that requests order on a day (UTC). Retries and renewals are not limited.
    pub archives_a_day: Option<u32>,
    /// Operations on many records that run at the same time.
    pub concurrent_operations: Option<u32>,
}

/// Name of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitName {
    /// [`Limits::emails_a_day`].
    EmailsADay,
    /// [`Limits::bytes`].
    Bytes,
    /// [`Limits::archives_a_day`].
    ArchivesADay,
    /// [`Limits::concurrent_operations`].
    ConcurrentOperations,
}

impl LimitName {
    /// Returns the name as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmailsADay => "emails_a_day",
            Self::Bytes => "bytes",
            Self::ArchivesADay => "archives_a_day",
            Self::ConcurrentOperations => "concurrent_operations",
        }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something limited that a request is about to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// An email.
    Email,
    /// An archive.
    Archive,
    /// Photos of so many bytes together.
    Bytes(u64),
}

/// Error: the request would exceed a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit {name} of {most} is reached")]
pub struct LimitReached {
    /// Name of the limit.
    pub name: LimitName,
    /// The limit.
    pub most: u64,
    /// Time at which the count begins anew; `None` if there is no such time.
    pub until: Option<Timestamp>,
}

/// A measurement under way: an operation that adds up the bytes of the studio's photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    /// Id of the operation.
    pub operation: Uuid,
    /// Time at which it began. Later photos are not part of it.
    pub begun_at: Timestamp,
    /// Bytes of the photos that were announced since.
    pub announced: u64,
}

/// Limits of a studio, and its usage. The table of profiles has one such item for each limited studio, under
/// [`StudioLimits::ID`].
///
/// A request takes what it needs before it creates anything. If it breaks off in between, the day's counts are too high by
/// one, never too low. The bytes are corrected by an hourly measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudioLimits {
    /// The studio.
    pub studio: Studio,
    /// Id of the item: [`StudioLimits::ID`].
    pub id: Uuid,
    /// The limits.
    pub limits: Limits,
    /// Day of the two counts: days since 1970-01-01 UTC.
    day: i64,
    emails: u32,
    archives: u32,
    /// Bytes that the last measurement found, and of photos announced since it began.
    bytes: u64,
    measured_at: Option<Timestamp>,
    measurement: Option<Measurement>,
    /// Operations that had not ended when the last one began, and the last one, each with its beginning.
    operations: Vec<(Uuid, Timestamp)>,
}

impl Record for StudioLimits {
    const NAME: &'static str = "studio's limits";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
}

impl StudioLimits {
    /// Id under which the table stores the limits of each studio.
    pub const ID: Uuid = Uuid::from_u128(1);

    /// Creates the item of a studio that has used nothing.
    pub fn new(studio: Studio, limits: Limits) -> Self {
        Self {
            studio,
            id: Self::ID,
            limits,
            day: 0,
            emails: 0,
            archives: 0,
            bytes: 0,
            measured_at: None,
            measurement: None,
            operations: Vec::new(),
        }
    }

    /// Returns the emails and archives of the day.
    pub fn of_day(&self, now: Timestamp) -> (u32, u32) {
        if self.day == day(now) { (self.emails, self.archives) } else { (0, 0) }
    }

    /// Returns the bytes of photos that are known; `None` before the first measurement has ended.
    pub fn bytes(&self) -> Option<u64> {
        self.measured_at.map(|_| self.bytes)
    }

    /// Counts what a request is about to create. A studio without this limit counts nothing.
    pub fn take(&mut self, what: Taken, now: Timestamp) -> Result<(), LimitReached> {
        let tomorrow = Some(next_day(now));
        match what {
            Taken::Email => {
                let Some(most) = self.limits.emails_a_day else { return Ok(()) };
                let taken = one_more(self.of_day(now).0, most, LimitName::EmailsADay, tomorrow)?;
                self.begin_day(now);
                self.emails = taken;
            }
            Taken::Archive => {
                let Some(most) = self.limits.archives_a_day else { return Ok(()) };
                let taken = one_more(self.of_day(now).1, most, LimitName::ArchivesADay, tomorrow)?;
                self.begin_day(now);
                self.archives = taken;
            }
            Taken::Bytes(bytes) => {
                let Some(most) = self.limits.bytes else { return Ok(()) };
                let sum = self.bytes.saturating_add(bytes);
                if sum > most {
                    return Err(LimitReached { name: LimitName::Bytes, most, until: None });
                }
                self.bytes = sum;
                if let Some(measurement) = &mut self.measurement {
                    measurement.announced = measurement.announced.saturating_add(bytes);
                }
            }
        }
        Ok(())
    }

    /// Returns the operations that count, if their number is limited. The caller finds out which have ended.
    pub fn running(&self) -> Option<&[(Uuid, Timestamp)]> {
        self.limits.concurrent_operations.map(|_| self.operations.as_slice())
    }

    /// Replaces the limits. What was used still counts, but for bytes: while they are not limited, nothing is counted.
    pub fn replace(&mut self, limits: Limits) {
        if self.limits.bytes.is_none() && limits.bytes.is_some() {
            (self.bytes, self.measured_at, self.measurement) = (0, None, None);
        }
        self.limits = limits;
    }

    /// Counts an operation that is about to begin. Those that have ended no longer count, and one that is counted
    /// already is not counted again.
    pub fn begin_operation(&mut self, id: Uuid, ended: &[Uuid], now: Timestamp) -> Result<(), LimitReached> {
        let Some(most) = self.limits.concurrent_operations else { return Ok(()) };
        let mut left = self.operations.clone();
        left.retain(|(known, _)| *known != id && !ended.contains(known));
        let running = u32::try_from(left.len()).unwrap_or(u32::MAX);
        one_more(running, most, LimitName::ConcurrentOperations, None)?;
        left.push((id, now));
        self.operations = left;
        Ok(())
    }

    /// Returns the measurement under way.
    pub fn measurement(&self) -> Option<Measurement> {
        self.measurement
    }

    /// Returns whether none is under way, and the last one began longer ago than `every`.
    pub fn is_measurement_due(&self, now: Timestamp, every: SignedDuration) -> bool {
        match (self.measurement, self.measured_at) {
            (Some(measurement), _) => now.duration_since(measurement.begun_at) > MEASURES_FOR,
            (None, last) => last.is_none_or(|last| now.duration_since(last) >= every),
        }
    }

    /// Begins a measurement if bytes are limited, none is under way, and the last one began longer ago than `every`. Returns the
    /// one that is under way.
    pub fn begin_measurement(&mut self, now: Timestamp, every: SignedDuration) -> Option<Measurement> {
        self.limits.bytes?;
        if self.is_measurement_due(now, every) {
            let operation = Uuid::new_v5(&NAMESPACE, format!("{}/{now}", self.studio).as_bytes());
            self.measurement = Some(Measurement { operation, begun_at: now, announced: 0 });
        }
        self.measurement
    }

    /// Gives up a measurement whose operation has failed or disappeared.
    pub fn drop_measurement(&mut self, operation: Uuid) {
        self.measurement.take_if(|measurement| measurement.operation == operation);
    }

    /// Replaces the bytes by those that an operation has found.
    pub fn end_measurement(&mut self, operation: Uuid, found: u64) {
        if let Some(measurement) = self.measurement.take_if(|measurement| measurement.operation == operation) {
            self.bytes = found.saturating_add(measurement.announced);
            self.measured_at = Some(measurement.begun_at);
        }
    }

    fn begin_day(&mut self, now: Timestamp) {
        if self.day != day(now) {
            (self.day, self.emails, self.archives) = (day(now), 0, 0);
        }
    }
}

fn one_more(taken: u32, most: u32, name: LimitName, until: Option<Timestamp>) -> Result<u32, LimitReached> {
    if taken >= most { Err(LimitReached { name, most: most.into(), until }) } else { Ok(taken + 1) }
}

fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(SECONDS_A_DAY)
}

fn next_day(now: Timestamp) -> Timestamp {
    Timestamp::from_second((day(now) + 1) * SECONDS_A_DAY).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::samples::studio;

    const MONDAY: Timestamp = Timestamp::constant(1_784_505_600, 0);

    fn later(hours: i64) -> Timestamp {
        MONDAY + hours.hours()
    }

    fn limited(limits: Limits) -> StudioLimits {
        StudioLimits::new(studio(), limits)
    }

    #[test]
    fn days_counts_begin_anew_at_midnight() {
        let mut limits = limited(Limits { emails_a_day: Some(2), archives_a_day: Some(1), ..Limits::default() });
        for what in [Taken::Email, Taken::Email, Taken::Archive] {
            limits.take(what, later(1)).expect("within the limits");
        }
        let before = limits.clone();
        let refused = LimitReached { name: LimitName::EmailsADay, most: 2, until: Some(later(24)) };
        assert_eq!(limits.take(Taken::Email, later(23)), Err(refused));
        let refused = LimitReached { name: LimitName::ArchivesADay, most: 1, until: Some(later(24)) };
        assert_eq!(limits.take(Taken::Archive, later(23)), Err(refused));
        assert_eq!(limits, before, "a refusal counts nothing");
        assert_eq!((limits.of_day(later(23)), limits.of_day(later(24))), ((2, 1), (0, 0)));
        limits.take(Taken::Archive, later(24)).expect("another day");
        assert_eq!(limits.of_day(later(24)), (0, 1));
    }

    #[test]
    fn studio_without_limits_counts_nothing() {
        let mut limits = limited(Limits::default());
        for what in [Taken::Email, Taken::Archive, Taken::Bytes(u64::MAX)] {
            limits.take(what, MONDAY).expect("no limit");
        }
        limits.begin_operation(Uuid::max(), &[], MONDAY).expect("no limit");
        assert_eq!((limits.begin_measurement(MONDAY, MEASURED_EVERY), limits.running()), (None, None));
        assert_eq!(limits, limited(Limits::default()));
    }

    #[test]
    fn limit_of_zero_refuses_everything() {
        let none =
            Limits { emails_a_day: Some(0), bytes: Some(0), archives_a_day: Some(0), concurrent_operations: Some(0) };
        let mut limits = limited(none);
        for what in [Taken::Email, Taken::Archive, Taken::Bytes(1)] {
            assert!(limits.take(what, MONDAY).is_err(), "{what:?}");
        }
        assert!(limits.begin_operation(Uuid::max(), &[], MONDAY).is_err());
    }

    #[test]
    fn bytes_are_those_measured_and_announced_since() {
        let mut limits = limited(Limits { bytes: Some(100), ..Limits::default() });
        let first = limits.begin_measurement(MONDAY, MEASURED_EVERY).expect("due");
        assert_eq!(limits.begin_measurement(later(5), MEASURED_EVERY), Some(first), "one at a time");
        assert_eq!(limits.bytes(), None);
        limits.take(Taken::Bytes(30), MONDAY).expect("fits");
        limits.end_measurement(Uuid::max(), 99);
        limits.end_measurement(first.operation, 50);
        assert_eq!((limits.bytes(), limits.begin_measurement(MONDAY, MEASURED_EVERY)), (Some(80), None), "one an hour");
        limits.end_measurement(first.operation, 0);
        let refused = LimitReached { name: LimitName::Bytes, most: 100, until: None };
        assert_eq!(limits.take(Taken::Bytes(21), MONDAY), Err(refused));
        limits.take(Taken::Bytes(20), MONDAY).expect("fits exactly");
        let second = limits.begin_measurement(later(1), MEASURED_EVERY).expect("due");
        assert!(second.operation != first.operation && second.announced == 0);
        limits.end_measurement(second.operation, 10);
        assert_eq!(limits.bytes(), Some(10), "photos were deleted");

        let third = limits.begin_measurement(later(1) + 1.minute(), MEASURED_IF_FULL).expect("due");
        limits.drop_measurement(third.operation);
        assert_eq!(limits.measurement(), None);
        let fourth = limits.begin_measurement(later(2), MEASURED_EVERY).expect("due");
        let fifth = limits.begin_measurement(later(9), MEASURED_EVERY).expect("due");
        assert!(fourth.operation != fifth.operation, "one that is lost is begun anew");
        let unlimited = Limits::default();
        limits.replace(unlimited);
        limits.replace(Limits { bytes: Some(1), ..unlimited });
        assert_eq!((limits.bytes(), limits.measurement()), (None, None), "nothing was counted in between");
    }

    #[test]
    fn ended_operations_count_no_longer() {
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let mut limits = limited(Limits { concurrent_operations: Some(2), ..Limits::default() });
        for id in [a, b, b] {
            limits.begin_operation(id, &[], MONDAY).expect("two at a time, and a repeated one is the same");
        }
        let refused = LimitReached { name: LimitName::ConcurrentOperations, most: 2, until: None };
        assert_eq!(limits.begin_operation(c, &[], MONDAY), Err(refused));
        limits.begin_operation(c, &[a], MONDAY).expect("one has ended");
        assert_eq!(limits.running(), Some([(b, MONDAY), (c, MONDAY)].as_slice()));
    }

    #[test]
    fn limits_are_stored_and_read_back() {
        let mut limits = limited(Limits { bytes: Some(u64::MAX), ..Limits::default() });
        limits.begin_measurement(MONDAY, MEASURED_EVERY);
        let stored = serde_json::to_value(&limits).expect("writes");
        assert_eq!(serde_json::from_value::<StudioLimits>(stored).expect("reads"), limits);
    }
}
