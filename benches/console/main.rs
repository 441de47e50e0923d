//! Opens the operators' console in Chromium on a system with many failed and running jobs. It prints for each page the time
//! until its data is shown, and the records that the API reads for it.
//!
//! `cargo bench -p benches --bench console -- [--failed N] [--running N]`. It needs what `tests/console/run` installs.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

mod fill;
mod reads;

use anyhow::{Result, ensure};
use clap::Parser;
use tests::TestApp;
use tokio::process::Command;

use self::reads::Reads;

#[derive(Parser)]
struct Arguments {
    /// Number of failed photos.
    #[arg(long, default_value_t = 100_000)]
    failed: usize,
    /// Number of photos that are being processed.
    #[arg(long, default_value_t = 1_000)]
    running: usize,
    /// Cargo's argument for a bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let reads = Reads::listen().await?;
    let endpoint = reads.url.clone();
    let app = TestApp::with(|options| {
        options.overrides.insert(("api".to_owned(), "AWS_ENDPOINT_URL_DYNAMODB".to_owned()), endpoint);
    })
    .await;
    reads.forward_to(&app.environment()["AWS_ENDPOINT_URL_DYNAMODB"]);
    let record = fill::fill(&app, arguments.failed, arguments.running).await?;
    // The sweep counts the jobs.
    app.system().sweep().await?;
    app.until_empty("default").await;
    println!("{} failed, {} running", arguments.failed, arguments.running);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/console/run");
    let status = Command::new(script)
        .args([
            "--only",
            "load",
            "--local",
            "none",
            "--api",
            &app.system().api,
            "--reads",
            &reads.url,
            "--record",
            &record,
        ])
        .status()
        .await?;
    ensure!(status.success(), "{script} failed: {status}");
    Ok(())
}
