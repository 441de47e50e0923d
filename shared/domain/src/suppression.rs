//! Addresses that a studio's emails no longer go to: they bounced for good, or their owner complained.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    email::{Email, Reported},
    email_address::EmailAddress,
    error::RecordError,
    record::Record,
    studio::Studio,
};

/// Namespace of the ids of suppressions.
const NAMESPACE: Uuid = Uuid::from_u128(0x2b8e_61d4_9c3f_4a07_b5d2_70e9_13fa_c846);

/// Reason why an address is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// An email bounced for good: the address does not exist.
    Bounced,
    /// The owner of the address marked an email as spam.
    Complained,
}

/// An address that gets no emails of a studio. The record contains no address: its id is derived from studio and address, and
/// an erasure of the customer keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Studio whose emails the address does not get.
    pub studio: Studio,
    /// Id of the suppression, a UUIDv5 of studio and address.
    pub id: Uuid,
    /// Reason: a complaint weighs more than a bounce.
    pub reason: SuppressionReason,
    /// Email that was reported last.
    pub email: Uuid,
    /// Time of the first report since the suppression was last lifted.
    pub since: Timestamp,
    /// Time at which operators lifted the suppression; `None` while it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted_at: Option<Timestamp>,
}

impl Suppression {
    /// Returns the id of the suppression of an address. Upper and lower case make no difference.
    pub fn id_of(studio: &Studio, address: &EmailAddress) -> Uuid {
        Uuid::new_v5(&NAMESPACE, format!("{studio}/{}", address.as_str().to_ascii_lowercase()).as_bytes())
    }

    /// Returns the suppression that the reports about an email cause; `None` if they cause none, or the address was erased.
    pub fn caused_by(email: &Email) -> Option<Self> {
        let (reason, since) = cause(&email.reported).filter(|_| email.erased_at.is_none())?;
        let id = Self::id_of(&email.studio, &email.to);
        Some(Self { studio: email.studio.clone(), id, reason, email: email.id, since, lifted_at: None })
    }

    /// Adds another suppression of the same address. One that was lifted stays so, unless the other one is newer.
    pub fn add(&mut self, other: &Self) {
        match self.lifted_at {
            Some(lifted_at) if other.since <= lifted_at => {}
            Some(_) => self.clone_from(other),
            None => {
                self.reason = self.reason.max(other.reason);
                self.since = self.since.min(other.since);
            }
        }
    }

    /// Lifts the suppression. A report from before `now` does not bring it back.
    pub fn lift(&mut self, now: Timestamp) {
        self.lifted_at.get_or_insert(now);
    }

    /// Returns the reason for which an email to the address is not sent; `None` if the suppression was lifted.
    pub fn refusal(&self) -> Option<RecordError> {
        let why = match self.reason {
            SuppressionReason::Bounced => "an email to this address bounced for good",
            SuppressionReason::Complained => "the recipient marked an email as spam",
        };
        let sentence = format!("Not sent: {why}. Ask the customer for another address, or operators to lift this.");
        self.lifted_at.is_none().then(|| RecordError::new("address_suppressed", sentence))
    }
}

fn cause(reported: &Reported) -> Option<(SuppressionReason, Timestamp)> {
    let complained = reported.complained_at.map(|at| (SuppressionReason::Complained, at));
    let bounced = reported.bounced_at.map(|at| (SuppressionReason::Bounced, at));
    complained.or(bounced).filter(|_| reported.is_undeliverable())
}

impl Record for Suppression {
    const NAME: &'static str = "suppression";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        samples::{at, email},
        ses_event::BounceType,
    };

    fn bounced(second: i64) -> Email {
        let mut email = email();
        email.reported.bounced_at = Some(at(second));
        email.reported.bounce = Some(BounceType::Permanent);
        email
    }

    fn suppression(second: i64) -> Suppression {
        Suppression::caused_by(&bounced(second)).expect("a cause")
    }

    #[test]
    fn bounces_for_good_and_complaints_suppress_the_address() {
        assert_eq!(Suppression::caused_by(&email()), None);
        let mut absent = bounced(5);
        absent.reported.bounce = Some(BounceType::Transient);
        assert_eq!(Suppression::caused_by(&absent), None);
        assert_eq!((suppression(5).reason, suppression(5).since), (SuppressionReason::Bounced, at(5)));
        let mut both = bounced(5);
        both.reported.complained_at = Some(at(9));
        let both = Suppression::caused_by(&both).expect("a cause");
        assert_eq!((both.reason, both.since), (SuppressionReason::Complained, at(9)));
        let mut erased = bounced(5);
        erased.erase(at(6));
        assert_eq!(Suppression::caused_by(&erased), None);
    }

    #[test]
    fn address_is_suppressed_for_one_studio_in_any_case() {
        let (anna, ben) = ("anna".parse().expect("valid"), "ben".parse().expect("valid"));
        let (lower, upper) = ("eva@example.com".parse().expect("valid"), "EVA@example.com".parse().expect("valid"));
        assert_eq!(Suppression::id_of(&anna, &lower), Suppression::id_of(&anna, &upper));
        assert_ne!(Suppression::id_of(&anna, &lower), Suppression::id_of(&ben, &lower));
    }

    #[test]
    fn lifted_suppression_returns_with_a_newer_report_only() {
        let mut known = suppression(5);
        assert!(known.refusal().is_some_and(|error| error.code == "address_suppressed"));
        known.lift(at(20));
        assert_eq!(known.refusal(), None);
        known.add(&suppression(5));
        known.add(&suppression(20));
        assert_eq!(known.refusal(), None, "a repeated or late report");
        known.add(&suppression(21));
        assert_eq!((known.refusal().is_some(), known.since), (true, at(21)));
    }

    #[test]
    fn reports_are_added_in_any_order() {
        let complaint = Suppression { reason: SuppressionReason::Complained, ..suppression(3) };
        let (mut one, mut other) = (suppression(5), complaint.clone());
        one.add(&complaint);
        other.add(&suppression(5));
        assert_eq!(one, other);
        assert!(one.refusal().is_some_and(|error| error.message.contains("spam")));
    }
}
