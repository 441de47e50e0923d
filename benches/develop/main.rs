//! The same originals, made into a preview and a thumbnail by us and by peers, each as its users would have it done.
//!
//! `cargo bench -p benches --bench develop -- [--json FILE] [--cases a,b] [--tools ours,...] [--photos FOLDER]`;
//! `benches/README.md` says what it measures and what came out.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

mod cases;
mod check;
mod ours;
mod row;
mod tools;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use benches::{chosen, peers::Folder, watch};
use clap::Parser;

use crate::{cases::Case, row::Row, tools::Tool};

#[derive(Parser)]
struct Arguments {
    /// Where the rows are written.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Which cases, by name.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// Which tools.
    #[arg(long, value_delimiter = ',')]
    tools: Vec<String>,
    /// Runs of each, interleaved; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// A folder of JPEGs of your own, as another case.
    #[arg(long)]
    photos: Option<PathBuf>,
    /// Where peers are installed; a temporary folder unless told.
    #[arg(long)]
    peers: Option<PathBuf>,
    /// Cargo says that this is a bench.
    #[arg(long, hide = true)]
    bench: bool,
    /// Develop these files into that folder, and nothing else: how a bench runs our own tool as a process.
    #[arg(long, hide = true, num_args = 1..)]
    develop: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some((out, files)) = arguments.develop.split_first() {
        return ours::develop(out, files);
    }
    let tools: Vec<Tool> = Tool::ALL.into_iter().filter(|tool| chosen(&arguments.tools, tool.name())).collect();
    let installed = tools::install(&tools, arguments.peers.clone()).await?;
    let drawn = tempfile::tempdir()?;
    let mut cases: Vec<Case> = Vec::new();
    for case in cases::ALL.iter().filter(|case| chosen(&arguments.cases, case.name)) {
        cases.push(case.draw(drawn.path())?);
    }
    if let Some(folder) = &arguments.photos {
        cases.push(Case::of(folder)?);
    }
    let mut rows = Vec::new();
    for case in &cases {
        rows.extend(measure(case, &tools, &installed, arguments.runs).await?);
    }
    row::print(&rows);
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&rows)?)
            .with_context(|| format!("Failed to write {}", path.display()))?;
    }
    Ok(())
}

/// Each tool `runs` times, interleaved, so that what the machine does besides meets all alike.
async fn measure(case: &Case, tools: &[Tool], installed: &Folder, runs: usize) -> Result<Vec<Row>> {
    let mut seen: Vec<Vec<Row>> = tools.iter().map(|_| Vec::new()).collect();
    for run in 0..runs {
        for (tool, rows) in tools.iter().zip(&mut seen) {
            let row = one(case, *tool, installed).await;
            let row = row.with_context(|| format!("{} failed in {}", tool.name(), case.name))?;
            eprintln!("{} {} run {}: {:.2} s", case.name, tool.name(), run + 1, row.wall_s);
            rows.push(row);
        }
    }
    Ok(seen.iter().filter_map(|rows| Row::median(rows)).collect())
}

async fn one(case: &Case, tool: Tool, installed: &Folder) -> Result<Row> {
    let out = tempfile::tempdir()?;
    let seen = watch::run(tool.command(case, out.path(), installed)?).await?;
    for (number, file) in case.files.iter().enumerate() {
        check::pictures(out.path(), number, file)?;
    }
    Ok(Row::new(case, tool, &seen))
}

/// Where a tool puts the preview (`preview`) or the thumbnail (`thumb`) of the photo of this number.
fn picture(out: &Path, number: usize, kind: &str) -> PathBuf {
    out.join(format!("{number}.{kind}.jpg"))
}
