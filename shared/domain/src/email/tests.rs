use proptest::prelude::*;

use super::*;
use crate::{
    job_record::JobRecord as _,
    job_state::Fate,
    samples::{at, attempt, download, email as queued, order},
    ses_event::{BounceType, SesEvent},
};

const ALL: [EmailStatus; 8] = [
    EmailStatus::Queued,
    EmailStatus::Sending,
    EmailStatus::Sent,
    EmailStatus::Delivered,
    EmailStatus::Bounced,
    EmailStatus::Complained,
    EmailStatus::Failed,
    EmailStatus::Suppressed,
];

fn with(status: EmailStatus) -> Email {
    Email { status, ..queued() }
}

#[test]
fn erased_email_keeps_no_address_and_stays_unsent() {
    let mut queued = queued();
    let by = attempt(3);
    assert_eq!(queued.claim(by, at(0), at(60)), Claim::Claimed);
    let mut sent = queued.clone();
    sent.begin_sending(by, at(1), REPORT_WAIT, "Order 2026-1017").expect("its own");
    let mut sending = sent.clone();
    sent.complete(by, at(1), "ses-id".into()).expect("its own");
    let mut failed = queued.clone();
    failed.record_failure(by, at(1), Fate::GaveUp, Some(RecordError::new("tries_exhausted", "x"))).expect("its own");
    failed.work.cause = Some("SES refused it".into());
    for (email, status) in [
        (&mut queued, EmailStatus::Suppressed),
        (&mut sending, EmailStatus::Suppressed),
        (&mut failed, EmailStatus::Suppressed),
        (&mut sent, EmailStatus::Sent),
    ] {
        email.erase(at(2));
        assert_eq!((email.status, email.erased_at), (status, Some(at(2))));
        let json = serde_json::to_string(email).expect("serializes");
        for personal in ["eva", "example.com", "2026-1017", "ses-id", "SES refused"] {
            assert!(!json.contains(personal), "{json}");
        }
        assert_eq!(email.claim(attempt(4), at(3), at(60)), Claim::Done);
        assert_eq!(email.restart(at(3), None), Err(RestartError::Impossible));
        assert_eq!(email.complete(by, at(3), "late".into()), Err(NotOwner), "a late sender is fenced off");
    }
    assert!(sending.unheard && !queued.unheard);
}

#[test]
fn unconfirmed_email_is_sent_once_more_at_most() {
    let again =
        |counted| if counted { Fate::Again { due_at: at(50) } } else { Fate::Waits { due_at: at(50), quota: false } };
    let mut email = queued();
    // SES's report may come within ten minutes.
    let claim = |email: &mut Email| {
        let by = attempt(5);
        (by, email.claim(by, at(601), at(660)))
    };
    let (by, _) = claim(&mut email);
    email.begin_sending(by, at(1), REPORT_WAIT, "Order 2026-1017").expect("its own");
    email.record_failure(by, at(1), again(true), None).expect("its own");
    assert!(!email.possible_duplicate, "only one was sent");

    // The second attempt ends before SES is called.
    let (by, claimed) = claim(&mut email);
    assert_eq!(claimed, Claim::Claimed);
    email.record_failure(by, at(2), again(false), None).expect("its own");

    let (by, claimed) = claim(&mut email);
    assert_eq!(claimed, Claim::Claimed);
    email.begin_sending(by, at(1), REPORT_WAIT, "Order 2026-1017").expect("its own");
    assert!(email.possible_duplicate);
    email.record_failure(by, at(3), again(false), None).expect("its own");
    assert_eq!(claim(&mut email).1, Claim::Exhausted, "no third copy");
}

#[test]
fn email_without_reply_waits_for_the_report() {
    let mut email = queued();
    email.claim(attempt(1), at(0), at(60));
    email.begin_sending(attempt(1), at(5), REPORT_WAIT, "Order 2026-1017").expect("its own");
    let (again, due_at) = (Fate::Again { due_at: at(50) }, at(5 + 600 + 120));
    email.record_failure(attempt(1), at(6), again, None).expect("its own");
    assert_eq!(email.work.due_at, Some(due_at), "no sweep sends the job before");
    let attempts = email.work.attempts;
    assert_eq!(email.claim(attempt(2), at(604), at(664)), Claim::Leased { until: at(605) });
    assert_eq!(email.work.attempts, attempts, "waiting is no attempt");
    let mut reported = email.clone();
    let accepted = Feedback { event: SesEvent::Send, time: at(5), bounce: None, message_id: Some("id".into()) };
    reported.hear(&accepted, at(9));
    assert_eq!((reported.status, reported.sent_at), (EmailStatus::Sent, Some(at(5))));
    assert_eq!(reported.claim(attempt(2), at(605), at(665)), Claim::Done);
    assert_eq!(email.claim(attempt(2), at(605), at(665)), Claim::Claimed);
}

