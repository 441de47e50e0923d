//! The whole way of a photo, walked from outside: upload, order, archive, email, link, ZIP, comparison.
//!
//! A client of the public doors and nothing else: it would walk the same way on AWS, but for the mailbox.

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

/// Where the system is reached.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The API's base, `http://127.0.0.1:PORT`.
    pub api: String,
    /// Sent as `Authorization: Bearer dev:<studio>`.
    pub studio: String,
}

/// What to walk with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The photos; the demo draws its own when there is none.
    pub folder: Option<PathBuf>,
    /// Where the ZIP goes: `./darkroom-demo-<reference>.zip` unless named.
    pub out: Option<PathBuf>,
    /// Where the report goes, if anywhere.
    pub report: Option<PathBuf>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Every file was taken, and the archive holds them byte for byte.
    pub all_good: bool,
}

/// Walks the whole way, printing as it goes.
///
/// Files that are refused make the outcome bad and stop nothing. An error means that the way itself is broken; the
/// report is written all the same, with what was reached.
pub async fn run(doors: &Doors, options: &Options) -> Result<Outcome> {
    let started = Instant::now();
    let client = Client::new(doors)?;
    client.health().await?;
    // Kept until the end: the originals are compared with at the last step.
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
