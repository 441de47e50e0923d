//! `upload`: a folder of photos through the API. Interrupted, it continues with what is missing when it is run again.

mod files;
mod send;

use std::sync::Mutex;

use anyhow::anyhow;
use futures::{StreamExt as _, stream};

use self::{
    files::LocalFile,
    send::{Sent, send},
};
use super::{
    cli::Upload,
    client::{Client, Trouble},
    progress::Transfer,
};

/// Number of files that are uploaded concurrently. One holds at most 32 MiB in memory.
const CONCURRENT: usize = 4;

/// Outcome of uploading a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of files that were uploaded.
    pub uploaded: usize,
    /// Number of files that were there already.
    pub known: usize,
    /// Files that could not be uploaded, with the reasons.
    pub failed: Vec<(String, String)>,
}

/// Uploads all files of the folder and its folders, except files of operating systems.
pub async fn upload(client: &Client, asked: &Upload) -> Result<Summary, Trouble> {
    let files = files::walk(&asked.path)?;
    if files.is_empty() {
        return Err(anyhow!("{} has no files", asked.path.display()).into());
    }
    let progress = Mutex::new(Transfer::start(files.len(), files.iter().map(|file| file.size).sum()));
    let into = asked.folder.as_deref().unwrap_or_default();
    let sent = files.iter().map(|file| one(client, into, file, &progress));
    let sent: Vec<_> = stream::iter(sent.collect::<Vec<_>>()).buffer_unordered(CONCURRENT).collect().await;
    let mut summary = Summary::default();
    for (file, outcome) in sent {
        match outcome {
            Ok(Sent::Uploaded) => summary.uploaded += 1,
            Ok(Sent::Known) => summary.known += 1,
            Err(trouble) => summary.failed.push((file.name.clone(), trouble.to_string())),
        }
    }
    summary.failed.sort();
    Ok(summary)
}

async fn one<'a>(
    client: &Client,
    into: &str,
    file: &'a LocalFile,
    progress: &Mutex<Transfer>,
) -> (&'a LocalFile, Result<Sent, Trouble>) {
    let outcome = send(client, into, file).await;
    if let Ok(mut progress) = progress.lock() {
        progress.advance(file.size);
    }
    (file, outcome)
}