#[test]
fn report_during_the_lease_completes_the_email_in_the_next_attempt() {
    let mut email = queued();
    email.claim(attempt(1), at(0), at(60));
    email.begin_sending(attempt(1), at(5), REPORT_WAIT, "Order 2026-1017").expect("its own");
    let accepted = Feedback { event: SesEvent::Send, time: at(6), bounce: None, message_id: Some("ses-id".into()) };
    email.hear(&accepted, at(7));
    assert_eq!(email.status, EmailStatus::Sending, "its worker may still get the reply");
    email.record_failure(attempt(1), at(8), Fate::Again { due_at: at(28) }, None).expect("its own");
    assert_eq!(email.work.due_at, Some(at(28 + 120)), "nothing is waited for");
    email.work.attempts = MAX_ATTEMPTS_EMAIL;
    assert_eq!(email.claim(attempt(2), at(28), at(88)), Claim::Claimed);
    assert_eq!(email.complete_if_reported(attempt(1), at(29)), Err(NotOwner));
    assert_eq!(email.complete_if_reported(attempt(2), at(29)), Ok(true));
    assert_eq!((email.status, email.sent_at, email.possible_duplicate), (EmailStatus::Sent, Some(at(6)), false));
    let known = (email.subject.as_deref(), email.provider_message_id.as_deref());
    assert_eq!(known, (Some("Order 2026-1017"), Some("ses-id")), "as if the reply had come");
}

#[test]
fn emails_about_a_download_go_to_its_recipient() {
    let mut download = Download { notify: true, ..download(DownloadStatus::Ready) };
    let reminder = Email::reminding_of(&download, &order(), at(9));
    assert_eq!((reminder.to, reminder.message.template()), (order().customer.email, "download_expiring"));
    assert!(Email::ids_telling_of_builds(&download).any(|id| id == reminder.id), "an erasure finds it");
    let other: EmailAddress = "other@example.com".parse().expect("valid");
    download.address_to(Some(other.clone()), at(10));
    let told = Email::telling_of(&download, &order(), at(11)).expect("ready");
    assert_eq!((told.to, Email::reminding_of(&download, &order(), at(11)).to), (other.clone(), other));
    download.erase(at(12));
    assert_eq!(download.recipient, None);
}

#[test]
fn message_names_its_records() {
    let (order_id, download_id) = (Uuid::from_u128(7), Uuid::from_u128(8));
    for (message, order, download) in [
        (Message::OrderConfirmation { order_id }, Some(order_id), None),
        (Message::DownloadReady { download_id }, None, Some(download_id)),
        (Message::DownloadFailed { download_id }, None, Some(download_id)),
    ] {
        assert_eq!((message.order(), message.download()), (order, download));
        assert_eq!(serde_json::to_value(&message).expect("writes")["template"], message.template());
    }
}

#[test]
fn only_requested_result_makes_an_email() {
    for (status, notify, template) in [
        (DownloadStatus::Pending, true, None),
        (DownloadStatus::Processing, true, None),
        (DownloadStatus::Ready, true, Some("download_ready")),
        (DownloadStatus::Failed, true, Some("download_failed")),
        (DownloadStatus::Revoked, true, None),
        (DownloadStatus::Ready, false, None),
        (DownloadStatus::Failed, false, None),
    ] {
        let download = Download { notify, ..download(status) };
        let told = Email::telling_of(&download, &order(), at(9));
        assert_eq!(told.as_ref().map(|email| email.message.template()), template, "{status:?}");
        assert_eq!(told.as_ref().map(|email| email.id), Email::id_telling_of(&download));
        if let Some(email) = told {
            assert_eq!((email.to, email.locale.as_str(), email.created_at), (order().customer.email, "de", at(9)));
            assert_eq!(email.message.download(), Some(download.id));
        }
    }
}

