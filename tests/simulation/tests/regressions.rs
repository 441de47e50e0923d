//! Histories that once violated an invariant, with the faults that they needed. A seed alone would not repeat them: its
//! random numbers change with the code.

use std::time::Duration;

use domain::queue_config::QueueName;
use simulation::{
    faults::{Faults, Outage, Refusal, ServiceName},
    history::{Options, run},
    story::{Action, Step, Upload},
};

/// Histories of each test, with other random numbers, since a fault must meet a certain call.
const SEEDS: u64 = 3;

const HOUR: u64 = 3600;

fn outage(service: ServiceName, hours: u64, manner: Option<Refusal>, share: f64) -> Vec<Outage> {
    let from = Duration::from_secs(1_800);
    vec![Outage { service: Some(service), from, until: from + Duration::from_secs(hours * HOUR), manner, share }]
}

/// Three photos, an order of them, and its download.
fn sale() -> Vec<Step> {
    let upload = Upload::Once;
    let photos = (0..3).map(|photo| Action::Announce { photo, size: 2_000, declares_hash: true, upload });
    let order = Action::Order { order: 0, photos: vec![0, 1, 2], customer: 0 };
    let download =
        Action::Download { download: 0, order: 0, web: false, single: false, max_downloads: None, waits: false };
    let actions = photos.chain([order, download, Action::ProcessAll]).enumerate();
    actions
        .map(|(number, action)| Step { number, at: Duration::from_secs(600 * (number as u64 + 1)), action })
        .collect()
}

fn violate_nothing(faults: &Faults, seeds: u64) {
    violates_nothing(&sale(), faults, seeds);
}

fn violates_nothing(story: &[Step], faults: &Faults, seeds: u64) {
    for seed in 0..seeds {
        let options = Options { seed, story: Some(story.to_vec()), faults: Some(faults.clone()), ..Options::default() };
        assert_eq!(run(&options).violations, [""; 0], "seed {seed}");
    }
}

/// An S3 client stores files under one name again and again: one file that is no photo, and one that is.
fn stores() -> Vec<Step> {
    let store = |photo, content| {
        let every = Duration::from_secs(300);
        let action = Action::Store { photo, path: 1, content, times: 3, every };
        Step { number: photo, at: Duration::from_secs(1_700 + 40 * photo as u64), action }
    };
    vec![store(0, 0), store(1, 2)]
}

/// Sweeps waited for the end of the outage, and became dead letters after a day.
#[test]
fn sweeps_in_day_of_outage_leave_no_letter() {
    violate_nothing(
        &Faults { outages: outage(ServiceName::Sqs, 28, Some(Refusal::Denied), 1.0), ..Faults::default() },
        SEEDS,
    );
}

/// Sweeps were stopped at the function's deadline, which counted as a failure.
#[test]
fn sweeps_of_hanging_database_leave_no_letter() {
    violate_nothing(&Faults { outages: outage(ServiceName::DynamoDb, 12, None, 0.42), ..Faults::default() }, SEEDS);
}

/// A process that was killed at a message's last receive made a dead letter of a waiting job.
#[test]
fn kills_in_long_outage_leave_no_letter() {
    let outages = outage(ServiceName::S3, 14, Some(Refusal::Denied), 1.0);
    violate_nothing(&Faults { kill: 0.15, outages, ..Faults::default() }, 1);
}

/// A worker that was killed between the last page of an operation and its end started over.
#[test]
fn killed_operations_go_on() {
    violate_nothing(&Faults { kill: 0.4, ..Faults::default() }, SEEDS);
}

/// While KMS was out, S3 answered like for a file with a key of its uploader, and the file became two photos.
#[test]
fn stored_file_is_one_photo_despite_key_outage() {
    let mut outages = outage(ServiceName::S3, 26, Some(Refusal::Kms), 1.0);
    outages[0].service = None;
    violates_nothing(&stores(), &Faults { outages, ..Faults::default() }, SEEDS);
}

/// While DynamoDB hung, an event ended at its time limit, which counted as a failure: it became a dead letter.
#[test]
fn stored_file_becomes_photo_despite_hanging_database() {
    let outages = outage(ServiceName::DynamoDb, 14, None, 1.0);
    violates_nothing(&stores(), &Faults { outages, ..Faults::default() }, SEEDS);
}

/// While KMS refused some requests, S3 refused to show an archive that it then let be read. That counted as a failure of
/// the build, which used up its attempts in the outage (seed 1609).
#[test]
fn build_survives_key_outage_that_meets_some_requests() {
    let mut outages = outage(ServiceName::S3, 3, Some(Refusal::Kms), 0.45);
    outages[0].service = None;
    // The photos are ready by then.
    outages[0].from = Duration::from_secs(3_900);
    let mut story = sale();
    for download in 1..30 {
        let action =
            Action::Download { download, order: 0, web: false, single: false, max_downloads: None, waits: false };
        let at = Duration::from_secs(4_000 + 200 * download as u64);
        story.push(Step { number: story.len(), at, action });
    }
    violates_nothing(&story, &Faults { outages, ..Faults::default() }, SEEDS);
}

/// While the queue of photos was paused, the events of a file that was uploaded again were delivered every minute, and their
/// messages replaced every 40 minutes: each killed process left one more, hundreds within a day (seed 6162). Half a day shows it.
#[test]
fn waiting_events_do_not_multiply() {
    let mut story = stores();
    let action = Action::Pause { queue: QueueName::Photos, resumed_after: Some(Duration::from_secs(12 * HOUR)) };
    story.insert(0, Step { number: 2, at: Duration::from_secs(1_500), action });
    let faults = Faults { kill: 0.24, doubled: 0.16, ..Faults::default() };
    let report = run(&Options { story: Some(story), faults: Some(faults), ..Options::default() });
    assert_eq!(report.violations, [""; 0]);
    assert!(report.steps < 10_000, "{} steps", report.steps);
}
