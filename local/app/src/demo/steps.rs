//! The steps of the demo, in the order in which a studio and its customer perform them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{CapturedEmail, Client, Photo, Trouble};
use super::progress::{Stage, Unit, megabytes, say};
use super::report::{EmailLine, PhotoLine, Report, ZipLine};
use super::{folder, verify};

/// Concurrent uploads: enough to use the connection, few enough to leave the processors to the picture pipeline.
const UPLOADS: usize = 4;
/// Concurrent requests for records.
const POLLS: usize = 8;
/// The wait between two requests for a record.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The time without progress after which a stage counts as stuck. It is longer than a job's retries take.
const STALL: Duration = Duration::from_mins(5);
/// The customer's address.
const CUSTOMER: &str = "customer@example.com";

/// The fields of a download that the demo reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Download {
    id: String,
    status: String,
    progress: Counts,
    file_size_bytes: Option<u64>,
    error_message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counts {
    done: u64,
    total: u64,
}

/// The response to a requested download.
#[derive(Debug, Deserialize)]
struct Requested {
    download: Value,
    link: String,
}

/// One run of the workflow.
pub struct Walk {
    client: Client,
    reference: String,
    out: PathBuf,
}

impl Walk {
    /// Creates a run with a reference of its own, so that runs do not collide.
    pub fn new(client: Client, out: Option<PathBuf>) -> Self {
        let reference = format!("DEMO-{}", jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S"));
        let out = out.unwrap_or_else(|| format!("darkroom-demo-{reference}.zip").into());
        Self { client, reference, out }
    }

    /// Performs all steps, and records their results in `report`.
    pub async fn all(&self, files: &[PathBuf], report: &mut Report) -> Result<()> {
        let before: BTreeSet<_> = self.client.emails().await?.into_iter().map(|email| email.message_id).collect();
        self.upload(files, report).await;
        self.develop(report).await;
        if !report.photos.iter().any(PhotoLine::is_ready) {
            say("No photo is ready: nothing to order.");
            return Ok(());
        }
        let delivered = self.deliver(&before, report).await;
        // The emails are read last, also after a failure: the report shows every email of the run, duplicates in
        // particular.
        let emails =
            self.new_emails(&before).await.map(|emails| report.emails = emails.into_iter().map(with_link).collect());
        // The first error is the cause; a failure to read the mailbox may only follow from it.
        delivered?;
        Ok(emails?)
    }

    async fn deliver(&self, before: &BTreeSet<String>, report: &mut Report) -> Result<()> {
        let requested = self.order(report).await?;
        let promised = self.archive(&requested, report).await?;
        self.email(&requested.link, before, report).await?;
        self.download(promised, report).await?;
        self.verify(report).await
    }

    async fn upload(&self, files: &[PathBuf], report: &mut Report) {
        let mut stage = Stage::start("Uploading", files.len() as u64, Unit::Photos);
        let mut uploads = stream::iter(files).map(|path| self.upload_one(path)).buffered(UPLOADS);
        while let Some(line) = uploads.next().await {
            report.photos.push(line);
            stage.set(report.photos.len() as u64, files.len() as u64);
        }
        let sent = report.photos.iter().filter(|photo| photo.error.is_none()).count();
        report.seconds.insert("upload", stage.finish(&format!("{sent} of {} files", files.len())));
    }

    async fn upload_one(&self, path: &Path) -> PhotoLine {
        let mut line = PhotoLine {
            filename: folder::filename(path),
            path: path.to_owned(),
            id: None,
            status: "not_uploaded".to_owned(),
            error: None,
            width: None,
            height: None,
            exif: Value::Null,
            sha256: None,
        };
        if let Err(trouble) = self.send(path, &mut line).await {
            if trouble.is_refusal() {
                "refused".clone_into(&mut line.status);
            }
            line.error = Some(trouble);
        }
        line
    }

    async fn send(&self, path: &Path, line: &mut PhotoLine) -> Result<(), Trouble> {
        let owned = path.to_owned();
        let (size, sha256) = tokio::task::spawn_blocking(move || folder::measure(&owned))
            .await
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|error| Trouble::here("unreadable", format!("The file could not be read: {error}")))?;
        line.sha256 = Some(sha256.clone());
        let kind = folder::content_type(&line.filename);
        let registered = self.client.register(&line.filename, kind, size, &sha256).await?;
        line.id = Some(registered.photo.id);
        if let Some(upload) = &registered.upload {
            self.client.upload(upload, path, size).await?;
        }
        line.status = registered.photo.status;
        Ok(())
    }

