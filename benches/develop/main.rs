//! Compares this project with peers: the same originals are made into a preview and a thumbnail, with each tool as its
//! users would run it.
//!
//! `cargo bench -p benches --bench develop -- [--json FILE] [--cases a,b] [--tools ours,...] [--photos FOLDER]`;
//! `benches/README.md` has the method and the results.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

mod cases;
mod check;
mod draw;
mod ours;
mod reference;
mod row;
mod tools;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use benches::{chosen, peers::Folder, watch};
use clap::Parser;

use crate::{cases::Files, reference::Reference, row::Row, tools::Tool};

/// Error messages of tools for an unsupported format.
const UNKNOWN_FORMAT: [&str; 4] =
    ["of an unsupported format", "unsupported image format", "has not been built in", "cannot identify image file"];

#[derive(Parser)]
struct Arguments {
    /// The file for the rows.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The cases by name.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// The tools by name.
    #[arg(long, value_delimiter = ',')]
    tools: Vec<String>,
    /// The number of runs of each, interleaved; the rows have medians.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// A folder of your own photos, as another case.
    #[arg(long)]
    photos: Option<PathBuf>,
    /// The folder with the installed peers; a temporary one by default.
    #[arg(long)]
    peers: Option<PathBuf>,
    /// The folder for drawn and fetched photos; below Cargo's target folder by default.
    #[arg(long, default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/develop"))]
    cache: PathBuf,
    /// Cargo's argument for a bench.
    #[arg(long, hide = true)]
    bench: bool,
    /// Develop these files into the first folder and exit. A bench runs our own tool as a process in this way.
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
    let mut cases: Vec<Files> = Vec::new();
    for case in cases::ALL.iter().filter(|case| chosen(&arguments.cases, case.name)) {
        cases.push(case.files(&arguments.cache, &installed).await?);
    }
    if let Some(folder) = &arguments.photos {
        cases.push(Files::of(folder)?);
    }
    let load_before = load()?;
    let mut rows = Vec::new();
    for case in &cases {
        rows.extend(measure(case, &tools, &installed, arguments.runs).await?);
    }
    row::print(&rows);
    println!("\nLoad average before: {load_before}; after: {}.", load()?);
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&rows)?)
            .with_context(|| format!("Failed to write {}", path.display()))?;
    }
    Ok(())
}

/// Returns the machine's load averages of 1, 5 and 15 minutes.
fn load() -> Result<String> {
    Ok(std::fs::read_to_string("/proc/loadavg")?.split(' ').take(3).collect::<Vec<_>>().join(", "))
}

/// Runs each tool `runs` times, interleaved, so that other load on the machine affects all alike. A tool that does not
/// support the case's format has no row.
async fn measure(case: &Files, tools: &[Tool], installed: &Folder, runs: usize) -> Result<Vec<Row>> {
    let sizes = case.paths.iter().map(|file| check::size(file)).collect::<Result<Vec<_>>>()?;
    let mut seen: Vec<(Tool, Vec<Row>)> = Vec::new();
    let mut references = Vec::new();
    for tool in tools {
        let out = tempfile::tempdir()?;
        match one(case, *tool, installed, &sizes, out.path()).await {
            Err(error) if UNKNOWN_FORMAT.iter().any(|told| error.to_string().contains(told)) => {
                eprintln!("{} {}: unsupported", case.name, tool.name());
            }
            Err(error) => return Err(error.context(format!("{} failed in {}", tool.name(), case.name))),
            Ok(mut row) => {
                row.quality = quality(case, out.path(), &mut references);
                seen.push((*tool, vec![row]));
            }
        }
    }
    // The first run of each tool reads cold files and does not count.
    for run in 0..runs {
        for (tool, rows) in &mut seen {
            let out = tempfile::tempdir()?;
            let row = one(case, *tool, installed, &sizes, out.path()).await;
            let mut row = row.with_context(|| format!("{} failed in {}", tool.name(), case.name))?;
            eprintln!("{} {} run {}: {:.2} s", case.name, tool.name(), run + 1, row.wall_s);
            row.quality = rows[0].quality;
            rows.push(row);
        }
    }
    let full: Option<Vec<_>> = references.iter().map(|reference| reference.as_ref()?.as_jpeg().ok()).collect();
    if let Some((psnr, ssim)) = full.filter(|all| !all.is_empty()).map(|all| mean(&all)) {
        println!("{}: a full-size Lanczos resize as a JPEG of the same quality has {psnr:.2} dB, {ssim:.4}", case.name);
    }
    Ok(seen.iter().filter_map(|(_, rows)| Row::median(rows.get(1..)?)).collect())
}

async fn one(case: &Files, tool: Tool, installed: &Folder, sizes: &[(u32, u32)], out: &Path) -> Result<Row> {
    let seen = watch::run(tool.command(case, out, installed)?).await?;
    for (number, size) in sizes.iter().enumerate() {
        check::pictures(out, number, *size)?;
    }
    Ok(Row::new(case, tool, &seen))
}

/// Returns mean PSNR and SSIM of the previews in `out`; `None` if the original cannot be decoded here, or if a
/// preview's size differs.
fn quality(case: &Files, out: &Path, references: &mut Vec<Option<Reference>>) -> Option<(f64, f64)> {
    let mut all = Vec::new();
    for (number, original) in case.paths.iter().enumerate() {
        let preview = picture(out, number, "preview");
        if references.len() == number {
            let made = image::image_dimensions(&preview).map_err(Into::into);
            references.push(made.and_then(|size| Reference::new(original, size)).ok());
        }
        all.push(references[number].as_ref()?.compare(&preview).ok()?);
    }
    Some(mean(&all))
}

#[expect(clippy::cast_precision_loss, reason = "a few files")]
fn mean(all: &[(f64, f64)]) -> (f64, f64) {
    let mean = |of: fn(&(f64, f64)) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    (mean(|both| both.0), mean(|both| both.1))
}

/// Returns the path of a tool's preview (`preview`) or thumbnail (`thumb`) of the photo with this number.
fn picture(out: &Path, number: usize, kind: &str) -> PathBuf {
    out.join(format!("{number}.{kind}.jpg"))
}
