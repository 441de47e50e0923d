use super::*;
use crate::incoming::Source;
use crate::{
    error::RecordError,
    samples::{at, attempt, development, photo},
};

const HOUR: i64 = 3600;

const ALL: [PhotoStatus; 6] = [
    PhotoStatus::AwaitingUpload,
    PhotoStatus::Pending,
    PhotoStatus::Processing,
    PhotoStatus::Ready,
    PhotoStatus::Failed,
    PhotoStatus::Deleting,
];

#[test]
fn deletion_is_revocable_until_condemned() {
    let now = at(1_000);
    for (before, kept) in [
        (PhotoStatus::AwaitingUpload, PhotoStatus::AwaitingUpload),
        (PhotoStatus::Pending, PhotoStatus::Pending),
        (PhotoStatus::Processing, PhotoStatus::Pending),
        (PhotoStatus::Ready, PhotoStatus::Ready),
        (PhotoStatus::Failed, PhotoStatus::Failed),
    ] {
        let mut photo = photo(before);
        assert_eq!(photo.condemn(), Err(RestartError::UnderWay), "{before:?} is not marked");
        // Repeated, as after a crash.
        photo.begin_deleting(now).expect("nobody has it");
        photo.begin_deleting(now).expect("nobody has it");
        assert_eq!(photo.claim(attempt(12), now, now, Some("\"e\"")), Claim::Void);
        let mut other = photo.clone();
        photo.keep(now);
        assert_eq!((photo.status, photo.deletion() == Deletion::Condemned), (kept, false), "{before:?}");
        assert_eq!(
            photo.work.due_at.is_some(),
            matches!(kept, PhotoStatus::Pending | PhotoStatus::AwaitingUpload),
            "what was under way is due"
        );
        other.condemn().expect("it is marked");
        other.keep(now);
        assert!(other.status == PhotoStatus::Deleting && other.deletion() == Deletion::Condemned);
    }
}

#[test]
fn mark_of_interrupted_deletion_is_removed_when_due() {
    let (now, due) = (at(1_000), at(1_000 + 15 * 60));
    for (before, claim) in [
        (PhotoStatus::AwaitingUpload, Claim::Claimed),
        (PhotoStatus::Pending, Claim::Claimed),
        (PhotoStatus::Processing, Claim::Claimed),
        (PhotoStatus::Ready, Claim::Void),
        (PhotoStatus::Failed, Claim::Void),
    ] {
        let etag = "\"e\"";
        let mut photo = Photo { etag: Some(etag.to_owned()), ..photo(before) };
        photo.begin_deleting(now).expect("nobody has it");
        assert_eq!(photo.work.due_at, Some(due), "{before:?}");
        let early = due.saturating_sub(SignedDuration::from_secs(1)).expect("in range");
        assert_eq!(photo.claim(attempt(12), early, at(9_000), Some(etag)), Claim::Void, "{before:?}");
        let mut condemned = photo.clone();
        condemned.condemn().expect("it is marked");
        assert_eq!(condemned.claim(attempt(12), due, at(9_000), Some(etag)), Claim::Void, "{before:?}");
        assert_eq!((condemned.deletion(), condemned.work.due_at), (Deletion::Condemned, None), "{before:?}");
        // The sweep puts the due date off before the claim.
        photo.work.due_at = Some(at(9_000));
        // A record of the release before has no time.
        let mut older = photo.clone();
        (older.marked_at, older.work.due_at) = (None, None);
        assert_eq!(older.claim(attempt(12), now, at(9_000), Some(etag)), Claim::Void, "{before:?}");
        assert_eq!(older.work.due_at, Some(due), "{before:?}");
        assert_eq!(photo.claim(attempt(12), due, at(9_000), Some(etag)), claim, "{before:?}");
        assert_eq!(photo.deletion(), Deletion::None, "{before:?}");
        assert!(photo.condemn().is_err(), "a request that continues late is refused");
    }
}

