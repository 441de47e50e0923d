//! Measures cold starts, from exec to the first `GET /runtime/invocation/next`, in comparison with the smallest
//! function on the same runtime crate, and the size of the packages.
//!
//! `cargo bench -p benches --bench cold_start -- [--json FILE] [--runs N] [--packages FOLDER]`. It builds the functions
//! with the `lambda` profile for this machine, and starts each in turn, interleaved. The packages are those that
//! Terraform deploys (arm64), built by `infra/package`.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

mod panic;
mod start;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde::Serialize;

#[derive(Parser)]
struct Arguments {
    /// The number of starts of each function; the rows have medians.
    #[arg(long, default_value_t = 41)]
    runs: usize,
    /// The file for the rows.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The folder of the packages, with `<function>/bootstrap.zip`.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/lambda"))]
    packages: PathBuf,
    /// The smallest function as another tool has built it; the bench checks that this build survives a panic.
    #[arg(long)]
    hello: Option<PathBuf>,
    /// Cargo's argument for a bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Serialize)]
struct Row {
    function: &'static str,
    zipped_bytes: u64,
    /// Median, in milliseconds.
    start_ms: f64,
    /// Median of the smallest function in the same run, in milliseconds.
    hello_ms: f64,
}

const FUNCTIONS: [&str; 6] =
    ["api", "email-sender", "photo-processor", "archive-builder", "webhook-sender", "housekeeper"];
const HELLO: &str = "hello";
/// The workspace's target folder. The folder of an explicit target is separate from cargo-lambda's `target/lambda`.
const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let bins = build()?;
    panic::is_answered(&arguments.hello.unwrap_or_else(|| bins.join(HELLO))).await?;
    println!("a panic is answered");
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for run in 0..=arguments.runs {
        for function in FUNCTIONS.into_iter().chain([HELLO]) {
            let took = start::time(&bins.join(function))?;
            // The first start of each function reads its file from disk.
            if run > 0 {
                times.entry(function).or_default().push(took);
            }
        }
    }
    let mut medians: BTreeMap<&str, f64> = times.into_iter().map(|(name, times)| (name, median(times))).collect();
    let hello_ms = medians.remove(HELLO).context("no run at all")?;
    let mut rows = Vec::new();
    println!("function | zipped bytes | start ms | hello ms | difference ms");
    for function in FUNCTIONS {
        let package = arguments.packages.join(function).join("bootstrap.zip");
        let zipped_bytes = std::fs::metadata(&package)
            .with_context(|| format!("{} is not there: infra/package makes it", package.display()))?
            .len();
        let start_ms = medians[function];
        println!("{function} | {zipped_bytes} | {start_ms:.2} | {hello_ms:.2} | {:.2}", start_ms - hello_ms);
        rows.push(Row { function, zipped_bytes, start_ms, hello_ms });
    }
    if let Some(path) = arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&rows)?).context("Failed to write the rows")?;
    }
    Ok(())
}

/// Builds the functions with the profile of AWS, but for this machine. Returns their folder.
fn build() -> Result<PathBuf> {
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--profile", "lambda", "--bins", "--target", &host, "--target-dir", TARGET]);
    cargo.args(FUNCTIONS.into_iter().chain([HELLO]).flat_map(|package| ["-p", package]));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    ensure!(cargo.status()?.success(), "The functions could not be built");
    Ok(Path::new(TARGET).join(host).join("lambda"))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
