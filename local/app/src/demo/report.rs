//! The results of the demo: a file for programs, a table for people.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use super::client::{CapturedEmail, Trouble};
use super::progress::{megabytes, say};

/// The widest column of the table, in characters; longer names are cut.
const MAX_NAME: usize = 36;

/// The report of a run. If a stage fails, the report contains the results so far.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// All files of the run.
    pub photos: Vec<PhotoLine>,
    /// The order as the API returned it.
    pub order: Option<Value>,
    /// The final record of the download.
    pub download: Option<Value>,
    /// The emails that arrived during the run.
    pub emails: Vec<EmailLine>,
    /// The opened link, read from the email rather than from the API.
    pub link_used: Option<String>,
    /// The downloaded archive.
    pub zip: Option<ZipLine>,
    /// Seconds per stage, and `total`.
    pub seconds: BTreeMap<&'static str, f64>,
    /// Failures that concern more than single files.
    pub problems: Vec<String>,
}

/// One file.
#[derive(Debug, Serialize)]
pub struct PhotoLine {
    /// The name of the upload.
    pub filename: String,
    /// The path of the file.
    pub path: PathBuf,
    /// The photo's id, once it has one.
    pub id: Option<String>,
    /// The record's status, or `refused` / `not_uploaded`.
    pub status: String,
    /// The reason why the photo is not ready.
    pub error: Option<Trouble>,
    /// Width of the upright image, in pixels.
    pub width: Option<u32>,
    /// Height of the upright image, in pixels.
    pub height: Option<u32>,
    /// The metadata as the API returned it.
    pub exif: Value,
    /// The original's hash: the service's once the photo is ready, else the one computed here.
    pub sha256: Option<String>,
}

/// One email, and the first link in its text.
#[derive(Debug, Serialize)]
pub struct EmailLine {
    /// The email as the mailbox returned it.
    #[serde(flatten)]
    pub email: CapturedEmail,
    /// The link, if the email contains one.
    pub link: Option<String>,
}

/// The archive.
#[derive(Debug, Serialize)]
pub struct ZipLine {
    /// The path of the archive.
    pub path: PathBuf,
    /// The size of the archive.
    pub size_bytes: u64,
    /// The number of files in the archive, including the manifest.
    pub entries: usize,
    /// Whether the archive contains exactly the ordered photos and each equals its original.
    pub verified: bool,
}

impl PhotoLine {
    /// Returns whether the photo can be ordered.
    pub fn is_ready(&self) -> bool {
        self.status == "ready" && self.error.is_none()
    }

    fn camera(&self) -> String {
        let part = |name: &str| self.exif.get(name).and_then(Value::as_str).unwrap_or_default();
        let (make, model) = (part("make"), part("model"));
        let first_word = make.split_whitespace().next().unwrap_or_default();
        // Most makers repeat their name in the model.
        if model.to_lowercase().starts_with(&first_word.to_lowercase()) {
            return model.to_owned();
        }
        format!("{make} {model}").trim().to_owned()
    }
}

impl Report {
    /// Returns whether every file was processed and the archive is correct.
    pub fn all_good(&self) -> bool {
        self.problems.is_empty()
            && self.photos.iter().all(PhotoLine::is_ready)
            && self.zip.as_ref().is_some_and(|zip| zip.verified)
    }

    /// Writes the report as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("Failed to write the report")?;
        std::fs::write(path, text + "\n").with_context(|| format!("Failed to write {}", path.display()))
    }

    /// Prints the report.
    pub fn print(&self) {
        say("");
        self.lines().iter().for_each(|line| say(line.trim_end()));
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![row("file", "status", "pixels", "camera")];
        for photo in &self.photos {
            let pixels = match (photo.width, photo.height) {
                (Some(width), Some(height)) => format!("{width} x {height}"),
                _ => String::new(),
            };
            lines.push(row(&photo.filename, &photo.status, &pixels, &photo.camera()));
        }
        lines.push(String::new());
        for photo in &self.photos {
            if let Some(error) = &photo.error {
                lines.push(format!("Not delivered: {}: {error} [{}]", photo.filename, error.code));
            }
        }
        lines.extend(self.problems.iter().map(|problem| format!("Problem: {problem}")));
        if let Some(zip) = &self.zip {
            let verdict = if zip.verified { "every photo equals its original" } else { "NOT as it should be" };
            let (path, size) = (zip.path.display(), megabytes(zip.size_bytes));
            lines.push(format!("ZIP:     {path} ({size}, {} entries; {verdict})", zip.entries));
        }
        if let Some(link) = &self.link_used {
            let used = self.emails.iter().find(|line| line.email.links().any(|it| it == link));
            let subject = used.map(|line| line.email.text("subject")).unwrap_or_default();
            lines.push(format!("Email:   {subject}"));
            lines.push(format!("Link:    {link}"));
        }
        let stages = ["upload", "develop", "order", "archive", "email", "download", "verify", "total"];
        let seconds: Vec<_> = stages
            .iter()
            .filter_map(|stage| self.seconds.get(stage).map(|seconds| format!("{stage} {seconds:.1}")))
            .collect();
        lines.push(format!("Seconds: {}", seconds.join(", ")));
        lines
    }
}

fn row(file: &str, status: &str, pixels: &str, camera: &str) -> String {
    // A name may contain any character; line breaks and escape sequences must not reach the terminal.
    let mut name: String = file.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect();
    if name.chars().count() > MAX_NAME {
        name = name.chars().take(MAX_NAME - 1).chain(['…']).collect();
    }
    format!("{name:<MAX_NAME$}  {status:<12}  {pixels:<12}  {camera}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(make: &str, model: &str) -> PhotoLine {
        PhotoLine {
            filename: "a.jpg".to_owned(),
            path: PathBuf::new(),
            id: None,
            status: "ready".to_owned(),
            error: None,
            width: None,
            height: None,
            exif: json!({"make": make, "model": model}),
            sha256: None,
        }
    }

    #[test]
    fn camera_names_its_maker_once() {
        assert_eq!(line("NIKON CORPORATION", "NIKON Z 8").camera(), "NIKON Z 8");
        assert_eq!(line("SONY", "ILCE-7M4").camera(), "SONY ILCE-7M4");
        assert_eq!(PhotoLine { exif: Value::Null, ..line("", "") }.camera(), "");
    }

    #[test]
    fn run_without_archive_is_not_good() {
        assert!(!Report { photos: vec![line("", "")], ..Report::default() }.all_good());
    }

    #[test]
    fn hostile_name_cannot_control_the_terminal() {
        assert!(!row("a\u{1b}[2J\nb", "", "", "").chars().any(char::is_control));
    }
}