#[test]
fn awaited_photo_is_checked_after_its_url_expires() {
    let at = |hours: i64| at(hours * HOUR);
    let mut photo = photo(PhotoStatus::AwaitingUpload);
    photo.offer_upload(at(1));
    assert_eq!(photo.work.due_at, Some(at(1).saturating_add(GRACE).expect("in range")));
    assert_eq!(photo.forgotten_at(), Some(at(7 * 24)));
    assert_eq!(photo.claim(attempt(13), at(2), at(3), None), Claim::Void);
    assert_eq!(photo.work.due_at, Some(at(26)));
    assert_eq!(photo.claim(attempt(14), at(26), at(27), None), Claim::Void);
    assert_eq!(photo.work.due_at, None, "nothing can arrive any more");
    // The upload was renewed on the last day.
    photo.offer_upload(at(7 * 24));
    photo.offer_upload(at(2));
    assert_eq!(photo.forgotten_at(), Some(at(12 * 24)), "the job of an upload in the last hour may wait for days");
    photo.ordered = true;
    assert_eq!(photo.forgotten_at(), None);
    assert_eq!(photo.claim(attempt(15), at(170), at(171), Some("\"e\"")), Claim::Claimed);
}

#[test]
fn leased_photo_is_not_deleted() {
    let now = at(1_000);
    let mut photo = photo(PhotoStatus::Pending);
    let lease = at(1_100);
    assert_eq!(photo.claim(attempt(16), now, lease, Some("\"e\"")), Claim::Claimed);
    assert_eq!(photo.begin_deleting(now), Err(RestartError::UnderWay));
    assert_eq!(photo.begin_deleting(lease), Ok(()));
}

#[test]
fn status_is_listed_as_it_is_stored() {
    for status in ALL {
        assert_eq!(serde_json::to_value(status).expect("writes"), status.as_str());
    }
}

#[test]
fn claim_depends_on_status_and_original() {
    let claims = |etag| {
        ALL.map(|status| {
            let mut photo = Photo { etag: Some("\"old\"".to_owned()), ..photo(status) };
            photo.claim(attempt(1), at(0), at(60), etag)
        })
    };
    let (claimed, done, void) = (Claim::Claimed, Claim::Done, Claim::Void);
    assert_eq!(claims(None), [void, claimed, claimed, done, done, void], "no original");
    assert_eq!(claims(Some("\"old\"")), [claimed, claimed, claimed, done, done, void], "the same original");
    assert_eq!(claims(Some("\"new\"")), [claimed, claimed, claimed, claimed, claimed, void], "another original");
}

#[test]
fn replaced_original_is_developed_anew() {
    for (etag, kept) in [(None, true), (Some("\"old\""), true), (Some("\"new\""), false)] {
        let mut photo = photo(PhotoStatus::Pending);
        (photo.etag, photo.development) = (Some("\"old\"".to_owned()), Some(development(true)));
        assert_eq!(photo.claim(attempt(1), at(0), at(60), etag), Claim::Claimed);
        assert_eq!((photo.is_ready(), photo.etag.as_deref()), (kept, etag.or(Some("\"old\""))), "{etag:?}");
    }
}

#[test]
fn claim_keeps_time_of_first_event() {
    let mut photo = photo(PhotoStatus::AwaitingUpload);
    photo.error = Some(RecordError::new("internal", "x"));
    for (second, number) in [(10, 1), (20, 2)] {
        assert_eq!(photo.claim(attempt(number), at(second), at(second), Some("\"e\"")), Claim::Claimed);
        assert_eq!((photo.uploaded_at, &photo.error), (Some(at(10)), &None));
    }
}

#[test]
fn exhausted_photo_is_claimed_after_original_changes() {
    let mut photo = photo(PhotoStatus::Pending);
    for number in 1..=3 {
        assert_eq!(photo.claim(attempt(number), at(0), at(0), Some("\"a\"")), Claim::Claimed);
    }
    assert_eq!(photo.claim(attempt(4), at(0), at(0), Some("\"a\"")), Claim::Exhausted);
    photo.work.give_up(at(1));
    photo.fail(at(1));
    assert_eq!(photo.claim(attempt(5), at(2), at(3), Some("\"a\"")), Claim::Exhausted);
    assert_eq!(photo.claim(attempt(6), at(2), at(3), Some("\"b\"")), Claim::Claimed);
    assert_eq!((photo.work.attempts, photo.work.gave_up), (1, false));
}

#[test]
fn one_attempt_at_a_time_processes() {
    let mut photo = photo(PhotoStatus::Pending);
    photo.claim(attempt(1), at(0), at(60), Some("\"a\""));
    assert_eq!(photo.claim(attempt(2), at(59), at(99), None), Claim::Leased { until: at(60) });
    assert_eq!(photo.claim(attempt(2), at(60), at(99), None), Claim::Claimed);
}

