//! Invariants after every step, checked with each change of a record.

use std::sync::Arc;

use domain::{download::RESUME_WINDOW, email::REPORT_WAIT};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    cloud::{Cloud, State},
    config::JOB_TABLES,
    services::dynamodb::{Change, Item, to_plain},
};

/// Largest difference between the clocks of two hosts: each is at most 5 s from the true time.
pub(super) const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(10);

/// Longest time from the end of a lease to the next claim, if nothing but the process failed: the message is visible a
/// second later.
const CRASH_COSTS: SignedDuration = SignedDuration::from_secs(60);

/// Checks the changes that a step made.
pub fn after_step(cloud: &Cloud, caller: &str) {
    let now = cloud.time.now();
    let mut state = cloud.state();
    let changes = state.dynamodb.take_changes();
    let mut violations = Vec::new();
    for change in changes.iter().filter(|change| JOB_TABLES.iter().any(|(_, table)| *table == change.table)) {
        check(&mut state, change, caller, now, &mut violations);
    }
    for change in changes.iter().filter(|change| change.table == "studios") {
        note_suppression(&mut state, change, now);
    }
    drop(state);
    for violation in violations {
        cloud.violated(violation);
    }
}

/// Notes when the suppression of an address was first stored.
fn note_suppression(state: &mut State, change: &Change, now: Timestamp) {
    let Some(item) = change.new.as_ref().map(|item| to_plain(item)).filter(|item| item["reason"].is_string()) else {
        return;
    };
    if let Some(id) = item["id"].as_str().and_then(|id| id.parse().ok()) {
        state.suppressed.entry(id).or_insert(now);
    }
}

/// A record before or after a change.
struct View(Json);

impl View {
    fn of(item: Option<&Arc<Item>>) -> Option<Self> {
        Some(Self(to_plain(item?)))
    }

    fn owner(&self) -> Option<&str> {
        self.0["work"]["owner"].as_str()
    }

    fn status(&self) -> &str {
        self.0["status"].as_str().unwrap_or_default()
    }

    fn lease_until(&self) -> Option<Timestamp> {
        self.0["work"]["lease_until"].as_str()?.parse().ok()
    }

    fn count(&self) -> u64 {
        self.0["download_count"].as_u64().unwrap_or_default()
    }
}

fn check(state: &mut State, change: &Change, caller: &str, now: Timestamp, violations: &mut Vec<String>) {
    let (old, new) = (View::of(change.old.as_ref()), View::of(change.new.as_ref()));
    let Some(new) = new else { return };
    let name = format!("{} {}", change.table, new.0["id"].as_str().unwrap_or_default());
    let process = caller.trim_end_matches(" (late)");
    let old_owner = old.as_ref().and_then(View::owner);
    if let Some(claimed) = new.owner().filter(|owner| Some(*owner) != old_owner) {
        state.owners.insert(claimed.to_owned(), process.to_owned());
        let lease_until = old.as_ref().and_then(View::lease_until);
        if old_owner.is_some() && lease_until.is_some_and(|until| until.duration_since(now) > CLOCKS_DIFFER) {
            violations.push(format!("{name}: {caller} claimed it, though another attempt leases it for a while"));
        }
    } else if let (Some(old), Some(owner)) = (&old, old_owner) {
        let is_worker = JOB_TABLES.iter().any(|(worker, table)| process.starts_with(worker) && *table == change.table);
        let is_owner = state.owners.get(owner).is_none_or(|owner| owner == process);
        // After the lease, the next claim may find all attempts used up and fail the record.
        let is_leased = old.lease_until().is_some_and(|until| until.duration_since(now) > CLOCKS_DIFFER);
        if is_worker && is_leased && !is_owner && (new.owner().is_none() || new.status() != old.status()) {
            violations.push(format!("{name}: {caller} settled it, though another attempt owns it"));
        }
    }
    if let Some(old) = &old {
        check_progress(state, old, &new, &name, now, violations);
    }
    if new.0["work"]["gave_up"] == true {
        state.gave_up.extend(new.0["id"].as_str().and_then(|id| id.parse::<Uuid>().ok()));
    }
    if change.table == "downloads" {
        check_download(state, old.as_ref(), &new, &name, violations);
    }
}

