//! This project and its peers, each as its users would run it, by the first example of its documentation.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use benches::peers::{self, Folder};
use tokio::process::Command;

use crate::job::{Job, environment};

/// A tool that makes archives in S3 of objects in S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// This project's archive worker.
    Ours,
    /// This project's archive worker with the preference `cheap`.
    OursCheap,
    /// cobalt-s3-archiver (crates.io), by its command line.
    Cobalt,
    /// archiver (npm) between the AWS SDK's GetObject and `Upload`.
    Archiver,
    /// zipstream-ng (PyPI) between boto3's `get_object` and `upload_fileobj`.
    Zipstream,
}

impl Tool {
    pub const ALL: [Self; 5] = [Self::Ours, Self::OursCheap, Self::Cobalt, Self::Archiver, Self::Zipstream];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursCheap => "ours-cheap",
            Self::Cobalt => "cobalt-s3-archiver",
            Self::Archiver => "archiver",
            Self::Zipstream => "zipstream-ng",
        }
    }

    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursCheap)
    }

    pub fn preference(self) -> &'static str {
        if self == Self::OursCheap { "cheap" } else { "fast" }
    }

    /// Returns the process that does the job. Its script and inputs are written to `folder`.
    pub fn command(self, job: &Job, folder: &Path, installed: &Folder) -> Result<Command> {
        let file = folder.join("job.json");
        std::fs::write(&file, serde_json::to_vec(job)?)?;
        let peers = &installed.path;
        let mut command = match self {
            Self::Ours | Self::OursCheap => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("--build").arg(&file);
                command
            }
            Self::Cobalt => {
                let mut command = Command::new(peers.join("cargo/bin/s3-archiver-cli"));
                let sources = job.photos.iter().map(|photo| format!("s3://{}/{}\n", job.originals, photo.key));
                let list = folder.join("sources");
                std::fs::write(&list, sources.collect::<String>())?;
                command.args(["archive", &format!("s3://{}/{}", job.archives, job.archive)]);
                command.stdin(std::fs::File::open(list)?);
                // Its AWS library does not support AWS_ENDPOINT_URL.
                let (host, port) =
                    job.endpoint.trim_start_matches("http://").split_once(':').context("an endpoint with a port")?;
                command.env("LOCALSTACK_HOSTNAME", host).env("EDGE_PORT", port);
                command
            }
            Self::Archiver => {
                let mut command = Command::new("node");
                command.arg(peers.join("archiver.mjs")).arg(&file);
                command
            }
            Self::Zipstream => {
                let mut command = Command::new(peers.join("venv/bin/python"));
                command.arg(peers.join("zipstream_ng.py")).arg(&file);
                command
            }
        };
        command.envs(environment(&job.endpoint));
        Ok(command)
    }
}

/// Installs the selected peers that are missing.
pub async fn install(tools: &[Tool], folder: Option<PathBuf>) -> Result<Folder> {
    let folder = Folder::new(folder)?;
    if tools.contains(&Tool::Cobalt) && !folder.has("cargo/bin/s3-archiver-cli") {
        let install = ["install", "cobalt-s3-archiver", "--version", "0.2.0", "--locked", "--root", "cargo"];
        peers::run("cargo", &install, &folder.path).await?;
    }
    if tools.contains(&Tool::Archiver) {
        std::fs::write(folder.path.join("archiver.mjs"), include_str!("peers/archiver.mjs"))?;
        if !folder.has("node_modules/archiver") {
            folder.npm(&["archiver@8", "@aws-sdk/client-s3@3", "@aws-sdk/lib-storage@3"]).await?;
        }
    }
    if tools.contains(&Tool::Zipstream) {
        std::fs::write(folder.path.join("zipstream_ng.py"), include_str!("peers/zipstream_ng.py"))?;
        folder.pip(&["zipstream-ng==1.9.3", "boto3"]).await?;
    }
    Ok(folder)
}