#[test]
fn deleted_photo_is_not_due() {
    let mut photo = photo(PhotoStatus::Deleting);
    photo.work = JobState::sent(at(0));
    photo.claim(attempt(1), at(0), at(60), Some("\"a\""));
    assert_eq!(photo.work.due_at, None);
}

#[test]
fn new_url_makes_no_uploaded_photo_due() {
    let mut photo = photo(PhotoStatus::Ready);
    photo.offer_upload(at(HOUR));
    assert_eq!((photo.upload_until, photo.work.due_at), (Some(at(HOUR)), None));
}

#[test]
fn uploads_end_a_day_after_last_url() {
    let mut photo = photo(PhotoStatus::AwaitingUpload);
    assert_eq!(photo.uploads_end_at(), at(8 * 24 * HOUR), "records of earlier builds: after 7 days and one");
    photo.offer_upload(at(HOUR));
    assert_eq!(photo.uploads_end_at(), at(25 * HOUR));
    photo.upload_until = Some(Timestamp::MAX);
    assert_eq!(photo.uploads_end_at(), Timestamp::MAX);
}

/// The attempt that copied the upload rejected it, without recording what it had read.
#[test]
fn rejected_upload_is_not_processed_again_by_a_doubled_message() {
    let mut rejected = photo(PhotoStatus::Failed);
    rejected.etag = None;
    let mut announced = rejected.clone();
    rejected.source = Some(source("1"));
    assert_eq!(rejected.claim(attempt(9), at(1), at(9), Some("\"e\"")), Claim::Done);
    assert_eq!(announced.claim(attempt(9), at(1), at(9), Some("\"e\"")), Claim::Claimed, "its original came late");
}

#[test]
fn uploaded_photo_is_never_forgotten() {
    let forgotten = ALL.map(|status| photo(status).forgotten_at().is_some());
    assert_eq!(forgotten, [true, false, false, false, false, false]);
}

#[test]
fn missing_original_is_checked_daily_after_url_expires() {
    let looks = |second, until| {
        let mut photo = photo(PhotoStatus::AwaitingUpload);
        photo.offer_upload(until);
        photo.claim(attempt(1), at(second), at(second), None);
        photo.work.due_at
    };
    let grace = GRACE.as_secs();
    assert_eq!(looks(0, at(HOUR)), Some(at(HOUR + grace)), "the URL is still valid");
    assert_eq!(looks(HOUR + grace, at(HOUR)), Some(at(25 * HOUR + grace)));
    assert_eq!(looks(25 * HOUR - 1, at(HOUR)), Some(at(49 * HOUR - 1)));
    assert_eq!(looks(25 * HOUR, at(HOUR)), None, "nothing can arrive any more");
}

#[test]
fn multipart_upload_is_awaited_for_a_week() {
    let mut photo = photo(PhotoStatus::AwaitingUpload);
    photo.begin_multipart("one", None, at(0)).expect("it waits");
    assert_eq!((photo.upload_id.as_deref(), photo.upload_until), (Some("one"), Some(at(7 * 24 * HOUR))));
    assert_eq!((photo.uploads_end_at(), photo.forgotten_at()), (at(8 * 24 * HOUR), Some(at(12 * 24 * HOUR))));
    assert_eq!(photo.work.due_at, Some(at(24 * HOUR)), "S3's event of a completion may be lost");
    assert_eq!(photo.claim(attempt(1), at(24 * HOUR), at(25 * HOUR), None), Claim::Void);
    assert_eq!(photo.work.due_at, Some(at(48 * HOUR)));
    // A completion is looked for soon, and ends no earlier than the upload.
    photo.offer_upload(at(25 * HOUR));
    assert_eq!(photo.work.due_at, at(25 * HOUR).checked_add(GRACE).ok());
    assert_eq!(photo.uploads_end_at(), at(8 * 24 * HOUR));
}

#[test]
fn only_the_seen_multipart_upload_is_replaced() {
    let mut photo = photo(PhotoStatus::AwaitingUpload);
    photo.begin_multipart("one", None, at(0)).expect("it waits");
    assert_eq!(photo.begin_multipart("two", None, at(1)), Err(Replaced));
    assert_eq!(photo.begin_multipart("two", Some("one"), at(1)), Ok(()));
    assert_eq!(photo.begin_multipart("three", Some("one"), at(1)), Err(Replaced));
    photo.status = PhotoStatus::Deleting;
    assert_eq!(photo.begin_multipart("three", Some("two"), at(1)), Err(Replaced));
    assert_eq!(photo.upload_id.as_deref(), Some("two"));
}