#[test]
fn consecutive_failures_share_one_email() {
    let told = |status, build, failure_told| {
        Email::id_telling_of(&Download { build, failure_told, ..download(status) }).expect("it has a result")
    };
    let first = told(DownloadStatus::Failed, 2, Some(2));
    assert_eq!(first, told(DownloadStatus::Failed, 3, Some(2)));
    assert_eq!(first, told(DownloadStatus::Failed, 2, None), "records of earlier builds");
    assert_ne!(first, told(DownloadStatus::Failed, 3, Some(3)));
    assert_ne!(first, told(DownloadStatus::Ready, 2, None));
}

#[test]
fn every_email_of_every_build_is_found() {
    let told = |status, build| Email::id_telling_of(&Download { build, ..download(status) }).expect("a result");
    let reminder =
        |build| Email::reminding_of(&Download { build, ..download(DownloadStatus::Ready) }, &order(), at(0)).id;
    let all = |build| [told(DownloadStatus::Ready, build), told(DownloadStatus::Failed, build), reminder(build)];
    let download = Download { build: 3, ..download(DownloadStatus::Pending) };
    assert_eq!(Email::ids_telling_of_builds(&download).collect::<Vec<_>>(), [all(1), all(2), all(3)].concat());
}

#[test]
fn claim_depends_on_status() {
    let claims = ALL.map(|status| with(status).claim(attempt(1), at(0), at(60)));
    assert_eq!(claims, [vec![Claim::Claimed; 2], vec![Claim::Done; 6]].concat().as_slice());
    let mut used_up = with(EmailStatus::Failed);
    used_up.work.gave_up = true;
    assert_eq!(used_up.claim(attempt(1), at(0), at(60)), Claim::Exhausted);
}

#[test]
fn one_attempt_at_a_time_sends() {
    let mut email = Email { error: Some(RecordError::new("internal", "x")), ..queued() };
    assert_eq!((email.claim(attempt(1), at(0), at(60)), &email.error), (Claim::Claimed, &None));
    assert_eq!(email.claim(attempt(2), at(59), at(99)), Claim::Leased { until: at(60) });
    for number in [2, 3] {
        assert_eq!(email.claim(attempt(number), at(60), at(60)), Claim::Claimed);
    }
    assert_eq!(email.claim(attempt(4), at(60), at(99)), Claim::Exhausted);
}

#[test]
fn attempt_that_lost_its_lease_changes_nothing() {
    let mut email = queued();
    email.claim(attempt(1), at(0), at(60));
    let before = email.clone();
    let late = attempt(2);
    assert_eq!(email.begin_sending(late, at(1), REPORT_WAIT, "Order 2026-1017"), Err(NotOwner));
    assert_eq!(email.not_sent(late), Err(NotOwner));
    assert_eq!(email.suppress(late, RecordError::new("changed", "x")), Err(NotOwner));
    assert_eq!(email.complete(late, at(1), "id".into()), Err(NotOwner));
    assert_eq!(email, before);
}

#[test]
fn rejected_email_is_no_possible_duplicate() {
    let by = attempt(1);
    let mut email = queued();
    email.claim(by, at(0), at(60));
    for _ in 0..2 {
        email.begin_sending(by, at(1), REPORT_WAIT, "Order 2026-1017").expect("its own");
        assert_eq!((email.status, email.possible_duplicate), (EmailStatus::Sending, false));
        email.not_sent(by).expect("its own");
    }
    assert_eq!((email.status, email.subject), (EmailStatus::Queued, None));
}

#[test]
fn sent_and_suppressed_emails_are_settled() {
    let by = attempt(1);
    let mut sent = queued();
    sent.claim(by, at(0), at(60));
    let mut suppressed = sent.clone();
    sent.begin_sending(by, at(1), REPORT_WAIT, "subject").expect("its own");
    sent.complete(by, at(5), "id".into()).expect("its own");
    assert_eq!((sent.status, sent.sent_at, sent.work.owner), (EmailStatus::Sent, Some(at(5)), None));
    assert_eq!((sent.subject.as_deref(), sent.provider_message_id.as_deref()), (Some("subject"), Some("id")));
    let reason = RecordError::new("changed", "x");
    suppressed.suppress(by, reason.clone()).expect("its own");
    assert_eq!((suppressed.status, suppressed.work.owner), (EmailStatus::Suppressed, None));
    assert_eq!(suppressed.error, Some(reason));
}

