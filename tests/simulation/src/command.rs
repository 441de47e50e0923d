//! Command line of the simulation: plays seeds, shortens failing histories, prints how to repeat them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use serde::Serialize;

use crate::{
    history::{Calm, Options, Report, record, run},
    shrink::shrink,
};

/// Plays seeded histories and prints the violations of invariants.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Arguments {
    /// Number of histories.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// First seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Plays the history of this seed only.
    #[arg(long)]
    seed: Option<u64>,
    /// Plays only these steps of its story, such as `0,3,4`.
    #[arg(long, value_delimiter = ',')]
    only: Option<Vec<usize>>,
    /// Plays it without these faults, such as `Calls,Kills`.
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// Plays histories without long outages.
    #[arg(long)]
    brief: bool,
    /// Begins each history with records, objects and messages that an earlier release left.
    #[arg(long)]
    upgrade: bool,
    /// Prints the calls.
    #[arg(long)]
    verbose: bool,
    /// Plays every history twice and compares their traces.
    #[arg(long)]
    twice: bool,
    /// Ends at the first violation, without shortening its history.
    #[arg(long)]
    first: bool,
    /// Histories with violations that are shortened.
    #[arg(long, default_value_t = 3)]
    shrink: usize,
    /// Writes the row to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Ends the history of `--seed` after this many seconds, and writes what it left to `--json`: see `recorded/`.
    #[arg(long, requires = "seed", requires = "json")]
    record_after: Option<u64>,
    /// Set by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Result of a run.
#[derive(Serialize)]
struct Row {
    seeds: u64,
    steps: u64,
    virtual_hours: u64,
    wall_s: f64,
    violations: usize,
    /// Seeds with violations.
    failing: Vec<u64>,
}

/// Histories after which the row of a run is written anew.
const WRITTEN_EVERY: u64 = 100;

impl Row {
    fn write(&mut self, file: &Path, begun: Instant) -> Result<()> {
        self.wall_s = begun.elapsed().as_secs_f64();
        Ok(std::fs::write(file, serde_json::to_string(self)? + "\n")?)
    }
}

/// Runs the command with the arguments of the process. Returns an error if a history violates an invariant.
#[expect(clippy::print_stdout, reason = "the command prints its results")]
pub fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let only = arguments.only.clone().map(|only| only.into_iter().collect::<BTreeSet<_>>());
    let calm = |name: &String| Calm::ALL.into_iter().find(|calm| format!("{calm:?}") == *name);
    let without = arguments.without.iter().map(|name| calm(name).with_context(|| format!("No fault {name}")));
    let without = without.collect::<Result<BTreeSet<_>>>()?;
    let seeds = match arguments.seed {
        Some(seed) => seed..seed + 1,
        None => arguments.from..arguments.from + arguments.seeds,
    };
    let begun = Instant::now();
    let mut row = Row { seeds: 0, steps: 0, virtual_hours: 0, wall_s: 0.0, violations: 0, failing: vec![] };
    for seed in seeds {
        // A long run that is interrupted has told what it played.
        if let Some(file) = arguments.json.as_ref().filter(|_| row.seeds > 0 && row.seeds.is_multiple_of(WRITTEN_EVERY))
        {
            row.write(file, begun)?;
        }
        let options = Options {
            seed,
            only: only.clone(),
            without: without.clone(),
            brief: arguments.brief,
            upgrade: arguments.upgrade,
            verbose: arguments.verbose,
            ..Options::default()
        };
        if let (Some(after_s), Some(file)) = (arguments.record_after, &arguments.json) {
            return Ok(std::fs::write(file, serde_json::to_vec(&record(&options, after_s))?)?);
        }
        let report = run(&options);
        if arguments.twice {
            let again = run(&options);
            if let Some((a, b)) = report.last.iter().zip(&again.last).find(|(a, b)| a != b) {
                println!("first difference:\n  {a}\n  {b}");
            }
            ensure!(again.digest == report.digest, "Seed {seed} has two traces");
        }
        row.seeds += 1;
        row.steps += report.steps;
        row.virtual_hours += report.lasted.as_secs() / 3600;
        if arguments.verbose {
            report.last.iter().for_each(|line| println!("{line}"));
        }
        if report.violations.is_empty() {
            continue;
        }
        row.violations += report.violations.len();
        row.failing.push(seed);
        if arguments.first {
            print(&options, &report);
            println!("after {} steps of {} histories", row.steps, seed - arguments.from + 1);
            break;
        }
        if row.failing.len() <= arguments.shrink && arguments.seed.is_none() {
            let (options, report) = shrink(options, report);
            print(&options, &report);
        } else {
            print(&options, &report);
        }
    }
    row.wall_s = begun.elapsed().as_secs_f64();
    println!("{}", serde_json::to_string(&row)?);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = row.steps as f64 / row.wall_s * 60.0;
    println!("{rate:.0} steps a minute");
    if let Some(file) = &arguments.json {
        row.write(file, begun)?;
    }
    ensure!(row.violations == 0, "{} histories violate an invariant", row.failing.len());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command prints its results")]
fn print(options: &Options, report: &Report) {
    println!("\nseed {}: {} violations", report.seed, report.violations.len());
    for violation in report.violations.iter().take(10) {
        println!("  {violation}");
    }
    println!("  faults: {:?}", report.faults);
    for step in &report.story {
        println!("  {:>5} s  step {}: {:?}", step.at.as_secs(), step.number, step.action);
    }
    println!("  repeat it: {}", command(options));
}

fn command(options: &Options) -> String {
    let mut command = format!("cargo run --release -p simulation -- --seed {}", options.seed);
    if options.brief {
        command += " --brief";
    }
    if options.upgrade {
        command += " --upgrade";
    }
    if let Some(only) = &options.only {
        let only: Vec<_> = only.iter().map(usize::to_string).collect();
        command += " --only ";
        command += &only.join(",");
    }
    if !options.without.is_empty() {
        let without: Vec<_> = options.without.iter().map(|calm| format!("{calm:?}")).collect();
        command += " --without ";
        command += &without.join(",");
    }
    command
}
