//! The long fault campaigns: count lost work and repeated effects while everything that can fail does.
//!
//! `cargo bench -p benches --bench faults -- [--kills N] [--seeds N] [--json FILE]`; `benches/README.md` has the method
//! and the results. A violation names the options that repeat its run.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use tests::{
    campaigns::{self, Kills, Reports, Storm, Told},
    oracle::Row,
};

#[derive(Parser)]
struct Arguments {
    /// The number of SIGKILLs per worker.
    #[arg(long, default_value_t = 1000)]
    kills: u64,
    /// The number of seeds per call site and fault.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The file for the rows.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The campaigns by name: sites, stops, storm, poison, backlog, kills, reports, events; all by default.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Run each n-th pair of call site and fault.
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// The number of messages of the storm.
    #[arg(long, default_value_t = 20_000)]
    storm: usize,
    /// The number of messages of the backlog.
    #[arg(long, default_value_t = 2000)]
    backlog: usize,
    /// The number of events; the sender of webhooks is killed once for each hundred of them.
    #[arg(long, default_value_t = 10_000)]
    events: usize,
    /// The shares of SES's reports that are lost, in percent; a run of `reports` for each.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 5])]
    lost: Vec<u8>,
    /// The seed of kills and storm, and of a repeated run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Repeat one run: this call site, under `--fault`.
    #[arg(long, requires = "fault")]
    site: Option<String>,
    /// The fault of `--site`.
    #[arg(long)]
    fault: Option<String>,
    /// Repeat one run: stop at function/invocation/waits.
    #[arg(long)]
    stop: Option<String>,
    /// Repeat one run: a batch with poison in these places, bit n for message n.
    #[arg(long)]
    poison: Option<u16>,
    /// Repeat one campaign: the kills of this worker only.
    #[arg(long)]
    kill: Option<String>,
    /// Cargo's argument for a bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The number of systems side by side whose workers are killed.
const SYSTEMS: u64 = 4;
/// The number of systems side by side whose email senders are killed in calls of SES.
const REPORTING_SYSTEMS: u64 = 2;
const WORKERS: [&str; 3] = ["email-sender", "photo-processor", "archive-builder"];

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(row) = repeated(&arguments).await? {
        println!("{row:#?}");
        return verdict(&[row]);
    }
    let named = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let mut rows = Vec::new();
    if named("stops") {
        rows.push(campaigns::stops(1).await?);
        told(&rows, &arguments)?;
    }
    if named("poison") {
        rows.push(campaigns::poison(1..1023).await?);
        told(&rows, &arguments)?;
    }
    if named("backlog") {
        rows.push(campaigns::backlog(arguments.backlog, 2).await?);
        told(&rows, &arguments)?;
    }
    if named("storm") {
        rows.push(campaigns::storm(storm(arguments.storm), arguments.seed).await?);
        told(&rows, &arguments)?;
    }
    if named("kills") {
        for function in WORKERS {
            rows.push(campaigns::kills(killing(function, arguments.kills), arguments.seed).await?);
            told(&rows, &arguments)?;
        }
    }
    if named("reports") {
        for lost in &arguments.lost {
            rows.push(campaigns::reports(reporting(*lost, arguments.kills), arguments.seed).await?);
            told(&rows, &arguments)?;
        }
    }
    if named("events") {
        rows.push(campaigns::events(telling(arguments.events), arguments.seed).await?);
        told(&rows, &arguments)?;
    }
    if named("sites") {
        rows.push(Row::new(campaigns::SITES));
        for seed in arguments.seed..arguments.seed + arguments.seeds {
            let part = campaigns::sites(seed, arguments.every).await?;
            if let Some(row) = rows.last_mut() {
                row.absorb(part);
            }
            told(&rows, &arguments)?;
        }
    }
    verdict(&rows)
}

/// Returns the plan of a worker's kills. A process gets ten emails at a time, so a kill interrupts ten of them.
fn killing(function: &'static str, kills: u64) -> Kills {
    let jobs = if function == "email-sender" { 600 } else { 200 };
    Kills { function, kills: kills.div_ceil(SYSTEMS), jobs, systems: SYSTEMS }
}

/// Returns the plan of kills in calls of SES, of whose reports this share is lost.
fn reporting(lost: u8, kills: u64) -> Reports {
    let kills = kills.div_ceil(REPORTING_SYSTEMS);
    // Half of the calls end by a kill, and each loses the replies to some more. Reports about more emails at once would come
    // after the wait for them.
    let emails = usize::try_from(kills * 3).unwrap_or(usize::MAX).min(300);
    let (wait, visibility) = (Duration::from_secs(150), Duration::from_secs(36));
    Reports { kills, emails, systems: REPORTING_SYSTEMS, chance: 50, lost, wait, visibility }
}

/// Returns the plan of events and of the kills of their sender.
fn telling(events: usize) -> Told {
    Told { events, kills: (events as u64).div_ceil(100), refusable: 2, visibility: Duration::from_secs(36) }
}

/// Prints the newest row and writes all, so that finished rows survive an interruption.
fn told(rows: &[Row], arguments: &Arguments) -> Result<()> {
    print(rows);
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(rows)?).context("Failed to write the rows")?;
    }
    Ok(())
}

/// Returns a storm of mostly emails, the smallest jobs, with some photos and archives, which are larger.
fn storm(messages: usize) -> Storm {
    let (photos, downloads) = (messages / 40, messages / 100);
    Storm { emails: messages - photos - downloads, photos, downloads, at_once: 16 }
}

/// Performs the one run that the arguments select, if they do.
async fn repeated(arguments: &Arguments) -> Result<Option<Row>> {
    let (name, findings) = match arguments {
        Arguments { site: Some(site), fault: Some(fault), .. } => {
            ("one site", campaigns::strike_once(site, fault, arguments.seed).await?)
        }
        Arguments { stop: Some(stop), .. } => ("one stop", campaigns::stop_once(stop).await?),
        Arguments { poison: Some(mask), .. } => return campaigns::poison([*mask]).await.map(Some),
        Arguments { kill: Some(kill), .. } => {
            let function = WORKERS.into_iter().find(|known| known == kill).context("There is no such worker")?;
            let plan = Kills { systems: 1, ..killing(function, arguments.kills) };
            return campaigns::kills(plan, arguments.seed).await.map(Some);
        }
        _ => return Ok(None),
    };
    let mut row = Row::new(name);
    row.add(&findings, || "this run".into());
    Ok(Some(row))
}

fn print(rows: &[Row]) {
    let Some(row) = rows.last() else { return };
    if rows.len() == 1 {
        println!("campaign | runs | lost | duplicates | flagged | failed | wrong | figures");
    }
    let Row { campaign, runs, lost, duplicates, flagged_duplicates, failed, wrong, violations, figures } = row;
    println!("{campaign} | {runs} | {lost} | {duplicates} | {flagged_duplicates} | {failed} | {wrong} | {figures:?}");
    for violation in violations {
        println!("  {violation}");
    }
}

fn verdict(rows: &[Row]) -> Result<()> {
    let violations: usize = rows.iter().map(|row| row.violations.len()).sum();
    if violations > 0 {
        bail!("{violations} violations");
    }
    Ok(())
}