/// Checks that a job goes forward: one claim for an attempt, one lease for a crash, a position for each page.
fn check_progress(state: &State, old: &View, new: &View, name: &str, now: Timestamp, violations: &mut Vec<String>) {
    let number = |view: &View, of: &str| view.0["work"][of].as_u64().unwrap_or_default();
    if new.owner().is_some() && new.owner() == old.owner() && number(new, "claims") > number(old, "claims") {
        violations.push(format!("{name}: one attempt claimed it twice"));
    }
    let crashed_at = old.lease_until().filter(|_| old.owner().is_some() && new.owner() != old.owner());
    // A process that was killed between hiding the message and its claim costs another lease.
    let worker = JOB_TABLES.iter().find(|(_, table)| name.starts_with(table)).map_or("", |(worker, _)| worker);
    let crashed_again = |lease_until: Timestamp| state.crashed.get(worker).is_some_and(|at| *at > lease_until);
    // An email that SES may have waits for its report.
    let awaited = if old.status() == "sending" { REPORT_WAIT } else { SignedDuration::ZERO };
    if let Some(crashed_at) = crashed_at.filter(|at| state.drawn.only_kills() && !crashed_again(*at))
        && now.duration_since(crashed_at) > CRASH_COSTS + awaited
    {
        violations.push(format!("{name}: was claimed {} s after its lease", now.duration_since(crashed_at).as_secs()));
    }
    if old.status() == "done" && new.status() != "done" {
        violations.push(format!("{name}: is done, and became {}", new.status()));
    }
    let done = |view: &View| view.0["done"].as_u64().unwrap_or_default();
    // A walk over dead letters has no position but their number: it deletes those that are done.
    let position = new.0["position"].as_str().unwrap_or_default();
    let keeps = new.0["position"] != old.0["position"] || position.starts_with("letters/");
    if new.status() == "processing" && done(new) > done(old) && !keeps {
        violations.push(format!("{name}: made progress without storing its position"));
    }
}

fn check_download(state: &State, old: Option<&View>, new: &View, name: &str, violations: &mut Vec<String>) {
    if new.count() > old.map_or(0, View::count) {
        let id = new.0["id"].as_str().and_then(|id| id.parse::<Uuid>().ok()).unwrap_or_default();
        let facts = state.truth.facts();
        let most = windows(facts.fetches.get(&id).map_or(&[], Vec::as_slice));
        if new.count() > most {
            violations.push(format!("{name}: counts {} downloads, at most {most} happened", new.count()));
        }
    }
    if new.status() == "ready" && old.is_none_or(|old| old.status() != "ready") {
        let more = new.0["more_files"].as_array().into_iter().flatten();
        for file in std::iter::once(&new.0["file"]).chain(more) {
            let (path, size) = (file["path"].as_str().unwrap_or_default(), file["size"].as_u64());
            let bucket = if path.starts_with("archives/") { "downloads" } else { "photos" };
            if state.s3.size(bucket, path) != size {
                violations.push(format!("{name}: is ready, and {path} has not its {size:?} bytes"));
            }
        }
    }
}

/// Returns how many downloads these fetches count at most: one opens a window in which others do not count.
fn windows(fetches: &[Timestamp]) -> u64 {
    let (mut count, mut open_until) = (0, Timestamp::MIN);
    for at in fetches {
        // Two hosts may disagree about the end of the window.
        if *at >= open_until.saturating_sub(CLOCKS_DIFFER).unwrap_or(open_until) {
            count += 1;
            open_until = at.saturating_add(RESUME_WINDOW).unwrap_or(Timestamp::MAX);
        }
    }
    count
}
