//! Compares this project with peers: the same photos in the same store are packed into the same archive, with each tool
//! as its users would run it.
//!
//! `cargo bench -p benches --bench archive -- --json FILE [--cases a,b] [--tools ours,...]`; `benches/README.md` has
//! the method and the results.
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
    /// The file for the rows.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The cases by name; all except the simulated ones need disk space for their bytes.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// The tools by name.
    #[arg(long, value_delimiter = ',')]
    tools: Vec<String>,
    /// The networks: loopback, s3-like.
    #[arg(long, value_delimiter = ',')]
    networks: Vec<String>,
    /// The number of runs of each, interleaved; the rows have medians.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Extract our archives with unzip, 7zz, bsdtar and Python, and compare every file with its original.
    #[arg(long)]
    extract: bool,
    /// The folder with the installed peers; a temporary one by default.
    #[arg(long)]
    peers: Option<PathBuf>,
    /// Cargo's argument for a bench.
    #[arg(long, hide = true)]
    bench: bool,
    /// Build one archive from this job file and exit. A bench runs our own tool as a process in this way.
    #[arg(long, hide = true)]
    build: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(job) = &arguments.build {
        return ours::build(job).await;
    }
    // The model comes first, while this process is small: the process's own memory is part of it.
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
