//! The results: rows as JSON, a table for people. All figures are for one photo.

use benches::{median, watch::Seen};
use serde::Serialize;

use crate::{cases::Files, tools::Tool};

/// The medians of one tool in one case.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    case: String,
    tool: String,
    /// The mean size of an original.
    megabytes: f64,
    pub wall_s: f64,
    cpu_s: f64,
    /// The peak memory of the process.
    peak_mb: f64,
    /// The peak memory without the largest file, in MiB.
    over_file_mib: f64,
    /// Mean PSNR and SSIM of the previews, against [`crate::reference`].
    pub quality: Option<(f64, f64)>,
}

impl Row {
    pub fn new(case: &Files, tool: Tool, seen: &Seen) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few files of some megabytes")]
        let (photos, bytes, largest) = (case.paths.len() as f64, case.bytes as f64, case.largest as f64);
        Self {
            case: case.name.clone(),
            tool: tool.name().to_owned(),
            megabytes: bytes / photos / 1e6,
            wall_s: seen.wall_s / photos,
            cpu_s: seen.cpu_s / photos,
            peak_mb: seen.peak_mb,
            over_file_mib: (seen.peak_mb * 1e6 - largest) / f64::from(1 << 20),
            quality: None,
        }
    }

    /// Returns the medians of several runs.
    pub fn median(rows: &[Self]) -> Option<Self> {
        let middle = |of: fn(&Self) -> f64| median(rows.iter().map(of).collect());
        let first = rows.first()?.clone();
        Some(Self {
            wall_s: middle(|row| row.wall_s),
            cpu_s: middle(|row| row.cpu_s),
            peak_mb: middle(|row| row.peak_mb),
            over_file_mib: middle(|row| row.over_file_mib),
            ..first
        })
    }
}

/// Prints the rows as a table, with ratios to sharp.
pub fn print(rows: &[Row]) {
    println!(
        "\n| case | tool | MB | wall s | CPU s | peak MB | over the file MiB | PSNR | SSIM | wall : sharp | CPU : sharp |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let or_none =
        |value: Option<f64>, digits: usize| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"));
    for row in rows {
        let sharp = rows.iter().find(|other| other.case == row.case && other.tool == Tool::Sharp.name());
        let ratio = |of: fn(&Row) -> f64| or_none(sharp.map(|sharp| of(row) / of(sharp)), 2);
        let Row { case, tool, megabytes, wall_s, cpu_s, peak_mb, over_file_mib, quality } = row;
        println!(
            "| {case} | {tool} | {megabytes:.1} | {wall_s:.2} | {cpu_s:.2} | {peak_mb:.0} | {over_file_mib:.1} | {} | {} | {} \
             | {} |",
            or_none(quality.map(|both| both.0), 2),
            or_none(quality.map(|both| both.1), 4),
            ratio(|row| row.wall_s),
            ratio(|row| row.cpu_s),
        );
    }
}
