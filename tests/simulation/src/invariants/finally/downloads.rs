//! Downloads at the end of a history.

use domain::{
    download::{Download, DownloadKind, DownloadStatus, Variant},
    email::{Email, EmailStatus},
    operation::{Operation, OperationStatus, Task},
    order::Order,
};
use jiff::SignedDuration;
use uuid::Uuid;

use super::End;
use crate::truth::KnownDownload;

impl End<'_> {
    /// Checks the downloads, their archives, and that customers were told.
    pub(super) fn downloads(&mut self) {
        for known in self.facts.downloads.values() {
            if !self.records.downloads.contains_key(&known.id) {
                self.wrong(format!("download {} is lost", known.id));
            }
        }
        for download in self.records.downloads.values() {
            // An erased download keeps no errors.
            let is_erased = download.erased_at.is_some();
            if download.status == DownloadStatus::Failed && download.error.is_none() && !is_erased {
                self.wrong(format!("download {} failed without a reason", download.id));
            }
            if download.status == DownloadStatus::Ready
                && download.erased_at.is_none()
                && !self.is_half_erased(download)
            {
                self.archive(download);
            }
            // A sweep comes every five minutes.
            let an_hour_ago = self.now.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(self.now);
            if let Some((notice, at)) = download.notice_due(an_hour_ago) {
                self.wrong(format!("download {}: {notice:?} was due at {at}", download.id));
            }
            self.customer_was_told(download);
        }
    }

    /// Returns whether the download's order is erased, and the operation that would have revoked the download has used up its
    /// attempts. The link is closed, the photos may be deleted, and the failed operation tells operators.
    fn is_half_erased(&self, download: &Download) -> bool {
        let failed = |operation: &Operation| {
            operation.status == OperationStatus::Failed && matches!(operation.task, Task::Erase { .. })
        };
        self.records.orders.get(&download.order).is_some_and(Order::is_erased)
            && self.records.operations.iter().any(failed)
    }

    /// Checks that the archives of a ready download contain the order's photos, each once.
    fn archive(&mut self, download: &Download) {
        let id = download.id;
        let Some((_, photos)) = self.facts.orders.values().find(|(order, _)| *order == download.order) else { return };
        let mut expected: Vec<Vec<u8>> = Vec::new();
        // The download in the other size has the same photos. Its id differs in the last bit.
        let known = |known: &&KnownDownload| known.id == id || known.id == download.other_size_id();
        let chosen = match self.facts.downloads.values().find(known) {
            Some(known) => known.chosen.clone(),
            // The shop never got an answer, so only the record knows.
            None => download
                .photo
                .map(|photo| vec![photo])
                .or(download.selection.as_ref().map(|it| it.from(photos.clone()))),
        };
        let is_chosen = |photo: &Uuid| chosen.as_ref().is_none_or(|chosen| chosen.contains(photo));
        for photo in photos.iter().filter(|photo| is_chosen(photo)) {
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
            // To a suppressed address nothing is sent, and the shop is told by the download.
            .filter(|email| {
                let is_suppressed = email.error.as_ref().is_some_and(|error| error.code == "address_suppressed");
                let shop_knows = is_suppressed && download.undelivered_at.is_some();
                // While emails were paused the customer used up the link that the shop showed.
                let is_outdated = email.error.as_ref().is_some_and(|error| error.code == "outdated");
                let is_spent = download.max_downloads.is_some_and(|max| download.download_count >= max);
                email.status.is_accepted()
                    || email.status == EmailStatus::Failed
                    || shop_knows
                    || is_outdated && is_spent
            });
        if told.count() == 0 {
            self.wrong(format!("the customer of download {} was never sent {template}", download.id));
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
