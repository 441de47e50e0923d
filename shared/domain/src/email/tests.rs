use super::*;
use crate::{
    job_record::JobRecord as _,
    job_state::Fate,
    samples::{at, attempt, download, email as queued, order},
};

const ALL: [EmailStatus; 5] =
    [EmailStatus::Queued, EmailStatus::Sending, EmailStatus::Sent, EmailStatus::Failed, EmailStatus::Suppressed];

fn with(status: EmailStatus) -> Email {
    Email { status, ..queued() }
}

#[test]
fn erased_email_keeps_no_address_and_stays_unsent() {
    let mut queued = queued();
    let by = attempt(3);
    assert_eq!(queued.claim(by, at(0), at(60)), Claim::Claimed);
    let mut sent = queued.clone();
    sent.begin_sending(by).expect("its own");
    let mut sending = sent.clone();
    sent.complete(by, at(1), "Order 2026-1017".into(), "ses-id".into()).expect("its own");
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
        assert_eq!(
            email.complete(by, at(3), "late".into(), "late".into()),
            Err(NotOwner),
            "a late sender is fenced off"
        );
    }
    assert!(sending.unheard && !queued.unheard);
}

#[test]
fn unconfirmed_email_is_sent_once_more_at_most() {
    let again = |counted| if counted { Fate::Again { due_at: at(50) } } else { Fate::Waits { due_at: at(50) } };
    let mut email = queued();
    let claim = |email: &mut Email| {
        let by = attempt(5);
        (by, email.claim(by, at(0), at(60)))
    };
    let (by, _) = claim(&mut email);
    email.begin_sending(by).expect("its own");
    email.record_failure(by, at(1), again(true), None).expect("its own");
    assert!(!email.possible_duplicate, "only one was sent");

    // The second attempt ends before SES is called.
    let (by, claimed) = claim(&mut email);
    assert_eq!(claimed, Claim::Claimed);
    email.record_failure(by, at(2), again(false), None).expect("its own");

    let (by, claimed) = claim(&mut email);
    assert_eq!(claimed, Claim::Claimed);
    email.begin_sending(by).expect("its own");
    assert!(email.possible_duplicate);
    email.record_failure(by, at(3), again(false), None).expect("its own");
    assert_eq!(claim(&mut email).1, Claim::Exhausted, "no third copy");
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
    let both = |build| [told(DownloadStatus::Ready, build), told(DownloadStatus::Failed, build)];
    let download = Download { build: 3, ..download(DownloadStatus::Pending) };
    assert_eq!(Email::ids_telling_of_builds(&download).collect::<Vec<_>>(), [both(1), both(2), both(3)].concat());
}

#[test]
fn claim_depends_on_status() {
    let claims = ALL.map(|status| with(status).claim(attempt(1), at(0), at(60)));
    assert_eq!(claims, [Claim::Claimed, Claim::Claimed, Claim::Done, Claim::Done, Claim::Done]);
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
    assert_eq!(email.begin_sending(late), Err(NotOwner));
    assert_eq!(email.not_sent(late), Err(NotOwner));
    assert_eq!(email.suppress(late, RecordError::new("changed", "x")), Err(NotOwner));
    assert_eq!(email.complete(late, at(1), "subject".into(), "id".into()), Err(NotOwner));
    assert_eq!(email, before);
}

#[test]
fn rejected_email_is_no_possible_duplicate() {
    let by = attempt(1);
    let mut email = queued();
    email.claim(by, at(0), at(60));
    for _ in 0..2 {
        email.begin_sending(by).expect("its own");
        assert_eq!((email.status, email.possible_duplicate), (EmailStatus::Sending, false));
        email.not_sent(by).expect("its own");
    }
    assert_eq!(email.status, EmailStatus::Queued);
}

#[test]
fn sent_and_suppressed_emails_are_settled() {
    let by = attempt(1);
    let mut sent = queued();
    sent.claim(by, at(0), at(60));
    let mut suppressed = sent.clone();
    sent.complete(by, at(5), "subject".into(), "id".into()).expect("its own");
    assert_eq!((sent.status, sent.sent_at, sent.work.owner), (EmailStatus::Sent, Some(at(5)), None));
    assert_eq!((sent.subject.as_deref(), sent.provider_message_id.as_deref()), (Some("subject"), Some("id")));
    let reason = RecordError::new("changed", "x");
    suppressed.suppress(by, reason.clone()).expect("its own");
    assert_eq!((suppressed.status, suppressed.work.owner), (EmailStatus::Suppressed, None));
    assert_eq!(suppressed.error, Some(reason));
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
    assert_eq!(restarted, [working, working, done, Ok(()), done]);
}
