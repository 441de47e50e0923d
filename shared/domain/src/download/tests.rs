use serde_json::json;

use super::*;
use crate::{
    job_record::JobRecord as _,
    job_state::{Claim, Fate, GRACE, NotOwner},
    samples::{at, attempt, download, file},
};

const DAY: i64 = 24 * 3600;

const ALL: [DownloadStatus; 5] = [
    DownloadStatus::Pending,
    DownloadStatus::Processing,
    DownloadStatus::Ready,
    DownloadStatus::Failed,
    DownloadStatus::Revoked,
];

/// Returns a download that is ready since the epoch, with two archives.
fn ready() -> Download {
    let mut download = download(DownloadStatus::Pending);
    download.make_ready(at(0), vec![file("a", 1), file("b", 2)]);
    download
}

#[test]
fn files_are_stored_as_before() {
    let file = |path| file(path, 1);
    let stored = |files| serde_json::to_value(Download { files, ..download(DownloadStatus::Pending) }).expect("writes");
    for (files, planned, first, more) in [
        (Files::Unknown, json!([]), json!(null), json!(null)),
        (Files::Planned(vec![file("a"), file("b")]), json!([file("a"), file("b")]), json!(null), json!(null)),
        (Files::Built(vec![file("a")]), json!([]), json!(file("a")), json!(null)),
        (Files::Built(vec![file("a"), file("b")]), json!([]), json!(file("a")), json!([file("b")])),
    ] {
        let record = stored(files.clone());
        assert_eq!((&record["planned"], &record["file"], &record["more_files"]), (&planned, &first, &more));
        assert_eq!(serde_json::from_value::<Download>(record).expect("reads").files, files);
    }
    // The previous release kept the plan of built files; the first release had none.
    let mut old = stored(Files::Built(vec![file("a")]));
    old["planned"] = json!([file("a")]);
    assert_eq!(serde_json::from_value::<Download>(old).expect("reads").files, Files::Built(vec![file("a")]));
    let mut oldest = stored(Files::Unknown);
    oldest.as_object_mut().expect("an object").remove("planned");
    assert_eq!(serde_json::from_value::<Download>(oldest).expect("reads").files, Files::Unknown);
}

#[test]
fn due_date_at_rest_is_the_notifications() {
    let now = at(1_000);
    let mut download = Download { work: JobState::sent(now), ..download(DownloadStatus::Pending) };
    assert!(matches!(download.due(), Some(Due::Build(_))));
    download.make_ready(now, vec![file("a", 1)]);
    assert!(matches!(download.due(), Some(Due::Notification(_))));
    download.work.due_at = None;
    assert_eq!(download.due(), None);
}

#[test]
fn missing_archive_is_refused_and_not_counted() {
    let now = at(1_000);
    let mut download = download(DownloadStatus::Pending);
    assert_eq!(download.fetch(now, DownloadFile::Volume(2), FetchedBy::Zip), Err(Closed::NotReady));
    download.make_ready(now, vec![file("a", 1)]);
    for volume in [0, 2] {
        assert_eq!(download.fetch(now, DownloadFile::Volume(volume), FetchedBy::Zip), Err(Closed::NoSuchFile));
    }
    assert_eq!(download.download_count, 0);
    assert_eq!((download.fetch(now, DownloadFile::Volume(1), FetchedBy::Zip), download.download_count), (Ok(()), 1));
}

#[test]
fn claim_keeps_progress_and_new_build_resets_it() {
    let now = at(1_000);
    let later = at(2_000);
    let mut download = Download { photo_count: 8, ..download(DownloadStatus::Pending) };
    assert_eq!(download.claim(attempt(1), now, later), Claim::Claimed);
    assert_eq!(download.progress, Progress { done: 0, total: 8 });
    download.progress.done = 5;
    download.release();
    assert_eq!(download.claim(attempt(2), later, later), Claim::Claimed);
    assert_eq!(download.progress, Progress { done: 5, total: 8 });
    download.fail(later);
    download.restart(later, None).expect("it has failed");
    assert_eq!(download.progress, Progress { done: 0, total: 8 });
}

#[test]
fn status_is_listed_as_it_is_stored() {
    for status in ALL {
        assert_eq!(serde_json::to_value(status).expect("writes"), status.as_str());
    }
}

#[test]
fn size_is_known_once_files_are_planned() {
    let sized = |files| Download { files, ..download(DownloadStatus::Pending) }.size();
    assert_eq!(sized(Files::Unknown), None);
    assert_eq!(sized(Files::Planned(vec![file("a", 3), file("b", 4)])), Some(7));
    assert_eq!(sized(Files::Built(vec![file("a", 5)])), Some(5));
}

