//! The oracle of every run under faults: checks what a studio and its customers can see afterwards.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result};
use domain::{
    ObjectKey, Studio,
    download::{Download, DownloadStatus},
    email::{Email, EmailStatus},
    job::Job,
    job_record::JobRecord,
    photo::{Derivatives, Photo, PhotoStatus},
};
use local_aws::CapturedEmail;
use runtime::store::Table;
use serde_json::Value;
use uuid::Uuid;

use crate::{TestApp, unzip};

/// The size of a page of records; a studio of the tests has fewer.
const ALL: usize = 100_000;

/// The bytes of each photo as uploaded.
pub type Originals = HashMap<Uuid, Vec<u8>>;

/// Violations, and counts of what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Records that never ended, or ended without a visible result.
    pub lost: u64,
    /// Unflagged effects that happened twice.
    pub duplicates: u64,
    /// Emails that may have been sent twice and are flagged.
    pub flagged_duplicates: u64,
    /// Records that failed, with their reason.
    pub failed: u64,
    /// One sentence per violation, including the above.
    pub violations: Vec<String>,
}

impl Findings {
    fn lost(&mut self, what: String) {
        self.lost += 1;
        self.violations.push(what);
    }

    fn duplicate(&mut self, what: String) {
        self.duplicates += 1;
        self.violations.push(what);
    }

