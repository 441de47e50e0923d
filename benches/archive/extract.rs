//! Checks our archives with common extractors: compares the extracted files with the originals.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use tokio::io::AsyncWriteExt as _;

use crate::{
    cases::Case,
    job::{ARCHIVES, Bed, content},
};

/// The arguments with which each program extracts `../archive.zip` into the current folder and prints only warnings.
const EXTRACTORS: [(&str, &[&str]); 4] = [
    ("unzip", &["-q", "../archive.zip"]),
    ("7zz", &["x", "-bso0", "-bsp0", "../archive.zip"]),
    ("bsdtar", &["-xf", "../archive.zip"]),
    ("python3", &["-m", "zipfile", "-e", "../archive.zip", "."]),
];

/// Builds the archive of this case by both plans, and extracts it with each program.
pub async fn check(bed: &Bed, case: &Case) -> Result<()> {
    for preference in ["fast", "cheap"] {
        let job = bed.job(&bed.endpoint(), preference);
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("job.json");
        std::fs::write(&file, serde_json::to_vec(&job)?)?;
        crate::ours::build(&file).await?;
        let path = folder.path().join("archive.zip");
        let mut object = bed.s3.get_object().bucket(ARCHIVES).key(&job.archive).send().await?.body;
        let mut archive = tokio::fs::File::create(&path).await?;
        while let Some(chunk) = object.try_next().await? {
            archive.write_all(&chunk).await?;
        }
        archive.flush().await?;
        for (extractor, arguments) in EXTRACTORS {
            let out = folder.path().join(extractor);
            std::fs::create_dir(&out)?;
            let run = Command::new(extractor).args(arguments).current_dir(&out).env("LC_ALL", "C.UTF-8").output();
            let run = run.with_context(|| format!("{extractor} is not installed"))?;
            let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
            ensure!(run.status.success() && said.is_empty(), "{extractor}: {} {said}", run.status);
            compare(&out, bed, case).with_context(|| format!("as extracted by {extractor}"))?;
            std::fs::remove_dir_all(&out)?;
            println!("{} {preference}: {extractor} gives back {} files", case.name, case.sizes.len());
        }
        bed.s3.delete_object().bucket(ARCHIVES).key(&job.archive).send().await?;
    }
    Ok(())
}

fn compare(out: &Path, bed: &Bed, case: &Case) -> Result<()> {
    for ((n, photo), &size) in (0..).zip(&bed.photos).zip(&case.sizes) {
        let extracted = std::fs::read(out.join(&photo.name)).with_context(|| photo.name.clone())?;
        ensure!(extracted == content(n, size), "{} differs from its original", photo.name);
    }
    let found = std::fs::read_dir(out.join("Order-1"))?.count();
    ensure!(found == case.sizes.len(), "{found} files");
    Ok(())
}