#[test]
fn planned_files_cannot_be_downloaded() {
    let planned = Download { files: Files::Planned(vec![file("a", 3)]), ..download(DownloadStatus::Ready) };
    assert_eq!((planned.files.built(), planned.volume(1)), (&[][..], None));
}

#[test]
fn volumes_are_numbered_from_one() {
    let ready = ready();
    let volumes = [0, 1, 2, 3].map(|number| ready.volume(number).map(|file| file.path.as_str()));
    assert_eq!(volumes, [None, Some("a"), Some("b"), None]);
}

#[test]
fn keys_of_a_build_are_its_own() {
    let download = Download { build: 3, ..download(DownloadStatus::Pending) };
    let (studio, id) = (download.studio.clone(), download.id);
    let keys = [download.archive(None), download.archive(Some(2)), download.index()].map(|key| key.to_string());
    let prefix = ObjectKey::archives_of(&studio, id, 3);
    assert_eq!(keys, ["zip", "2.zip", "index.json"].map(|end| format!("{prefix}{end}")));
}

#[test]
fn original_of_single_download_is_no_archive() {
    let mut download = download(DownloadStatus::Pending);
    let original = ObjectKey::Original { studio: download.studio.clone(), photo: Uuid::nil() };
    let (archive, index) = (download.archive(None), download.index());
    let paths = [&archive, &original, &index].map(|key| file(&key.to_string(), 1));
    for files in [Files::Planned(paths.to_vec()), Files::Built(paths.to_vec())] {
        download.files = files;
        assert_eq!(download.archive_keys().collect::<Vec<_>>(), std::slice::from_ref(&archive));
    }
}

#[test]
fn only_ready_download_opens() {
    let opened = ALL.map(|status| download(status).opens(at(0)));
    let (building, closed) = (Err(Closed::NotReady), |reason| Err(reason));
    assert_eq!(opened, [building, building, Ok(()), closed(Closed::Failed), closed(Closed::Revoked)]);
    assert_eq!(ALL.map(|status| download(status).is_ready(at(0))), [false, false, true, false, false]);
}

#[test]
fn link_expires_after_its_days() {
    let mut download = Download { expires_in_days: 2, ..download(DownloadStatus::Pending) };
    download.make_ready(at(100), vec![file("a", 1)]);
    assert_eq!((download.ready_at, download.expires_at), (Some(at(100)), Some(at(100 + 2 * DAY))));
    assert_eq!(download.opens(at(99 + 2 * DAY)), Ok(()));
    assert_eq!(download.opens(at(100 + 2 * DAY)), Err(Closed::Expired));
}

#[test]
fn resumed_download_is_counted_once_a_day() {
    let mut download = Download { max_downloads: Some(2), ..ready() };
    for (second, counted) in [(0, 1), (DAY - 1, 1), (DAY, 2), (2 * DAY - 1, 2)] {
        assert_eq!(
            (download.fetch(at(second), DownloadFile::Volume(1), FetchedBy::Zip), download.download_count),
            (Ok(()), counted),
            "{second}"
        );
    }
    assert_eq!(download.fetch(at(2 * DAY), DownloadFile::Volume(1), FetchedBy::Zip), Err(Closed::Spent));
    assert_eq!(download.download_count, 2);
}

#[test]
fn only_first_failure_notifies_until_success() {
    let mut download = download(DownloadStatus::Pending);
    for build in [1, 2] {
        download.fail(at(10));
        assert_eq!((download.status, download.failure_told), (DownloadStatus::Failed, Some(1)));
        assert_eq!(download.build, build);
        download.restart(at(20), None).expect("it has failed");
    }
    download.make_ready(at(30), vec![file("a", 1)]);
    assert_eq!(download.failure_told, None);
}

#[test]
fn result_is_due_until_it_is_told() {
    let due = at(10).checked_add(GRACE).ok();
    for notify in [true, false] {
        let mut failed = Download { notify, ..download(DownloadStatus::Processing) };
        failed.fail(at(10));
        let mut ready = Download { notify, ..download(DownloadStatus::Processing) };
        ready.make_ready(at(10), vec![file("a", 1)]);
        assert_eq!((failed.work.due_at, ready.work.due_at), (due, due), "{notify}");
    }
}

#[test]
fn rebuild_keeps_links_and_counts() {
    let before = Download { download_count: 2, generation: 3, expires_at: Some(at(50)), ..ready() };
    let mut after = Download {
        position: Some(Position { upload_id: "u".to_owned(), plan: "p".to_owned() }),
        error: Some(RecordError::new("internal", "x")),
        ..before.clone()
    };
    after.restart(at(100), None).expect("it is ready");
    let anew = Download {
        status: DownloadStatus::Pending,
        build: 2,
        files: Files::Unknown,
        progress: Progress { done: 0, total: 1 },
        work: JobState::sent(at(100)),
        expires_at: None,
        ready_at: None,
        ..before
    };
    assert_eq!(after, anew);
}

