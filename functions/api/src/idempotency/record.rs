//! Record of a request with an `Idempotency-Key`.

use domain::{Studio, record::Record};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Time for which a key is stored. After that the key counts as unused.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Longest duration of a request: API Gateway's timeout.
const LONGEST: SignedDuration = SignedDuration::from_secs(30);

/// Record of a key and its request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Keyed {
    /// Studio that used the key.
    pub studio: Studio,
    /// UUIDv5 of the key.
    pub id: Uuid,
    /// SHA-256 of method, path and body, in hexadecimal digits.
    pub fingerprint: String,
    /// Id of the record that the request creates.
    pub record: Uuid,
    /// Time until which the request is under way. A past time without a response means that the request was
    /// interrupted.
    pub under_way_until: Timestamp,
    /// Response of the request.
    pub answered: Option<Answer>,
    /// Time of the first request.
    pub created_at: Timestamp,
}

/// Stored part of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body, of a request that creates no record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// Meaning of a key for a request that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// The request is the first with this key. It creates the record with this id.
    First(Uuid),
    /// An earlier request was interrupted before its response. It may have created the record with this id.
    BrokeOff(Uuid),
    /// An earlier request created the record with this id and was answered with this response.
    Answered(Uuid, Answer),
    /// An earlier request is under way.
    UnderWay {
        /// Latest end of the earlier request.
        until: Timestamp,
    },
    /// The key was used for another request.
    Reused,
}

impl Keyed {
    /// Creates the record of a request that begins at `now` and creates the record with id `record`.
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

    /// Applies another request with the same key and returns its meaning. If the request proceeds, it is under way from
    /// `now`.
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
    fn repeated_key_is_judged_by_age_and_fingerprint() {
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
