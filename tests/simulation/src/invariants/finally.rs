//! Invariants at the end of a history: days after the last fault, without an operator.

mod downloads;
mod emails;
mod events;

use std::collections::BTreeSet;

use domain::{
    ObjectKey,
    email::Email,
    job::Job,
    job_record::JobRecord,
    object_key::INCOMING,
    photo::{Deletion, Photo, PhotoStatus},
    queue_config::QueueName,
    record::Record as _,
};
use jiff::Timestamp;

use super::records::Records;
use crate::{
    cloud::{Cloud, State},
    config::QUEUES,
    faults::ServiceName,
    truth::Facts,
};

/// Expectation about photos that were announced and never uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announced {
    /// Their records may still be there.
    MayWait,
    /// Their records have expired.
    AreGone,
}

/// Largest number of writes of DynamoDB for one request or message, faults included. A request with a photo's claim
/// writes about 8 items.
const MAX_WRITES_PER_REQUEST: u64 = 60;

/// Checks the whole system at the end of a history.
pub fn finally(cloud: &Cloud, announced: Announced) {
    let violations = {
        let state = cloud.state();
        let facts = state.truth.facts();
        let records = Records::of(&state);
        let now = cloud.time.now();
        let mut end = End { now, state: &state, facts: &facts, records: &records, violations: Vec::new() };
        end.at_rest_all(announced);
        end.queues();
        end.costs();
        // After a table was restored, its records contradict the other tables, S3 and what clients know.
        if !facts.restored {
            end.photos(announced);
            end.stored();
            end.orders();
            end.downloads();
            end.emails();
            end.objects(announced);
            end.events();
        }
        end.violations
    };
    for violation in violations {
        cloud.violated(format!("At the end: {violation}"));
    }
}

struct End<'a> {
    now: Timestamp,
    state: &'a State,
    facts: &'a Facts,
    records: &'a Records,
    violations: Vec<String>,
}