#[test]
fn only_download_with_result_is_rebuilt() {
    let restarted = ALL.map(|status| download(status).restart(at(0), None));
    let (building, revoked) = (Err(RestartError::UnderWay), Err(RestartError::Impossible));
    assert_eq!(restarted, [building, building, Ok(()), Ok(()), revoked]);
}

#[test]
fn claim_depends_on_status() {
    let claims = ALL.map(|status| download(status).claim(attempt(1), at(0), at(60)));
    assert_eq!(claims, [Claim::Claimed, Claim::Claimed, Claim::Done, Claim::Done, Claim::Void]);
    let mut used_up = download(DownloadStatus::Failed);
    used_up.work.gave_up = true;
    assert_eq!(used_up.claim(attempt(1), at(0), at(60)), Claim::Exhausted);
    let mut revoked = download(DownloadStatus::Revoked);
    revoked.work = JobState::sent(at(0));
    revoked.claim(attempt(1), at(0), at(60));
    assert_eq!(revoked.work.due_at, None, "the sweep ignores it");
}

#[test]
fn one_attempt_at_a_time_builds() {
    let mut download = Download { error: Some(RecordError::new("internal", "x")), ..download(DownloadStatus::Pending) };
    assert_eq!(download.claim(attempt(1), at(0), at(60)), Claim::Claimed);
    assert_eq!((download.status, &download.error), (DownloadStatus::Processing, &None));
    assert_eq!(download.claim(attempt(2), at(59), at(120)), Claim::Leased { until: at(60) });
    assert_eq!(download.claim(attempt(2), at(60), at(120)), Claim::Claimed);
    assert_eq!(download.claim(attempt(3), at(120), at(180)), Claim::Exhausted);
}

#[test]
fn only_owner_completes_build() {
    let mut download = Download { photo_count: 8, ..download(DownloadStatus::Pending) };
    download.claim(attempt(1), at(0), at(60));
    download.position = Some(Position { upload_id: "u".to_owned(), plan: "p".to_owned() });
    let claimed = download.clone();
    assert_eq!(download.complete(attempt(2), at(1), vec![file("a", 1)]), Err(NotOwner));
    assert_eq!(download, claimed);
    assert_eq!(download.complete(attempt(1), at(1), vec![file("a", 1)]), Ok(()));
    assert_eq!((download.status, &download.position), (DownloadStatus::Ready, &None));
    assert_eq!(download.progress, Progress { done: 8, total: 8 });
    assert_eq!((download.files.built(), download.work.owner), (&[file("a", 1)][..], None));
}

#[test]
fn revoked_download_refuses_its_builder() {
    let mut download = download(DownloadStatus::Pending);
    download.claim(attempt(1), at(0), at(60));
    let mut still_owned = download.clone();
    download.revoke(at(0));
    assert_eq!((download.status, download.generation), (DownloadStatus::Revoked, 2));
    assert_eq!((download.work.owner, download.work.due_at), (None, Some(at(31 * 60))));
    still_owned.status = DownloadStatus::Revoked;
    for revoked in [&mut download, &mut still_owned] {
        assert_eq!(revoked.check(attempt(1)), Err(NotOwner));
        assert_eq!(revoked.record_failure(attempt(1), at(1), Fate::GaveUp, None), Err(NotOwner));
    }
}

#[test]
fn erased_download_keeps_no_errors() {
    let mut download = download(DownloadStatus::Revoked);
    download.error = Some(RecordError::new("missing", "eva.jpg is missing"));
    download.work.cause = Some("eva.jpg".to_owned());
    download.erase(at(9));
    assert_eq!(download.erased_at, Some(at(9)));
    assert!(!serde_json::to_string(&download).expect("writes").contains("eva"));
}

#[test]
fn late_writes_of_revoked_builds_are_deleted() {
    let mut revoked = download(DownloadStatus::Processing);
    revoked.revoke(at(0));
    for (seconds, due_at) in [(60, Some(at(31 * 60))), (31 * 60, None)] {
        assert_eq!(revoked.claim(attempt(1), at(seconds), at(seconds + 60)), Claim::Void);
        assert_eq!(revoked.work.due_at, due_at, "at {seconds} s");
    }
    let mut single = Download { kind: DownloadKind::Single, ..download(DownloadStatus::Ready) };
    single.revoke(at(0));
    assert_eq!(single.work.due_at, None, "nothing was built");
}
