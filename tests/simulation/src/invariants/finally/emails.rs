//! Emails at the end of a history.

use std::collections::BTreeMap;

use domain::{download::Download, email::EmailStatus, suppression::Suppression};
use jiff::SignedDuration;
use uuid::Uuid;

use super::End;

/// Longest time for which a process that has read the records may still call SES: one that is frozen, or whose call is late.
const LATE_CALLS: SignedDuration = SignedDuration::from_hours(2);

impl End<'_> {
    /// Checks that emails were sent as often as their records say, and that reports of SES have had their effects.
    pub(super) fn emails(&mut self) {
        let mut accepted: BTreeMap<Uuid, u32> = BTreeMap::new();
        for email in self.state.ses.accepted.iter().filter_map(|accepted| accepted.email) {
            *accepted.entry(email).or_default() += 1;
        }
        for email in self.records.emails.values() {
            let id = email.id;
            let times = accepted.get(&id).copied().unwrap_or_default();
            // Operators may send once more what SES may have.
            let most = if email.possible_duplicate { 2 + self.facts.email_retries } else { 1 };
            if times > most {
                self.wrong(format!("email {id} was sent {times} times, flagged: {}", email.possible_duplicate));
            }
            if email.status.is_accepted() && times == 0 {
                self.wrong(format!("email {id} is sent, and SES never accepted it"));
            }
            // An erased email keeps no errors.
            if email.status == EmailStatus::Failed && email.error.is_none() && email.erased_at.is_none() {
                self.wrong(format!("email {id} failed without a reason"));
            }
        }
        for id in accepted.keys().filter(|id| !self.records.emails.contains_key(id)) {
            self.violations.push(format!("email {id} was sent, and has no record"));
        }
        self.reports();
        self.suppressions();
    }

    /// Checks that each report that arrived is on its record, in whatever order they came.
    fn reports(&mut self) {
        for report in &self.state.reports {
            let Some(email) = self.records.emails.get(&report.email).filter(|email| email.erased_at.is_none()) else {
                continue;
            };
            let reported = &email.reported;
            let at = match report.kind {
                "Send" => reported.accepted_at,
                "Delivery" => reported.delivered_at,
                "DeliveryDelay" => reported.delayed_at,
                "Bounce" => reported.bounced_at,
                _ => reported.complained_at,
            };
            // Of two copies the earlier report counts.
            if at.is_none_or(|at| at > report.at) {
                self.violations.push(format!("email {} does not know its {} of {}", email.id, report.kind, report.at));
            }
            let is_for_good = report.kind == "Complaint" || report.bounce == Some("Permanent");
            let download = email.message.download().and_then(|id| self.records.downloads.get(&id));
            let is_open = |download: &&Download| download.erased_at.is_none() && download.recipient.is_none();
            if is_for_good
                && email.message.is_for_customer()
                && download.filter(is_open).is_some_and(|download| download.undelivered_at.is_none())
            {
                self.violations.push(format!("email {} reached nobody, and its download does not say so", email.id));
            }
            let id = Suppression::id_of(&email.studio, &email.to);
            if is_for_good && !self.state.suppressed.contains_key(&id) {
                self.violations.push(format!("email {} reached nobody, and its address is not suppressed", email.id));
            }
        }
    }

    /// Checks that no address was sent an email long after it was suppressed.
    fn suppressions(&mut self) {
        for accepted in &self.state.ses.accepted {
            let record = accepted.email.and_then(|id| self.records.emails.get(&id));
            let Some(studio) = record.map(|email| &email.studio) else { continue };
            let Ok(address) = accepted.to.parse() else { continue };
            let known = self.state.suppressed.get(&Suppression::id_of(studio, &address));
            if known.is_some_and(|since| accepted.at.duration_since(*since) > LATE_CALLS) {
                self.violations.push(format!("SES was asked to send to a suppressed address at {}", accepted.at));
            }
        }
    }
}
