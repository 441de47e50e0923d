//! Ours and its peers, each as its users would run it, with what its own documentation shows first.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::job::{Job, environment};

/// A tool that makes archives in S3 of objects in S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// This project's archive worker.
    Ours,
    /// The same, saving dollars.
    OursCheap,
    /// cobalt-s3-archiver (crates.io), by its command line.
    Cobalt,
    /// archiver (npm) between the AWS SDK's GetObject and `Upload`.
    Archiver,
    /// zipstream-ng (PyPI) between boto3's `get_object` and `upload_fileobj`.
    Zipstream,
}

/// Where the peers are.
pub struct Installed {
    folder: PathBuf,
    _temporary: Option<tempfile::TempDir>,
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

    /// The process that does the job. Its file and inputs are written to `folder`.
    pub fn command(self, job: &Job, folder: &Path, installed: &Installed) -> Result<Command> {
        let file = folder.join("job.json");
        std::fs::write(&file, serde_json::to_vec(job)?)?;
        let peers = &installed.folder;
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
                // Its AWS library is older than AWS_ENDPOINT_URL.
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

/// Installs the peers that are asked for, by their ordinary clients, unless they are there.
pub async fn install(tools: &[Tool], folder: Option<PathBuf>) -> Result<Installed> {
    let temporary = if folder.is_none() { Some(tempfile::tempdir()?) } else { None };
    let folder = folder.or_else(|| temporary.as_ref().map(|it| it.path().to_owned())).context("no folder")?;
    std::fs::create_dir_all(&folder)?;
    let there = |path: &str| folder.join(path).exists();
    if tools.contains(&Tool::Cobalt) && !there("cargo/bin/s3-archiver-cli") {
        let root = folder.join("cargo");
        let root = root.to_str().context("a path in UTF-8")?;
        run("cargo", &["install", "cobalt-s3-archiver", "--version", "0.2.0", "--locked", "--root", root], &folder)
            .await?;
    }
    if tools.contains(&Tool::Archiver) {
        std::fs::write(folder.join("archiver.mjs"), include_str!("peers/archiver.mjs"))?;
        if !there("node_modules/archiver") {
            let packages = ["archiver@8", "@aws-sdk/client-s3@3", "@aws-sdk/lib-storage@3"];
            let folder_text = folder.to_str().context("a path in UTF-8")?;
            run(
                "npm",
                &[&["install", "--no-fund", "--no-audit", "--prefix", folder_text][..], &packages[..]].concat(),
                &folder,
            )
            .await?;
        }
    }
    if tools.contains(&Tool::Zipstream) {
        std::fs::write(folder.join("zipstream_ng.py"), include_str!("peers/zipstream_ng.py"))?;
        if !there("venv/bin/python") {
            run("python3", &["-m", "venv", "venv"], &folder).await?;
            run("venv/bin/pip", &["install", "--quiet", "zipstream-ng==1.9.3", "boto3"], &folder).await?;
        }
    }
    Ok(Installed { folder, _temporary: temporary })
}

async fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    eprintln!("{program} {}", arguments.join(" "));
    let program = if program.contains('/') { folder.join(program) } else { program.into() };
    let status = Command::new(&program).args(arguments).current_dir(folder).status().await;
    let status = status.with_context(|| format!("Failed to start {}", program.display()))?;
    ensure!(status.success(), "{} failed: {status}", program.display());
    Ok(())
}