    async fn develop(&self, report: &mut Report) {
        let mut waiting: Vec<usize> =
            (0..report.photos.len()).filter(|it| report.photos[*it].error.is_none()).collect();
        let total = waiting.len() as u64;
        let mut stage = Stage::start("Developing", total, Unit::Photos);
        let mut last_news = Instant::now();
        while !waiting.is_empty() {
            let looks = waiting.iter().map(|index| {
                let id = report.photos[*index].id.clone().unwrap_or_default();
                async move { (*index, self.client.get::<Photo>(&format!("/photos/{id}")).await) }
            });
            let answers: Vec<_> = stream::iter(looks).buffer_unordered(POLLS).collect().await;
            let stuck = last_news.elapsed() > STALL;
            for (index, answer) in answers {
                let line = &mut report.photos[index];
                match answer {
                    Ok(photo) if photo.status == "ready" || photo.status == "failed" => developed(line, photo),
                    Ok(photo) => {
                        line.status = photo.status;
                        if stuck {
                            let sentence = format!("It is not developed; nothing moved for {} s", STALL.as_secs());
                            line.error = Some(Trouble::here("stuck", sentence));
                        }
                    }
                    // A refused request stays refused; any other failure may be temporary.
                    Err(trouble) if stuck || trouble.is_refusal() => line.error = Some(trouble),
                    Err(_) => {}
                }
            }
            let before = waiting.len();
            waiting.retain(|index| report.photos[*index].error.is_none() && report.photos[*index].status != "ready");
            if waiting.len() < before {
                last_news = Instant::now();
            }
            stage.set(total - waiting.len() as u64, total);
            if !waiting.is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        let ready = report.photos.iter().filter(|photo| photo.is_ready()).count();
        report.seconds.insert("develop", stage.finish(&format!("{ready} of {total} photos ready")));
    }

    async fn order(&self, report: &mut Report) -> Result<Requested> {
        let ids: Vec<_> = report.photos.iter().filter(|it| it.is_ready()).filter_map(|it| it.id.clone()).collect();
        let stage = Stage::start("Ordering", 1, Unit::Photos);
        let body = json!({
            "reference": self.reference,
            "customer": {"name": "Demo Customer", "email": CUSTOMER, "locale": "en"},
            "photo_ids": ids,
        });
        let order: Value = self.client.post("/orders", &body).await.context("The order was refused")?;
        let id = order.get("id").and_then(Value::as_str).context("The order has no id")?.to_owned();
        report.order = Some(order);
        let path = format!("/orders/{id}/downloads");
        let requested: Requested =
            self.client.post(&path, &json!({"kind": "batch"})).await.context("The download was refused")?;
        report.download = Some(requested.download.clone());
        report.seconds.insert("order", stage.finish(&format!("{} photos as {}", ids.len(), self.reference)));
        Ok(requested)
    }

    /// Waits for the archive. Returns the size that its record states.
    async fn archive(&self, requested: &Requested, report: &mut Report) -> Result<Option<u64>> {
        let first: Download =
            serde_json::from_value(requested.download.clone()).context("The download is not what was agreed")?;
        let path = format!("/downloads/{}", first.id);
        let mut stage = Stage::start("Archiving", first.progress.total, Unit::Photos);
        let (mut last_news, mut last_seen) = (Instant::now(), (String::new(), 0));
        loop {
            if let Some(record) = self.look(&path, last_news).await? {
                let now: Download =
                    serde_json::from_value(record.clone()).context("The download is not what was agreed")?;
                report.download = Some(record);
                stage.set(now.progress.done, now.progress.total);
                match now.status.as_str() {
                    "ready" => {
                        let note = format!("{} photos", now.progress.total);
                        report.seconds.insert("archive", stage.finish(&note));
                        return Ok(now.file_size_bytes);
                    }
                    "failed" | "revoked" | "expired" => {
                        report.seconds.insert("archive", stage.finish(&now.status));
                        let reason = now.error_message.as_deref().unwrap_or("no reason is given");
                        bail!("The archive is {}: {reason}", now.status);
                    }
                    _ => {}
                }
                let seen = (now.status, now.progress.done);
                if seen != last_seen {
                    (last_seen, last_news) = (seen, Instant::now());
                }
            }
            if last_news.elapsed() > STALL {
                bail!("The archive is not ready; nothing moved for {} s", STALL.as_secs());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Requests a record once. A failed request returns `None` until `STALL` has passed; a refused one is an error.
    async fn look(&self, path: &str, last_news: Instant) -> Result<Option<Value>, Trouble> {
        match self.client.get(path).await {
            Ok(record) => Ok(Some(record)),
            Err(trouble) if trouble.is_refusal() || last_news.elapsed() > STALL => Err(trouble),
            Err(_) => Ok(None),
        }
    }

    /// Waits for the email with this download's link, and reads the link from the email.
    async fn email(&self, link: &str, before: &BTreeSet<String>, report: &mut Report) -> Result<()> {
        let stage = Stage::start("Email", 1, Unit::Photos);
        let started = Instant::now();
        loop {
            let emails = self.new_emails(before).await?;
            if let Some(found) = emails.iter().flat_map(CapturedEmail::links).find(|it| *it == link) {
                report.link_used = Some(found.to_owned());
                report.seconds.insert("email", stage.finish("arrived"));
                return Ok(());
            }
            if started.elapsed() > STALL {
                bail!("No email with the link came within {} s", STALL.as_secs());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn new_emails(&self, before: &BTreeSet<String>) -> Result<Vec<CapturedEmail>, Trouble> {
        let mut emails = self.client.emails().await?;
        emails.retain(|email| !before.contains(&email.message_id));
        Ok(emails)
    }

    async fn download(&self, promised: Option<u64>, report: &mut Report) -> Result<()> {
        let mut stage = Stage::start("Downloading", promised.unwrap_or(0), Unit::Bytes);
        let link = report.link_used.as_deref().context("There is no link to open")?;
        let url = self.client.open_link(link).await?;
        // The file has another name until it is complete, so a partial download does not look like an archive.
        let mut part = self.out.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let size = self.client.fetch(&url, &part, |done| stage.set(done, promised.unwrap_or(done))).await?;
        std::fs::rename(&part, &self.out).with_context(|| format!("Failed to create {}", self.out.display()))?;
        if promised != Some(size) {
            report.problems.push(format!("The archive has {size} bytes, its record says {promised:?}"));
        }
        report.seconds.insert("download", stage.finish(&megabytes(size)));
        let path = std::path::absolute(&self.out).unwrap_or_else(|_| self.out.clone());
        report.zip = Some(ZipLine { path, size_bytes: size, entries: 0, verified: false });
        Ok(())
    }

    async fn verify(&self, report: &mut Report) -> Result<()> {
        let originals: BTreeMap<_, _> = report
            .photos
            .iter()
            .filter(|photo| photo.is_ready())
            .filter_map(|photo| Some((photo.id.clone()?, photo.path.clone())))
            .collect();
        let stage = Stage::start("Comparing", originals.len() as u64, Unit::Photos);
        let out = self.out.clone();
        let findings = tokio::task::spawn_blocking(move || verify::verify(&out, &originals)).await??;
        report.seconds.insert("verify", stage.finish(&format!("{} photos identical", findings.identical)));
        let zip = report.zip.as_mut().ok_or_else(|| anyhow!("There is no archive to compare"))?;
        zip.entries = findings.entries;
        zip.verified = findings.verified();
        report.problems.extend(findings.faults);
        Ok(())
    }
}

/// Copies the final state of the record.
fn developed(line: &mut PhotoLine, photo: Photo) {
    if photo.status == "failed" {
        let fault = photo.error.map(|fault| Trouble::here(&fault.code, fault.message));
        line.error = fault.or_else(|| Some(Trouble::here("failed", "The record names no reason")));
    } else if photo.sha256.is_some() && line.sha256.is_some() && photo.sha256 != line.sha256 {
        line.error = Some(Trouble::here("hash_differs", "The service holds other bytes than were sent"));
    }
    line.status = photo.status;
    line.width = photo.width;
    line.height = photo.height;
    line.exif = photo.exif;
    line.sha256 = photo.sha256.or_else(|| line.sha256.take());
}

fn with_link(email: CapturedEmail) -> EmailLine {
    let link = email.links().next().map(str::to_owned);
    EmailLine { email, link }
}
