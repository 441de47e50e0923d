//! Installation of peers by their ordinary clients.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

/// A folder for peers: the given one, which is kept, or a temporary one.
pub struct Folder {
    /// The folder's path.
    pub path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    /// Creates the folder.
    pub fn new(asked: Option<PathBuf>) -> Result<Self> {
        let temporary = if asked.is_none() { Some(tempfile::tempdir()?) } else { None };
        let path = asked.or_else(|| temporary.as_ref().map(|it| it.path().to_owned())).context("no folder")?;
        std::fs::create_dir_all(&path)?;
        Ok(Self { path, _temporary: temporary })
    }

    /// Returns whether the folder has this path already.
    pub fn has(&self, path: &str) -> bool {
        self.path.join(path).exists()
    }

    /// Installs npm packages, given with their versions.
    pub async fn npm(&self, packages: &[&str]) -> Result<()> {
        let folder = self.path.to_str().context("a path in UTF-8")?;
        let install = ["install", "--no-fund", "--no-audit", "--prefix", folder];
        run("npm", &[&install[..], packages].concat(), &self.path).await
    }

    /// Installs Python packages, given with their versions, into `venv`.
    pub async fn pip(&self, packages: &[&str]) -> Result<()> {
        if !self.has("venv/bin/python") {
            run("python3", &["-m", "venv", "venv"], &self.path).await?;
        }
        run("venv/bin/pip", &[&["install", "--quiet"][..], packages].concat(), &self.path).await
    }
}

/// Runs a program in a folder. A program with a slash in its name is in this folder.
pub async fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    eprintln!("{program} {}", arguments.join(" "));
    let program = if program.contains('/') { folder.join(program) } else { program.into() };
    let status = Command::new(&program).args(arguments).current_dir(folder).status().await;
    let status = status.with_context(|| format!("Failed to start {}", program.display()))?;
    ensure!(status.success(), "{} failed: {status}", program.display());
    Ok(())
}
