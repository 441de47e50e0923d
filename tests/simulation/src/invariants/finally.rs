//! Invariants at the end of a history: days after the last fault, without an operator.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    ObjectKey,
    download::{Download, DownloadKind, DownloadStatus, Variant},
    email::{Email, EmailStatus},
    job::Job,
    job_record::JobRecord,
    photo::PhotoStatus,
};
use uuid::Uuid;

use super::records::Records;
use crate::{
    cloud::{Cloud, State},
    config::QUEUES,
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
        let mut end = End { state: &state, facts: &facts, records: &records, violations: Vec::new() };
        end.at_rest_all(announced);
        end.queues();
        end.costs();
        // After a table was restored, its records contradict the other tables, S3 and what clients know.
        if !facts.restored {
            end.photos(announced);
            end.orders();
            end.downloads();
            end.emails();
            end.objects();
        }
        end.violations
    };
    for violation in violations {
        cloud.violated(format!("At the end: {violation}"));
    }
}

struct End<'a> {
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
        if record.failure().is_some_and(|reason| reason.code == "tries_exhausted") && self.state.drawn.only_refuses() {
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
                // A request that was interrupted and never repeated is the client's to repeat.
                PhotoStatus::AwaitingUpload | PhotoStatus::Deleting => {}
                _ => self.at_rest(photo),
            }
        }
        self.records.downloads.values().for_each(|download| self.at_rest(download));
        self.records.emails.values().for_each(|email| self.at_rest(email));
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
            if self.records.photos.contains_key(deleted) {
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

    fn orders(&mut self) {
        for (id, photos) in self.facts.orders.values() {
            let Some(order) = self.records.orders.get(id) else {
                self.wrong(format!("order {id} is lost"));
                continue;
            };
            if order.is_erased() {
                if !self.facts.erasures.contains(id) {
                    self.wrong(format!("order {id} is erased, and nobody asked for it"));
                }
                continue;
            }
            for photo in photos.iter().filter(|photo| !self.records.photos.contains_key(photo)) {
                self.wrong(format!("order {id} contains photo {photo}, which is deleted"));
            }
        }
    }

    fn downloads(&mut self) {
        for known in self.facts.downloads.values() {
            if !self.records.downloads.contains_key(&known.id) {
                self.wrong(format!("download {} is lost", known.id));
            }
        }
        for download in self.records.downloads.values() {
            if download.status == DownloadStatus::Failed && download.error.is_none() {
                self.wrong(format!("download {} failed without a reason", download.id));
            }
            if download.status == DownloadStatus::Ready && download.erased_at.is_none() {
                self.archive(download);
            }
            self.customer_was_told(download);
        }
    }

    /// Checks that the archives of a ready download contain the order's photos, each once.
    fn archive(&mut self, download: &Download) {
        let id = download.id;
        let Some((_, photos)) = self.facts.orders.values().find(|(order, _)| *order == download.order) else { return };
        let mut expected: Vec<Vec<u8>> = Vec::new();
        for photo in photos.iter().filter(|photo| download.photo.is_none_or(|only| only == **photo)) {
            match self.facts.photos.values().find(|known| known.id == *photo) {
                Some(known) => expected.push(known.file.to_vec()),
                None => self.wrong(format!("download {id} contains photo {photo}, which nobody uploaded")),
            }
        }
        let mut found: Vec<Vec<u8>> = Vec::new();
        for file in download.files.built() {
            let bucket = if file.path.starts_with("archives/") { "downloads" } else { "photos" };
            let Some(bytes) = self.state.s3.read(bucket, &file.path) else {
                self.wrong(format!("download {id} is ready without {}", file.path));
                continue;
            };
            if crc32fast::hash(&bytes) != file.crc32 {
                self.wrong(format!("download {id}: {} has another checksum than its record", file.path));
            }
            if download.kind == DownloadKind::Single {
                found.push(bytes.to_vec());
                continue;
            }
            match unzip(&bytes) {
                Ok(files) => found.extend(files),
                Err(error) => self.wrong(format!("download {id}: {} is no ZIP: {error}", file.path)),
            }
        }
        if download.variant == Variant::Web {
            if found.len() != expected.len() {
                self.wrong(format!("download {id} has {} photos, not {}", found.len(), expected.len()));
            }
            return;
        }
        expected.sort();
        found.sort();
        if expected != found {
            self.wrong(format!(
                "download {id} has other photos than its order ({} of {})",
                found.len(),
                expected.len()
            ));
        }
    }

    /// Checks that the customer of a finished download has an email about it.
    fn customer_was_told(&mut self, download: &Download) {
        let is_outdated = download.erased_at.is_some()
            || self.facts.erasures.contains(&download.order)
            || self.facts.revocations.contains(&download.id);
        if !download.notify || is_outdated {
            return;
        }
        let template = match download.status {
            DownloadStatus::Ready => "download_ready",
            DownloadStatus::Failed => "download_failed",
            _ => return,
        };
        let about =
            |email: &&Email| email.message.download() == Some(download.id) && email.message.template() == template;
        let told = self
            .records
            .emails
            .values()
            .filter(about)
            .filter(|email| matches!(email.status, EmailStatus::Sent | EmailStatus::Failed));
        if told.count() == 0 {
            self.wrong(format!("the customer of download {} was never sent {template}", download.id));
        }
    }

    fn emails(&mut self) {
        let mut accepted: BTreeMap<Uuid, u32> = BTreeMap::new();
        for email in self.state.ses.accepted.iter().filter_map(|accepted| accepted.email) {
            *accepted.entry(email).or_default() += 1;
        }
        for email in self.records.emails.values() {
            let id = email.id;
            let times = accepted.get(&id).copied().unwrap_or_default();
            let most = if email.possible_duplicate { 2 } else { 1 };
            if times > most {
                self.wrong(format!("email {id} was sent {times} times, flagged: {}", email.possible_duplicate));
            }
            if email.status == EmailStatus::Sent && times == 0 {
                self.wrong(format!("email {id} is sent, and SES never accepted it"));
            }
            if email.status == EmailStatus::Failed && email.error.is_none() {
                self.wrong(format!("email {id} failed without a reason"));
            }
        }
        for id in accepted.keys().filter(|id| !self.records.emails.contains_key(id)) {
            self.violations.push(format!("email {id} was sent, and has no record"));
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
        self.violations.extend(sentences);
    }

    /// Returns whether a message belongs in the dead-letter queue: no build can read it, its record failed, or SQS failed
    /// for hours.
    fn belongs_there(&self, body: &str) -> bool {
        let Ok(job) = Job::decode(body) else { return true };
        let excused = self.state.drawn.queues_fail_for_hours();
        job.record().is_some_and(|(_, id)| excused || self.state.gave_up.contains(&id))
    }

    fn objects(&mut self) {
        let mut sentences = Vec::new();
        for bucket in ["photos", "downloads"] {
            for upload in self.state.s3.uploads(bucket) {
                sentences.push(format!("a multipart upload of {} is open", upload.key));
            }
        }
        let uploaded_without_event: BTreeSet<_> = self.state.events_lost.iter().collect();
        for object in self.state.s3.objects("photos") {
            let key = &object.key;
            let Some(ObjectKey::Original { photo: owner, .. } | ObjectKey::Derivative { photo: owner, .. }) =
                ObjectKey::parse(key)
            else {
                sentences.push(format!("{key} is no key of ours"));
                continue;
            };
            if !self.records.photos.contains_key(&owner) && !uploaded_without_event.contains(key) {
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

/// Returns the contents of the photos in a ZIP, read by an independent library. Archives have a manifest besides.
fn unzip(bytes: &[u8]) -> zip::result::ZipResult<Vec<Vec<u8>>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes))?;
    let mut files = Vec::new();
    for n in 0..archive.len() {
        let mut file = archive.by_index(n)?;
        if !file.name()?.to_ascii_lowercase().ends_with(".jpg") {
            continue;
        }
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut content)?;
        files.push(content);
    }
    Ok(files)
}
