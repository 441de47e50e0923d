//! The results: rows for machines, a table for people. All figures are of one photo.

use benches::{median, watch::Seen};
use serde::Serialize;

use crate::{cases::Case, tools::Tool};

/// One tool in one case; medians.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    case: String,
    tool: String,
    /// Of an original, on average.
    megabytes: f64,
    pub wall_s: f64,
    cpu_s: f64,
    /// Of the process.
    peak_mb: f64,
}

impl Row {
    pub fn new(case: &Case, tool: Tool, seen: &Seen) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few files of some megabytes")]
        let (photos, bytes) = (case.files.len() as f64, case.bytes as f64);
        Self {
            case: case.name.clone(),
            tool: tool.name().to_owned(),
            megabytes: bytes / photos / 1e6,
            wall_s: seen.wall_s / photos,
            cpu_s: seen.cpu_s / photos,
            peak_mb: seen.peak_mb,
        }
    }

    /// Of several runs.
    pub fn median(rows: &[Self]) -> Option<Self> {
        let middle = |of: fn(&Self) -> f64| median(rows.iter().map(of).collect());
        let last = rows.last()?.clone();
        Some(Self {
            wall_s: middle(|row| row.wall_s),
            cpu_s: middle(|row| row.cpu_s),
            peak_mb: middle(|row| row.peak_mb),
            ..last
        })
    }
}

/// As a table.
pub fn print(rows: &[Row]) {
    println!("\n| case | tool | MB | wall s | CPU s | peak MB |");
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    for Row { case, tool, megabytes, wall_s, cpu_s, peak_mb } in rows {
        println!("| {case} | {tool} | {megabytes:.1} | {wall_s:.2} | {cpu_s:.2} | {peak_mb:.0} |");
    }
}
