use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    download::{DownloadFile, FetchedBy},
    email::Feedback,
    job_state::Failures,
    samples::{at, attempt, download, email, file, photo},
    ses_event::SesEvent,
};

#[test]
fn types_are_read_as_they_are_written() {
    for kind in EventType::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(serde_json::to_value(kind).expect("writes"), kind.as_str());
    }
    assert_eq!(EventType::ALL.len(), 12);
    assert_eq!("photo.gone".parse::<EventType>(), Err(UnknownType));
}

#[test]
fn repeated_step_makes_the_same_event() {
    let mut ready = photo(PhotoStatus::Ready);
    ready.processed_at = Some(at(7));
    let event = Event::of_photo(&ready).expect("an event");
    assert_eq!(Event::of_photo(&ready), Some(event.clone()));
    assert_eq!((event.kind, event.at, event.status.as_str()), (EventType::PhotoReady, at(7), "ready"));
    assert_eq!((event.id.get_version_num(), event.id.as_u128() >> 80), (7, 7_000));
    ready.processed_at = Some(at(8));
    assert_ne!(Event::of_photo(&ready).map(|event| event.id), Some(event.id), "it was processed again");
    assert_eq!(Event::of_photo(&photo(PhotoStatus::Pending)), None);
}

#[test]
fn builds_of_a_download_have_events_of_their_own() {
    let mut download = download(DownloadStatus::Ready);
    download.ready_at = Some(at(7));
    let first = Event::of_build(&download).expect("an event");
    download.build = 2;
    let second = Event::of_build(&download).expect("an event");
    assert_eq!((first.kind, first.subject.order), (EventType::DownloadReady, Some(download.order)));
    assert_ne!(first.id, second.id);
    download.status = DownloadStatus::Failed;
    download.work.failures = Some(Failures { first: at(1), last: at(9) });
    let failed = Event::of_build(&download).expect("an event");
    assert_eq!((failed.kind, failed.at), (EventType::DownloadFailed, at(9)));
}

#[test]
fn fetches_of_one_window_are_one_event() {
    let mut download = download(DownloadStatus::Pending);
    download.make_ready(at(0), vec![file("x", 1)]);
    assert_eq!(Event::of_fetch(&download), None);
    let mut fetch = |second| {
        download.fetch(at(second), DownloadFile::Volume(1), FetchedBy::Zip).expect("it works");
        Event::of_fetch(&download).expect("an event").id
    };
    let (first, again, next_day) = (fetch(5), fetch(60), fetch(5 + 24 * 3600));
    assert_eq!(first, again);
    assert_ne!(first, next_day);
}

#[test]
fn reports_in_any_order_keep_the_ids_of_an_email() {
    let mut email = email();
    assert_eq!(Event::of_email(&email).count(), 0);
    let _ = email.claim(attempt(1), at(1), at(60));
    email.complete(attempt(1), at(5), "id".into()).expect("its own");
    let report = |event, second| Feedback { event, time: at(second), bounce: None, message_id: None };
    email.hear(&report(SesEvent::Delivery, 9), at(9));
    let ids: Vec<_> = Event::of_email(&email).map(|event| (event.kind, event.id)).collect();
    email.hear(&report(SesEvent::Delivery, 8), at(10));
    assert_eq!(Event::of_email(&email).map(|event| (event.kind, event.id)).collect::<Vec<_>>(), ids);
    assert_eq!(
        ids.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        [EventType::EmailSent, EventType::EmailDelivered]
    );
}

#[test]
fn event_contains_no_address() {
    let mut email = email();
    let _ = email.claim(attempt(1), at(1), at(60));
    email.complete(attempt(1), at(5), "id".into()).expect("its own");
    let event = Event::of_email(&email).next().expect("an event");
    let json = serde_json::to_string(&event).expect("writes");
    assert!(!json.contains('@') && !json.contains("Subject"), "{json}");
}

#[test]
fn position_is_that_of_the_first_write() {
    let mut ready = photo(PhotoStatus::Ready);
    ready.processed_at = Some(at(7));
    let event = Event::of_photo(&ready).expect("an event").written_at(at(100));
    assert_eq!((event.position().as_u128() >> 80, event.id.as_u128() >> 80), (100_000, 7_000));
    assert_eq!(event.listed_by(), [(ListIndex::Events, "all".to_owned())]);
    assert!(event.due_at.is_some_and(|due| due > at(100)) && event.expires_at() > Some(at(100)));
}

proptest! {
    #[test]
    fn different_transitions_have_different_ids(
        sources in prop::collection::btree_set((0_u128..4, 0_u32..3, 0_i64..3, 0_usize..12), 1..20),
    ) {
        let ids: BTreeSet<_> = sources.iter().map(|(record, build, second, kind)| {
            let source = Source { record: Uuid::from_u128(*record), build: *build, stored: at(*second) };
            id(EventType::ALL[*kind], &source)
        }).collect();
        prop_assert_eq!(ids.len(), sources.len());
    }
}
