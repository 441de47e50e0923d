//! Measures the CPU time of an idle system with many records.
//!
//! `cargo bench -p benches --bench idle -- [--records N] [--seconds N]`. It fills the photos table of a new system with
//! copies of one record, and then measures its own process.
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use benches::watch;
use clap::Parser;
use serde_json::json;
use tests::TestApp;
use uuid::Uuid;

#[derive(Parser)]
struct Arguments {
    /// The number of records in the photos table.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// The duration of the measurement in seconds.
    #[arg(long, default_value_t = 1200)]
    seconds: u64,
    /// Cargo's argument for a bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// DynamoDB: at most 100 items per transaction. One transaction is one write to the stand-in's disk.
const MAX_ITEMS: usize = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let app = TestApp::start().await;
    fill(&app, arguments.records).await?;
    let process = std::process::id();
    let cpu = || watch::cpu(process).context("This system has no /proc");
    let (begun, before) = (Instant::now(), cpu()?);
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    let (took, cpu_s) = (begun.elapsed().as_secs_f64(), cpu()? - before);
    println!("records | watched s | CPU s | % of a core");
    println!("{} | {took:.0} | {cpu_s:.1} | {:.2}", arguments.records, 100.0 * cpu_s / took);
    Ok(())
}

/// Creates one photo by the API, and copies its record under other ids.
async fn fill(app: &TestApp, records: usize) -> Result<()> {
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 1000 });
    let made = app.post("anna", "/photos", new).await;
    ensure!(made.status.is_success(), "{made:?}");
    let env = app.env();
    let dynamodb = runtime::aws::dynamodb(&env, &runtime::aws::config(&env, runtime::aws::Patience::Job)?);
    let found = dynamodb.scan().table_name("photos").send().await?.items.unwrap_or_default();
    let [record] = &found[..] else { anyhow::bail!("{} records of one photo", found.len()) };
    let copy = || {
        let id = AttributeValue::S(Uuid::now_v7().to_string());
        let put = Put::builder().table_name("photos").set_item(Some(record.clone())).item("id", id).build()?;
        anyhow::Ok(TransactWriteItem::builder().put(put).build())
    };
    let mut left = records.saturating_sub(1);
    while left > 0 {
        let copies = (0..left.min(MAX_ITEMS)).map(|_| copy()).collect::<Result<Vec<_>>>()?;
        left -= copies.len();
        dynamodb.transact_write_items().set_transact_items(Some(copies)).send().await?;
    }
    Ok(())
}