/// The reply was lost, and the record changed before SES's report came.
#[test]
fn suppressed_email_that_ses_may_have_is_completed_by_its_report() {
    let by = attempt(1);
    let mut email = queued();
    email.claim(by, at(0), at(60));
    email.begin_sending(by, at(1), REPORT_WAIT, "subject").expect("its own");
    email.suppress(by, RecordError::new("outdated", "x")).expect("its own");
    assert!(email.status == EmailStatus::Suppressed && email.unheard);
    email.hear(&report(SesEvent::Delivery, 2), at(700));
    assert_eq!((email.status, email.sent_at, email.unheard), (EmailStatus::Delivered, Some(at(2)), false));
    assert_eq!(email.error, None);
}

#[test]
fn only_unsent_email_gets_an_error_when_erased() {
    let erased = ALL.map(|status| {
        let mut email = with(status);
        email.work = JobState::sent(at(0));
        email.erase(at(9));
        (email.status, email.error.is_some(), email.unheard, email.work.due_at)
    });
    let suppressed = (EmailStatus::Suppressed, true, false, None);
    assert_eq!(
        erased,
        [
            suppressed,
            (EmailStatus::Suppressed, true, true, None),
            (EmailStatus::Sent, false, false, None),
            (EmailStatus::Delivered, false, false, None),
            (EmailStatus::Bounced, false, false, None),
            (EmailStatus::Complained, false, false, None),
            suppressed,
            (EmailStatus::Suppressed, false, false, None),
        ]
    );
}

#[test]
fn email_is_erased_once() {
    let mut email = Email { unheard: true, ..with(EmailStatus::Failed) };
    email.erase(at(1));
    assert!(email.unheard, "SES may have it");
    let once = email.clone();
    email.erase(at(2));
    assert_eq!(email, once);
}

#[test]
fn retry_after_lost_response_is_possible_duplicate() {
    for (status, duplicate) in [(EmailStatus::Sending, true), (EmailStatus::Queued, false)] {
        let mut email = with(status);
        email.fail();
        assert_eq!((email.status, email.unheard), (EmailStatus::Failed, duplicate));
        email.error = Some(RecordError::new("internal", "x"));
        email.restart(at(10), None).expect("it has failed");
        assert_eq!((email.possible_duplicate, email.unheard), (duplicate, false));
        assert_eq!((email.status, &email.error), (EmailStatus::Queued, &None));
        assert_eq!(email.work, JobState::sent(at(10)));
    }
    let mut twice = Email { possible_duplicate: true, ..with(EmailStatus::Failed) };
    twice.restart(at(10), None).expect("it has failed");
    assert!(twice.possible_duplicate, "SES may still have it");
}

#[test]
fn only_failed_email_is_restarted() {
    let restarted = ALL.map(|status| with(status).restart(at(0), None));
    let (working, done) = (Err(RestartError::UnderWay), Err(RestartError::Impossible));
    assert_eq!(restarted, [working, working, done, done, done, done, Ok(()), done]);
}

fn report(event: SesEvent, second: i64) -> Feedback {
    Feedback { event, time: at(second), bounce: None, message_id: Some("ses-id".into()) }
}

fn bounce(kind: BounceType, second: i64) -> Feedback {
    Feedback { bounce: Some(kind), ..report(SesEvent::Bounce, second) }
}

/// Returns an email that an attempt is sending until second 60.
fn being_sent() -> Email {
    let mut email = queued();
    assert_eq!(email.claim(attempt(1), at(0), at(60)), Claim::Claimed);
    email.begin_sending(attempt(1), at(1), REPORT_WAIT, "Order 2026-1017").expect("its own");
    email
}

#[test]
fn reports_before_the_reply_leave_the_lease_to_its_owner() {
    let mut email = being_sent();
    email.hear(&report(SesEvent::Delivery, 2), at(3));
    assert_eq!((email.status, email.work.owner.is_some()), (EmailStatus::Sending, true));
    email.complete(attempt(1), at(4), "ses-id".into()).expect("its own");
    assert_eq!((email.status, email.reported.delivered_at), (EmailStatus::Delivered, Some(at(2))));
}

