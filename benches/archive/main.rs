//! The same photos in the same store, packed into the same archive by us and by peers, each as its users would run it.
//!
//! `cargo bench -p benches --bench archive -- --json FILE [--cases a,b] [--tools ours,...]`; `benches/README.md` says what
//! it measures and what came out.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

mod cases;
mod extract;
mod job;
mod measure;
mod network;
mod ours;
mod row;
mod simulate;
mod tools;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use benches::chosen;
use clap::Parser;

use crate::{cases::Case, network::Kind, row::Row, tools::Tool};

#[derive(Parser)]
struct Arguments {
    /// Where the rows are written.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Which cases, by name; all but the simulated ones need the bytes on disk.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// Which tools.
    #[arg(long, value_delimiter = ',')]
    tools: Vec<String>,
    /// Which networks: loopback, s3-like.
    #[arg(long, value_delimiter = ',')]
    networks: Vec<String>,
    /// Runs of each, interleaved; the median counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Extract our archives with unzip, 7zz, bsdtar and Python, and compare every file with its original.
    #[arg(long)]
    extract: bool,
    /// Where peers are installed; a temporary folder unless told.
    #[arg(long)]
    peers: Option<PathBuf>,
    /// Cargo says that this is a bench.
    #[arg(long, hide = true)]
    bench: bool,
    /// Build one archive as this job file says, and nothing else: how a bench runs our own tool as a process.
    #[arg(long, hide = true)]
    build: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(job) = &arguments.build {
        return ours::build(job).await;
    }
    // First, while this process is small: its own memory is part of the model.
    let modelled = simulate::rows(&arguments.cases, &arguments.tools)?;
    let mut rows: Vec<Row> = Vec::new();
    let tools: Vec<Tool> = Tool::ALL.into_iter().filter(|tool| chosen(&arguments.tools, tool.name())).collect();
    let cases: Vec<Case> = Case::all().into_iter().filter(|case| chosen(&arguments.cases, case.name)).collect();
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| chosen(&arguments.networks, kind.name())).collect();
    if !cases.is_empty() {
        let installed = tools::install(&tools, arguments.peers.clone()).await?;
        for case in &cases {
            let bed =
                job::Bed::fill(case).await.with_context(|| format!("Failed to fill the store for {}", case.name))?;
            for kind in &kinds {
                rows.extend(measure::case(&bed, case, *kind, &tools, &installed, arguments.runs).await?);
            }
            if arguments.extract {
                extract::check(&bed, case).await?;
            }
        }
    }
    rows.extend(modelled);
    row::print(&rows);
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&rows)?)
            .with_context(|| format!("Failed to write {}", path.display()))?;
    }
    Ok(())
}
