//! This project's tool as a process: layout, plan and assembly of the archive builder, without its records and queue.

use std::{path::Path, sync::atomic::AtomicBool};

use anyhow::{Result, anyhow};
use archive::{Entry, Layout, Modified, contents::Source};
use archive_builder::{
    assemble::{Assembly, Place, ResumeState, Unwritten},
    plan::{PartPlan, cost::Costs},
    uploads::{Checksums, Uploads},
};
use benches::watch::memory_mb;
use domain::ObjectKey;
use runtime::{env::Env, objects::ObjectStore};

use crate::job::{Job, environment};

/// Builds the archive of this job. Prints the megabytes that the process had before the build.
pub async fn build(job: &Path) -> Result<()> {
    let job = Job::read(job)?;
    let env = Env::of(environment(&job.endpoint));
    let s3 = runtime::aws::s3(&env, &runtime::aws::config(&env, runtime::aws::Patience::Job)?);
    let originals = ObjectStore::new(s3.clone(), &job.originals);
    let uploads = Uploads::new(s3, &job.archives, &job.originals, Checksums::FullObject);
    println!("{:.1}", memory_mb("VmRSS:", std::process::id())?);

    let modified = Modified::at(jiff::Timestamp::now());
    let entry = |photo: &crate::job::Photo| {
        let key = ObjectKey::parse(&photo.key).ok_or_else(|| anyhow!("{} is no key of ours", photo.key))?;
        let source = Source { photo: photo.id, filename: photo.name.clone(), key, etag: photo.etag.clone() };
        Ok(Entry::stored(&photo.name, modified, photo.size, photo.crc32, source))
    };
    let layout = Layout::new(job.photos.iter().map(entry).collect::<Result<_>>()?)?;
    let preference = job.preference.parse().map_err(|error: String| anyhow!(error))?;
    let plan = PartPlan::new(&layout, preference, &Costs::AWS)?;
    let place = Place { studio: job.studio, download: job.download, build: 1, volume: None };
    let made_progress = AtomicBool::new(false);
    let assembly =
        Assembly::new((&layout, &plan), place, (&originals, &uploads), ResumeState::default(), &made_progress);
    assembly.run(&Unwritten).await.map_err(|error| anyhow!("{error}"))
}