    fn wrong(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// Adds the findings of another check.
    pub fn absorb(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicates += other.duplicates;
        self.flagged_duplicates += other.flagged_duplicates;
        self.failed += other.failed;
        self.violations.extend(other.violations);
    }
}

/// Checks all records of a studio; `originals` are the bytes of its photos.
pub async fn look(app: &TestApp, studio: &Studio, originals: &Originals) -> Result<Findings> {
    let mut findings = Findings::default();
    let photos = records::<Photo>(app, "PHOTOS_TABLE", studio).await?;
    let downloads = records::<Download>(app, "DOWNLOADS_TABLE", studio).await?;
    let emails = records::<Email>(app, "EMAILS_TABLE", studio).await?;
    for photo in &photos {
        // A request whose response was lost may have announced a photo that nobody uploads. It waits until announcements
        // expire.
        if photo.status != PhotoStatus::AwaitingUpload || originals.contains_key(&photo.id) {
            at_rest(&mut findings, photo);
        }
        look_at_photo(app, &mut findings, photo, originals).await?;
    }
    for id in originals.keys().filter(|id| !photos.iter().any(|photo| photo.id == **id)) {
        findings.lost(format!("photo {id} has no record"));
    }
    let names: HashMap<Uuid, &[u8]> = originals.iter().map(|(id, bytes)| (*id, bytes.as_slice())).collect();
    for download in &downloads {
        at_rest(&mut findings, download);
        look_at_download(app, &mut findings, download, &names).await?;
        look_at_its_email(&mut findings, download, &emails);
    }
    let captured = app.emails().await;
    for email in &emails {
        at_rest(&mut findings, email);
        look_at_email(&mut findings, email, &captured);
    }
    Ok(findings)
}

/// Checks the shared resources: queues, dead letters, unfinished uploads.
pub async fn look_around(app: &TestApp) -> Result<Findings> {
    let mut findings = Findings::default();
    for queue in ["photos", "downloads", "emails"] {
        let left = app.depth(queue).await;
        if left > 0 {
            findings.lost(format!("{left} messages are left on {queue}"));
        }
        for message in app.system().queues().peek_all(&format!("{queue}-dlq"))? {
            if !belongs_there(app, queue, &message.body).await? {
                findings.lost(format!("a dead letter of {queue} whose record has not failed: {}", message.body));
            }
        }
    }
    let bucket = app.env().required("DOWNLOADS_BUCKET")?;
    let open = app.s3().list_multipart_uploads().bucket(&bucket).send().await?;
    for upload in open.uploads() {
        findings.wrong(format!("an upload of {} was left open", upload.key().unwrap_or_default()));
    }
    let work = app.s3().list_objects_v2().bucket(&bucket).prefix("work/").send().await?;
    for object in work.contents() {
        findings.wrong(format!("{} was left behind", object.key().unwrap_or_default()));
    }
    Ok(findings)
}

/// Returns downloads that were fetched once and whose record has another count.
pub async fn miscounted(app: &TestApp, studio: &Studio, fetched: &[Uuid]) -> Result<Vec<String>> {
    let downloads = table::<Download>(app, "DOWNLOADS_TABLE")?;
    let mut sentences = Vec::new();
    for id in fetched {
        let count = downloads.get(studio, *id).await?.map(|download| download.download_count);
        if count != Some(1) {
            sentences.push(format!("download {id} was fetched once, and counts {count:?}"));
        }
    }
    Ok(sentences)
}

async fn records<R: JobRecord>(app: &TestApp, variable: &str, studio: &Studio) -> Result<Vec<R>> {
    Ok(table::<R>(app, variable)?.list(studio, None, ALL, |_| true).await?.items)
}

/// Returns a table, read as the functions read it.
pub fn table<R: JobRecord>(app: &TestApp, variable: &str) -> Result<Table<R>> {
    let env = app.env();
    Ok(Table::new(
        runtime::aws::dynamodb(&env, &runtime::aws::config(&env, runtime::aws::Patience::Job)?),
        env.required(variable)?,
        env.world(),
    ))
}

fn at_rest<R: JobRecord>(findings: &mut Findings, record: &R) {
    let work = record.work();
    if work.owner.is_some() || work.lease_until.is_some() {
        findings.wrong(format!("{} {} is still held", R::NAME, record.id()));
    }
    if work.due_at.is_some() {
        findings.lost(format!("{} {} still waits for something", R::NAME, record.id()));
    }
    if let Some(error) = record.failure() {
        findings.failed += 1;
        if error.code.is_empty() || error.message.is_empty() {
            findings.wrong(format!("{} {} failed without a reason", R::NAME, record.id()));
        }
    }
}

async fn look_at_photo(app: &TestApp, findings: &mut Findings, photo: &Photo, originals: &Originals) -> Result<()> {
    let Some(original) = originals.get(&photo.id) else {
        // The photo was registered but never uploaded: the client gave up and registered another.
        if !matches!(photo.status, PhotoStatus::AwaitingUpload | PhotoStatus::Failed) {
            findings.wrong(format!("photo {} is {:?}, though nothing was uploaded", photo.id, photo.status));
        }
        return Ok(());
    };
    match photo.status {
        PhotoStatus::Ready => {}
        PhotoStatus::Failed => return Ok(()),
        other => {
            findings.lost(format!("photo {} is {other:?}", photo.id));
            return Ok(());
        }
    }
    let Some(made) = &photo.development else {
        findings.wrong(format!("photo {} is ready but not developed", photo.id));
        return Ok(());
    };
    if made.crc32 != crc32fast::hash(original) || photo.size != original.len() as u64 {
        findings.wrong(format!("photo {} is not what was uploaded", photo.id));
    }
    if let Derivatives::Made { preview, thumb } = &made.derivatives {
        let bucket = app.env().required("PHOTOS_BUCKET")?;
        for (picture, made_picture) in
            [(domain::object_key::Picture::Preview, preview), (domain::object_key::Picture::Thumb, thumb)]
        {
            let (studio, version) = (photo.studio.clone(), made.processor_version);
            let key = ObjectKey::Derivative { studio, photo: photo.id, version, picture };
            let object = app.s3().get_object().bucket(&bucket).key(key.to_string()).send().await;
            let stored = object.with_context(|| format!("{key} is not there"))?.body.collect().await?.into_bytes();
            if crc32fast::hash(&stored) != made_picture.crc32 {
                findings.wrong(format!("{key} is not what its record says"));
            }
        }
    }
    Ok(())
}

async fn look_at_download(
    app: &TestApp,
    findings: &mut Findings,
    download: &Download,
    originals: &HashMap<Uuid, &[u8]>,
) -> Result<()> {
    match download.status {
        DownloadStatus::Ready => {}
        DownloadStatus::Failed | DownloadStatus::Revoked => return Ok(()),
        other => {
            findings.lost(format!("download {} is {other:?}", download.id));
            return Ok(());
        }
    }
    let Some(file) = download.files.built().first() else {
        findings.wrong(format!("download {} is ready but has no file", download.id));
        return Ok(());
    };
    let bucket = if file.path.starts_with("archives/") { "DOWNLOADS_BUCKET" } else { "PHOTOS_BUCKET" };
    let object = app.s3().get_object().bucket(app.env().required(bucket)?).key(&file.path).send().await;
    let stored = object.with_context(|| format!("{} is not there", file.path))?.body.collect().await?.into_bytes();
    if stored.len() as u64 != file.size || crc32fast::hash(&stored) != file.crc32 {
        findings.wrong(format!("{} is not what its record says", file.path));
    }
    if !file.path.starts_with("archives/") {
        return Ok(());
    }
    let mut entries = unzip(stored.to_vec());
    let manifest = entries.iter().position(|(name, _)| name.ends_with("manifest.json"));
    let manifest: Value =
        manifest.map(|at| entries.remove(at).1).map_or(Ok(Value::Null), |m| serde_json::from_slice(&m))?;
    let listed = manifest["photos"].as_array().cloned().unwrap_or_default();
    if listed.len() != entries.len() || entries.len() != download.photo_count as usize {
        findings.lost(format!("{} holds {} photos of {}", file.path, entries.len(), download.photo_count));
    }
    let entries: HashMap<String, Vec<u8>> = entries.into_iter().collect();
    for photo in listed {
        let id: Option<Uuid> = photo["photo_id"].as_str().and_then(|id| id.parse().ok());
        let original = id.and_then(|id| originals.get(&id));
        let packed = photo["name"].as_str().and_then(|name| entries.get(name));
        if original.is_none() || packed.map(Vec::as_slice) != original.copied() {
            findings.wrong(format!("{} holds another photo than {id:?}", file.path));
        }
    }
    Ok(())
}

/// Checks that each ended download has exactly one email record. Another check covers whether that email was sent.
fn look_at_its_email(findings: &mut Findings, download: &Download, emails: &[Email]) {
    if !download.notify || download.status == DownloadStatus::Revoked {
        return;
    }
    let about = emails.iter().filter(|email| match email.message {
        domain::email::Message::DownloadReady { download_id }
        | domain::email::Message::DownloadFailed { download_id } => download_id == download.id,
        domain::email::Message::OrderConfirmation { .. }
        | domain::email::Message::DownloadExpiring { .. }
        | domain::email::Message::RenewalRequested { .. }
        | domain::email::Message::WebhookDisabled { .. }
        | domain::email::Message::Written { .. } => false,
    });
    match about.count() {
        0 => findings.lost(format!("no email tells of download {}", download.id)),
        1 => {}
        n => findings.duplicate(format!("{n} emails tell of download {}", download.id)),
    }
}

fn look_at_email(findings: &mut Findings, email: &Email, emails: &[CapturedEmail]) {
    let id = email.id.to_string();
    let arrived = emails.iter().filter(|email| email.tags.get("darkroom-email") == Some(&id)).count();
    // A report of SES may have told more of it since.
    let status = if email.status.is_accepted() { EmailStatus::Sent } else { email.status };
    match (status, arrived) {
        (EmailStatus::Sent, 1) | (EmailStatus::Failed, 0) => {}
        (EmailStatus::Sent | EmailStatus::Failed, 1 | 2) if email.possible_duplicate => {
            findings.flagged_duplicates += u64::from(arrived == 2);
        }
        // The last attempt sent the email, and its response was lost.
        (EmailStatus::Failed, 1) if email.work.attempts > 0 => {}
        (EmailStatus::Sent, 0) => findings.lost(format!("email {id} is called sent, but did not arrive")),
        (EmailStatus::Sent | EmailStatus::Failed, n) => findings.duplicate(format!("email {id} arrived {n} times")),
        (other, _) => findings.lost(format!("email {id} is {other:?}")),
    }
}

/// Returns whether this message may be in a dead-letter queue.
async fn belongs_there(app: &TestApp, queue: &str, body: &str) -> Result<bool> {
    async fn failed<R: JobRecord>(app: &TestApp, variable: &str, studio: &Studio, id: Uuid) -> Result<bool> {
        let record = table::<R>(app, variable)?.get(studio, id).await?;
        Ok(record.is_some_and(|record| record.failure().is_some()))
    }
    if let Ok(event) = serde_json::from_str::<Value>(body)
        && let Some(key) = event.pointer("/Records/0/s3/object/key").and_then(Value::as_str)
    {
        let Some(ObjectKey::Original { studio, photo }) = ObjectKey::parse(key) else { return Ok(true) };
        return failed::<Photo>(app, "PHOTOS_TABLE", &studio, photo).await;
    }
    match Job::decode(body) {
        Ok(Job::ProcessPhoto { studio, photo }) if queue == "photos" => {
            failed::<Photo>(app, "PHOTOS_TABLE", &studio, photo).await
        }
        Ok(Job::BuildArchive { studio, download }) if queue == "downloads" => {
            failed::<Download>(app, "DOWNLOADS_TABLE", &studio, download).await
        }
        Ok(Job::SendEmail { studio, email }) if queue == "emails" => {
            failed::<Email>(app, "EMAILS_TABLE", &studio, email).await
        }
        Ok(Job::Sweep) => Ok(false),
        // Undecodable messages and messages for another queue are dead letters.
        _ => Ok(true),
    }
}

/// One row of a campaign's table.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Row {
    /// The campaign's name.
    pub campaign: String,
    /// The number of runs, kills or deliveries, depending on the campaign.
    pub runs: u64,
    /// Records that never ended.
    pub lost: u64,
    /// Unflagged effects that happened twice.
    pub duplicates: u64,
    /// Emails that may have been sent twice and are flagged.
    pub flagged_duplicates: u64,
    /// Records that failed with a reason; a violation where the campaign gives no reason to fail.
    pub failed: u64,
    /// Runs with a wrong outcome.
    pub wrong: u64,
    /// The violations, each with the command that repeats it.
    pub violations: Vec<String>,
    /// Further figures of this campaign: kills that struck, seconds to recover.
    pub figures: BTreeMap<String, f64>,
}

impl Row {
    /// Returns an empty row.
    pub fn new(campaign: &str) -> Self {
        Self { campaign: campaign.to_owned(), ..Self::default() }
    }

    /// Adds another part of the same campaign. Of each figure the greater value is kept, since all figures are maxima.
    pub fn absorb(&mut self, part: Self) {
        self.runs += part.runs;
        self.lost += part.lost;
        self.duplicates += part.duplicates;
        self.flagged_duplicates += part.flagged_duplicates;
        self.failed += part.failed;
        self.wrong += part.wrong;
        self.violations.extend(part.violations);
        for (name, figure) in part.figures {
            self.figures.entry(name).and_modify(|known| *known = known.max(figure)).or_insert(figure);
        }
    }

    /// Counts one run.
    pub fn add(&mut self, findings: &Findings, replay: impl Fn() -> String) {
        self.runs += 1;
        self.lost += findings.lost;
        self.duplicates += findings.duplicates;
        self.flagged_duplicates += findings.flagged_duplicates;
        self.failed += findings.failed;
        if !findings.violations.is_empty() {
            self.wrong += 1;
            self.violations.extend(findings.violations.iter().map(|found| format!("{found} [{}]", replay())));
        }
    }
}
