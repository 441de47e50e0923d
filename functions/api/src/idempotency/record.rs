//! What is kept of a request with an Idempotency-Key.

use domain::{Studio, record::Record};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A key is good for this long; then it is as if it had never been used.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// No request is under way for longer: API Gateway's longest.
const LONGEST: SignedDuration = SignedDuration::from_secs(30);

/// One key's request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Keyed {
    /// Whose key.
    pub studio: Studio,
    /// UUIDv5 of the key.
    pub id: Uuid,
    /// SHA-256 of method, path and body, in hexadecimal digits.
    pub fingerprint: String,
    /// The id of what the request makes, decided before it does.
    pub record: Uuid,
    /// Until when it is under way; past, when it broke off.
    pub under_way_until: Timestamp,
    /// What it was answered with.
    pub answered: Option<Answer>,
    /// When it came first.
    pub created_at: Timestamp,
}

/// What is kept of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, of a request that made no record to be answered from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What a key says of a request that bears it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// It is the first: it makes the record of this id.
    First(Uuid),
    /// An earlier one broke off before it was answered, and may have made the record of this id.
    BrokeOff(Uuid),
    /// It was answered before, in this way, and has made the record of this id.
    Answered(Uuid, Answer),
    /// An earlier one is under way.
    UnderWay {
        /// Until then at most.
        until: Timestamp,
    },
    /// The key was used for another request.
    Reused,
}

impl Keyed {
    /// A request that begins now, and is to make the record of this id.
    pub fn begun(studio: Studio, id: Uuid, fingerprint: String, record: Uuid, now: Timestamp) -> Self {
        Self {
            studio,
            id,
            fingerprint,
            record,
            under_way_until: now.saturating_add(LONGEST).unwrap_or(now),
            answered: None,
            created_at: now,
        }
    }

    /// The same key comes with this fingerprint; where the request goes on, it is under way from now.
    pub fn comes_again(&mut self, fingerprint: &str, record: Uuid, now: Timestamp) -> Meaning {
        if self.kept_until() <= now {
            *self = Self::begun(self.studio.clone(), self.id, fingerprint.to_owned(), record, now);
            return Meaning::First(self.record);
        }
        if self.fingerprint != fingerprint {
            return Meaning::Reused;
        }
        if let Some(answer) = &self.answered {
            return Meaning::Answered(self.record, answer.clone());
        }
        if self.under_way_until > now {
            return Meaning::UnderWay { until: self.under_way_until };
        }
        self.under_way_until = now.saturating_add(LONGEST).unwrap_or(now);
        Meaning::BrokeOff(self.record)
    }

    fn kept_until(&self) -> Timestamp {
        self.created_at.saturating_add(KEPT).unwrap_or(Timestamp::MAX)
    }
}

impl Record for Keyed {
    const NAME: &'static str = "request";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.kept_until())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_key_means_what_it_means_at_each_hour() {
        let begun = Keyed::begun("anna".parse().expect("valid"), Uuid::nil(), "a".into(), Uuid::from_u128(1), at(0));
        let after = |change: fn(&mut Keyed), fingerprint: &str, second| {
            let mut keyed = begun.clone();
            change(&mut keyed);
            keyed.comes_again(fingerprint, Uuid::from_u128(2), at(second))
        };
        let unanswered = |_: &mut Keyed| {};
        let made = Answer { status: 201, body: None };
        let answered = |keyed: &mut Keyed| keyed.answered = Some(Answer { status: 201, body: None });
        assert_eq!(after(unanswered, "a", 29), Meaning::UnderWay { until: at(30) });
        assert_eq!(after(unanswered, "a", 30), Meaning::BrokeOff(begun.record));
        assert_eq!(after(unanswered, "b", 31), Meaning::Reused);
        assert_eq!(after(answered, "a", 1), Meaning::Answered(begun.record, made.clone()));
        assert_eq!(after(answered, "a", 24 * 3600 - 1), Meaning::Answered(begun.record, made));
        assert!(matches!(after(answered, "b", 24 * 3600), Meaning::First(new) if new != begun.record));
    }
}