#[test]
fn only_owner_completes_processing() {
    let mut photo = photo(PhotoStatus::Pending);
    photo.claim(attempt(1), at(0), at(60), Some("\"a\""));
    let claimed = photo.clone();
    assert_eq!(photo.complete(attempt(2), at(1), ("\"e\"", 9), development(true), None), Err(NotOwner));
    assert_eq!(photo, claimed);
    assert_eq!(photo.complete(attempt(1), at(1), ("\"e\"", 9), development(true), None), Ok(()));
    assert_eq!((photo.status, photo.size, photo.processed_at), (PhotoStatus::Ready, 9, Some(at(1))));
    assert_eq!((photo.is_ready(), photo.work.owner), (true, None));
}

#[test]
fn failed_photo_names_its_time() {
    let mut photo = photo(PhotoStatus::Processing);
    photo.fail(at(7));
    assert_eq!((photo.status, photo.processed_at), (PhotoStatus::Failed, Some(at(7))));
}

#[test]
fn only_processed_photo_is_restarted() {
    let restarted = ALL.map(|status| photo(status).restart(at(0), None));
    let (missing, working) = (Err(RestartError::Impossible), Err(RestartError::UnderWay));
    assert_eq!(restarted, [missing, working, working, Ok(()), Ok(()), missing]);
}

#[test]
fn restarted_photo_keeps_results_without_error() {
    let mut photo = photo(PhotoStatus::Failed);
    (photo.error, photo.development) = (Some(RecordError::new("internal", "x")), Some(development(true)));
    photo.restart(at(10), None).expect("it has failed");
    assert_eq!((photo.status, &photo.error, photo.is_ready()), (PhotoStatus::Pending, &None, true));
    assert_eq!(photo.work, JobState::sent(at(10)));
}

#[test]
fn undecodable_photo_is_ready_without_previews() {
    let (none, undecodable, developed) = (None, Some(development(false)), Some(development(true)));
    let states = [none, undecodable, developed].map(|development| {
        let photo = Photo { development, ..photo(PhotoStatus::Ready) };
        (photo.is_ready(), photo.has_previews())
    });
    assert_eq!(states, [(false, false), (true, false), (true, true)]);
}

fn source(version: &str) -> Source {
    Source {
        bucket: None,
        key: "incoming/anna/a.jpg".to_owned(),
        version: Some(version.to_owned()),
        etag: String::new(),
        checksum: None,
        allotment: Uuid::nil(),
    }
}

#[test]
fn file_uploaded_again_is_tried_again_unless_it_was_rejected() {
    let failed = |gave_up: bool, etag: Option<&str>| {
        let mut photo = photo(PhotoStatus::Failed);
        (photo.source, photo.etag, photo.work.gave_up) = (Some(source("1")), etag.map(str::to_owned), gave_up);
        photo
    };
    for (gave_up, etag, is_stored, version, expected) in [
        (true, Some("e"), true, "2", Ok(())),
        (false, None, true, "2", Ok(())),
        (false, Some("e"), true, "2", Err(RestartError::Repeated)),
        (false, Some("e"), false, "2", Ok(())),
        (true, Some("e"), true, "1", Err(RestartError::Repeated)),
        // One that could not be copied is not tried again by the events of the same upload.
        (false, None, false, "1", Err(RestartError::Repeated)),
    ] {
        let mut photo = failed(gave_up, etag);
        assert_eq!(photo.arrive_again(source(version), at(1), is_stored), expected);
        let is_restarted = photo.status == PhotoStatus::Pending && photo.source == Some(source("2"));
        assert_eq!(is_restarted, expected.is_ok());
    }
    for (status, expected) in [
        (PhotoStatus::Processing, RestartError::UnderWay),
        (PhotoStatus::Pending, RestartError::UnderWay),
        (PhotoStatus::Ready, RestartError::Repeated),
        (PhotoStatus::Deleting, RestartError::Impossible),
    ] {
        assert_eq!(photo(status).arrive_again(source("2"), at(1), true), Err(expected));
    }
    let mut lost = photo(PhotoStatus::Ready);
    assert_eq!(lost.arrive_again(source("2"), at(1), false), Ok(()));
    assert_eq!((lost.status, lost.source), (PhotoStatus::Pending, Some(source("2"))), "its original is gone");
}
