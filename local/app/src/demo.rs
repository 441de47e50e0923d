//! The demo: a photo's complete workflow from outside, with upload, order, archive, email, link, ZIP and comparison.
//!
//! The demo uses public interfaces only. Except for the mailbox, it would run unchanged against AWS.

mod client;
mod folder;
mod progress;
mod report;
mod steps;
mod verify;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use self::client::Client;
use self::progress::say;
use self::report::Report;
use self::steps::Walk;

/// The addresses of the system.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The API's base URL, `http://127.0.0.1:PORT`.
    pub api: String,
    /// Sent as `Authorization: Bearer dev:<studio>`.
    pub studio: String,
}

/// Settings of the demo.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A folder of photos; without one the demo draws its own.
    pub folder: Option<PathBuf>,
    /// The path of the ZIP; `./darkroom-demo-<reference>.zip` by default.
    pub out: Option<PathBuf>,
    /// The path of the report, if one is requested.
    pub report: Option<PathBuf>,
}

/// The result of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether every file was accepted and the archive contains each byte for byte.
    pub all_good: bool,
}

/// Runs the whole workflow, and prints its progress.
///
/// Rejected files make the outcome bad and stop nothing. An error means that the workflow itself failed; the report is
/// still written, with the results so far.
pub async fn run(doors: &Doors, options: &Options) -> Result<Outcome> {
    let started = Instant::now();
    let client = Client::new(doors)?;
    client.health().await?;
    // The folder must live until the end: the last step compares with the originals.
    let (folder, _own) = match &options.folder {
        Some(folder) => (folder.clone(), None),
        None => own_photos().await.map(|own| (own.path().to_owned(), Some(own)))?,
    };
    let files = list(&folder).await?;

    let mut report = Report::default();
    let walked = Walk::new(client, options.out.clone()).all(&files, &mut report).await;
    report.seconds.insert("total", started.elapsed().as_secs_f64());
    if let Err(error) = &walked {
        report.problems.push(format!("{error:#}"));
    }
    if let Some(path) = &options.report {
        report.write(path)?;
    }
    report.print();
    walked?;
    Ok(Outcome { all_good: report.all_good() })
}

async fn own_photos() -> Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("darkroom-demo-").tempdir();
    let folder = folder.context("Failed to create a folder for the demo's photos")?;
    say("No folder given: drawing a few photos.");
    let path = folder.path().to_owned();
    tokio::task::spawn_blocking(move || demo_photos::write_all(&path)).await??;
    Ok(folder)
}

async fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let path = folder.to_owned();
    let files = tokio::task::spawn_blocking(move || folder::files(&path)).await??;
    if files.is_empty() {
        bail!("No files in {}", folder.display());
    }
    Ok(files)
}