#[test]
fn report_proves_that_a_send_without_reply_has_worked() {
    let mut email = being_sent();
    email.hear(&report(SesEvent::Send, 1), at(61));
    assert_eq!((email.status, email.sent_at, email.possible_duplicate), (EmailStatus::Sent, Some(at(1)), false));
    assert_eq!((email.provider_message_id.as_deref(), email.work.due_at), (Some("ses-id"), None));
    assert_eq!(email.claim(attempt(2), at(62), at(120)), Claim::Done, "it is not sent again");

    let mut failed = being_sent();
    failed
        .record_failure(attempt(1), at(1), Fate::GaveUp, Some(RecordError::new("tries_exhausted", "x")))
        .expect("its own");
    failed.hear(&report(SesEvent::Delivery, 2), at(61));
    assert_eq!((failed.status, failed.error.is_none(), failed.work.gave_up), (EmailStatus::Delivered, true, false));
}

#[test]
fn reports_do_not_revive_what_was_not_sent() {
    for status in [EmailStatus::Failed, EmailStatus::Suppressed] {
        let mut email = with(status);
        email.hear(&report(SesEvent::Delivery, 2), at(3));
        assert_eq!(email.status, status);
    }
    let mut erased = being_sent();
    erased.complete(attempt(1), at(1), "ses-id".into()).expect("its own");
    erased.erase(at(2));
    let before = erased.clone();
    erased.hear(&report(SesEvent::Complaint, 3), at(4));
    assert_eq!(erased, before, "nothing is recorded about an erased email");
}

#[test]
fn absence_note_after_delivery_is_no_bounce() {
    let mut email = with(EmailStatus::Sent);
    email.sent_at = Some(at(0));
    email.hear(&report(SesEvent::Delivery, 1), at(9));
    email.hear(&bounce(BounceType::Transient, 2), at(9));
    assert_eq!((email.status, email.reported.is_undeliverable()), (EmailStatus::Delivered, false));
    email.hear(&bounce(BounceType::Permanent, 3), at(9));
    assert_eq!((email.status, email.reported.is_undeliverable()), (EmailStatus::Bounced, true));
    assert_eq!(email.reported.bounced_at, Some(at(2)));
    assert_eq!(email.restart(at(9), None), Err(RestartError::Impossible));
}

#[test]
fn email_with_a_virus_fails_for_good() {
    let mut email = with(EmailStatus::Sent);
    email.hear(&report(SesEvent::Reject, 1), at(9));
    assert_eq!(
        (email.status, email.error.map(|error| error.code)),
        (EmailStatus::Failed, Some("refused_by_ses".into()))
    );
}

fn any_report() -> impl Strategy<Value = Feedback> {
    let bounced = prop_oneof![Just(BounceType::Transient), Just(BounceType::Permanent)];
    prop_oneof![
        (1_i64..50).prop_map(|second| report(SesEvent::Send, second)),
        (1_i64..50).prop_map(|second| report(SesEvent::Delivery, second)),
        (1_i64..50).prop_map(|second| report(SesEvent::DeliveryDelay, second)),
        (bounced, 1_i64..50).prop_map(|(kind, second)| bounce(kind, second)),
        (1_i64..50).prop_map(|second| report(SesEvent::Complaint, second)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Reports come doubled, in any order, before the reply, after it, or without one.
    #[test]
    fn reports_in_any_order_end_the_same(
        reports in prop::collection::vec(any_report(), 1..6),
        order in prop::collection::vec(any::<prop::sample::Index>(), 12),
        reply_after in 0_usize..14,
        reply_is_lost in any::<bool>(),
    ) {
        let mut plain = with(EmailStatus::Sent);
        for report in &reports {
            plain.hear(report, at(100));
        }

        let mut email = being_sent();
        // Each report at least once, some twice.
        let all: Vec<&Feedback> = order.iter().map(|n| n.get(&reports)).chain(&reports).collect();
        for (n, report) in all.iter().enumerate() {
            if n == reply_after && !reply_is_lost {
                email.complete(attempt(1), at(50), "ses-id".into()).expect("its own");
            }
            // The lease of a worker whose reply was lost has ended at some time.
            let now = if reply_is_lost && n >= reply_after.min(all.len() - 1) { at(61) } else { at(50) };
            email.hear(report, now);
        }
        if !reply_is_lost && reply_after >= all.len() {
            email.complete(attempt(1), at(50), "ses-id".into()).expect("its own");
        }
        prop_assert_eq!(email.status, plain.status);
        prop_assert_eq!(&email.reported, &plain.reported);
        prop_assert_eq!((email.work.owner, email.work.due_at, email.possible_duplicate), (None, None, false));
    }
}