impl End<'_> {
    fn wrong(&mut self, sentence: impl Into<String>) {
        self.violations.push(sentence.into());
    }

    /// Checks that no attempt owns the record, and that a failed one has a reason.
    fn at_rest<R: JobRecord>(&mut self, record: &R) {
        let (name, id, work) = (R::NAME, record.id(), record.work());
        if !record.is_at_rest() {
            self.wrong(format!("{name} {id} is not final"));
        }
        if work.owner.is_some() || work.lease_until.is_some() {
            self.wrong(format!("{name} {id} is leased"));
        }
        if work.due_at.is_some() {
            self.wrong(format!("{name} {id} is due at {:?}", work.due_at));
        }
        // SES may have sent an email that it answered with 500, so that another attempt counts.
        let is_uncertain = name == Email::NAME && self.state.drawn.answers_500(ServiceName::Ses);
        let gave_up = record.failure().is_some_and(|reason| reason.code == "tries_exhausted");
        if gave_up && self.state.drawn.only_refuses() && !is_uncertain {
            self.wrong(format!("{name} {id} has used up its attempts in an outage"));
        }
        if record.failure().is_some_and(|reason| reason.code.is_empty()) || (work.gave_up && record.failure().is_none())
        {
            self.wrong(format!("{name} {id} failed without a reason"));
        }
    }

    /// Checks all records on their own.
    fn at_rest_all(&mut self, announced: Announced) {
        self.violations.extend(self.records.unreadable.iter().cloned());
        for photo in self.records.photos.values() {
            match photo.status {
                PhotoStatus::AwaitingUpload if announced == Announced::AreGone && !photo.ordered => {
                    self.wrong(format!("photo {} still awaits its upload", photo.id));
                }
                PhotoStatus::Deleting if photo.deletion() != Deletion::Condemned => {
                    self.wrong(format!("photo {} is marked for deletion for ever", photo.id));
                }
                // A request that was interrupted and never repeated is the client's to repeat.
                PhotoStatus::AwaitingUpload | PhotoStatus::Deleting => {}
                _ => self.at_rest(photo),
            }
        }
        self.records.downloads.values().for_each(|download| self.at_rest(download));
        self.records.emails.values().for_each(|email| self.at_rest(email));
        self.records.deliveries.values().for_each(|delivery| self.at_rest(delivery));
        self.records.operations.iter().for_each(|operation| self.at_rest(operation));
    }

    fn photos(&mut self, announced: Announced) {
        for photo in self.records.photos.values() {
            let id = photo.id;
            let known = self.facts.photos.values().find(|known| known.id == id);
            match photo.status {
                PhotoStatus::AwaitingUpload => {
                    let stored = self.state.s3.size("photos", &photo.original().to_string()).is_some();
                    if stored {
                        self.wrong(format!("photo {id} awaits its upload, though it is stored"));
                    }
                    if announced == Announced::AreGone && !photo.ordered {
                        self.wrong(format!("photo {id} still awaits its upload"));
                    }
                }
                PhotoStatus::Failed if photo.error.is_none() => {
                    self.wrong(format!("photo {id} failed without a reason"));
                }
                PhotoStatus::Ready if known.is_some_and(|known| known.is_wrong) => {
                    self.wrong(format!("photo {id} is ready with another file than announced"));
                }
                _ => {}
            }
        }
        for deleted in &self.facts.deleted {
            // A write of the announcement that arrives after the deletion makes a record without an original, which goes like
            // every announced photo.
            let is_announced = |photo: &Photo| photo.status == PhotoStatus::AwaitingUpload;
            let may_wait = announced == Announced::MayWait;
            let found = self.records.photos.get(deleted);
            if found.is_some_and(|photo| !(may_wait && is_announced(photo))) {
                self.wrong(format!("photo {deleted} was deleted, and is back"));
            }
        }
        for known in self.facts.photos.values().filter(|known| known.uploaded) {
            let is_there = self.records.photos.contains_key(&known.id);
            if !is_there && !self.facts.deletions.contains(&known.id) && announced == Announced::MayWait {
                self.wrong(format!("photo {} was uploaded, and has no record", known.id));
            }
        }
    }

    /// Checks that each file under `incoming/` became one photo, and that only files without a ready photo are left there.
    fn stored(&mut self) {
        let sources = |key: &str, size: u64| {
            let photos = self.records.photos.values();
            let of_key = photos.filter(move |photo| photo.source.as_ref().is_some_and(|source| source.key == key));
            of_key.filter(move |photo| photo.size == size && photo.status != PhotoStatus::Deleting).collect::<Vec<_>>()
        };
        let mut sentences = Vec::new();
        for stored in self.facts.stored.values() {
            let (key, size) = (&stored.key, stored.file.len() as u64);
            let photos = sources(key, size);
            if photos.len() > 1 {
                let ids: Vec<_> = photos.iter().map(|photo| photo.id).collect();
                sentences.push(format!("{key} of {size} bytes became several photos: {ids:?}"));
            }
            // An older version whose event was lost is replaced for good.
            let is_lost = self.state.events_lost.contains(key) || self.is_dead_letter(key);
            if photos.is_empty() && !stored.deletion && !is_lost {
                sentences.push(format!("{key} of {size} bytes became no photo"));
            }
        }
        for key in self.state.s3.versions("photos", INCOMING) {
            // A failed photo keeps its file, and so does one whose deletion the client gave up.
            let keeps = |photo: &Photo| matches!(photo.status, PhotoStatus::Failed | PhotoStatus::Deleting);
            let mut photos = self.records.photos.values();
            let is_kept = photos.any(|photo| keeps(photo) && photo.source.as_ref().is_some_and(|it| it.key == key));
            if !is_kept && !self.state.events_lost.contains(&key) {
                sentences.push(format!("{key} is left, though its photo is ready"));
            }
        }
        self.violations.extend(sentences);
    }

    fn orders(&mut self) {
        for (id, photos) in self.facts.orders.values() {
            let Some(order) = self.records.orders.get(id) else {
                self.wrong(format!("order {id} is lost"));
                continue;
            };
            if order.is_erased() {
                let customer = self.facts.customers.get(id);
                let is_asked = self.facts.erasures.contains(id)
                    || customer.is_some_and(|customer| self.facts.erased_customers.contains(customer));
                if !is_asked {
                    self.wrong(format!("order {id} is erased, and nobody asked for it"));
                }
                continue;
            }
            for photo in photos.iter().filter(|photo| !self.records.photos.contains_key(photo)) {
                self.wrong(format!("order {id} contains photo {photo}, which is deleted"));
            }
        }
    }

    fn queues(&mut self) {
        let mut sentences = Vec::new();
        for (name, queue) in self.state.sqs.queues() {
            let is_main = QUEUES.keys().any(|main| main.as_str() == name);
            for message in queue.messages() {
                let body = &message.body;
                if is_main {
                    sentences.push(format!("a message is left on {name}, received {} times: {body}", message.receives));
                } else if !self.belongs_there(body) {
                    sentences.push(format!("{name} has a dead letter whose record has not failed: {body}"));
                }
            }
        }
        let paused = QueueName::ALL.into_iter().filter(|queue| !self.state.mappings.is_enabled(*queue, self.now));
        sentences.extend(paused.map(|queue| format!("the queue {queue} is still paused")));
        self.violations.extend(sentences);
    }

    /// Returns whether a message belongs in the dead-letter queue: no build can read it, its record failed, or SQS failed
    /// for hours.
    fn belongs_there(&self, body: &str) -> bool {
        let Ok(job) = Job::decode(body) else { return true };
        let excused = self.state.drawn.queues_fail_for_hours();
        match job {
            // No sweep sends a report of SES again.
            Job::EmailEvent { .. } => excused,
            job => job.record().is_some_and(|(_, id)| excused || self.state.gave_up.contains(&id)),
        }
    }

    /// Returns whether a message with this key or id is a dead letter: SQS failed for hours. Operators see it and retry it.
    fn is_dead_letter(&self, name: &str) -> bool {
        let queues = self.state.sqs.queues().filter(|(queue, _)| QUEUES.keys().all(|main| main.as_str() != *queue));
        let mut letters = queues.flat_map(|(_, queue)| queue.messages());
        self.state.drawn.queues_fail_for_hours() && letters.any(|letter| letter.body.contains(name))
    }

    fn objects(&mut self, announced: Announced) {
        let mut sentences = Vec::new();
        // S3 aborts those of photos after a week.
        let buckets: &[&str] = if announced == Announced::AreGone { &["photos", "downloads"] } else { &["downloads"] };
        for upload in buckets.iter().flat_map(|bucket| self.state.s3.uploads(bucket)) {
            sentences.push(format!("a multipart upload of {} is open", upload.key));
        }
        let uploaded_without_event: BTreeSet<_> = self.state.events_lost.iter().collect();
        for object in self.state.s3.objects("photos") {
            let key = &object.key;
            let owner = match ObjectKey::parse(key) {
                Some(ObjectKey::Original { photo, .. } | ObjectKey::Derivative { photo, .. }) => photo,
                Some(ObjectKey::Incoming { .. }) => continue,
                _ => {
                    sentences.push(format!("{key} is no key of ours"));
                    continue;
                }
            };
            let has_record = self.records.photos.contains_key(&owner);
            if !has_record && !uploaded_without_event.contains(key) && !self.is_dead_letter(key) {
                sentences.push(format!("{key} has no record"));
            }
        }
        for object in self.state.s3.objects("downloads") {
            let key = &object.key;
            match ObjectKey::parse(key) {
                Some(ObjectKey::Work { .. }) => sentences.push(format!("{key} is left")),
                Some(ObjectKey::Archive { download, .. } | ObjectKey::ArchiveIndex { download, .. }) => {
                    let erased = self.records.downloads.get(&download).is_some_and(|it| it.erased_at.is_some());
                    if erased {
                        sentences.push(format!("{key} is left of an erased download"));
                    }
                }
                _ => sentences.push(format!("{key} is no key of ours")),
            }
        }
        self.violations.extend(sentences);
    }

    fn costs(&mut self) {
        let work = self.facts.requests + self.state.sqs.sent();
        let writes = self.state.dynamodb.item_writes();
        if writes > MAX_WRITES_PER_REQUEST * work {
            self.wrong(format!("{writes} writes for {work} requests and messages"));
        }
    }
}
