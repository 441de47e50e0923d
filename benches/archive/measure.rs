//! Runs each tool as a process of its own with a line of its own, and measures both.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use archive_builder::plan::cost::Costs;
use benches::{
    median,
    peers::Folder,
    watch::{self, Seen},
};
use tests::proxy::Proxy;

use crate::{
    cases::Case,
    job::{ARCHIVES, Bed},
    network::{Kind, Network},
    row::{Requests, Row},
    tools::Tool,
};

/// Runs each tool `runs` times, interleaved, so that other load on the machine affects all alike.
pub async fn case(
    bed: &Bed,
    case: &Case,
    kind: Kind,
    tools: &[Tool],
    installed: &Folder,
    runs: usize,
) -> Result<Vec<Row>> {
    let mut seen: Vec<Vec<Row>> = tools.iter().map(|_| Vec::new()).collect();
    for run in 0..runs {
        for (tool, rows) in tools.iter().zip(&mut seen) {
            let row = one(bed, case, kind, *tool, installed).await;
            let row = row.with_context(|| format!("{} failed in {} over {}", tool.name(), case.name, kind.name()))?;
            eprintln!("{} {} {} run {}: {:.2} s", case.name, kind.name(), tool.name(), run + 1, row.wall_s);
            rows.push(row);
        }
    }
    Ok(seen.into_iter().filter_map(|rows| medians(&rows)).collect())
}

fn medians(rows: &[Row]) -> Option<Row> {
    let middle = |of: fn(&Row) -> f64| median(rows.iter().map(of).collect());
    let last = rows.last()?.clone();
    Some(Row {
        wall_s: middle(|row| row.wall_s),
        cpu_s: middle(|row| row.cpu_s),
        peak_mb: middle(|row| row.peak_mb),
        dollars: middle(|row| row.dollars),
        ..last
    })
}

async fn one(bed: &Bed, case: &Case, kind: Kind, tool: Tool, installed: &Folder) -> Result<Row> {
    let network = Arc::new(Network::new(kind, bed.s3.clone()));
    let proxy = Proxy::start(&bed.endpoint(), network.clone()).await?;
    let job = bed.job(&proxy.endpoint, tool.preference());
    let folder = tempfile::tempdir()?;
    let Seen { wall_s, cpu_s, peak_mb, output } = watch::run(tool.command(&job, folder.path(), installed)?).await?;
    if tool.is_ours() {
        let idle = String::from_utf8_lossy(&output.stdout);
        eprintln!("{} {} {}: {:.1} MB peak, {} MB idle", case.name, kind.name(), tool.name(), peak_mb, idle.trim());
    }

    let head = bed.s3.head_object().bucket(ARCHIVES).key(&job.archive).send().await.context("There is no archive")?;
    let archive_bytes = u64::try_from(head.content_length().unwrap_or_default())?;
    let photos: u64 = case.sizes.iter().sum();
    ensure!(archive_bytes > photos, "the archive has {archive_bytes} bytes, its photos {photos}");
    bed.s3.delete_object().bucket(ARCHIVES).key(&job.archive).send().await?;
    let requests = network.requests();
    let (bytes_in, bytes_out) = proxy.traffic.bytes();
    Ok(Row {
        case: case.name.to_owned(),
        network: kind.name().to_owned(),
        tool: tool.name().to_owned(),
        wall_s,
        cpu_s,
        peak_mb,
        bytes_in,
        bytes_out,
        archive_bytes,
        dollars: dollars(&requests, wall_s),
        requests,
    })
}

/// Returns the cost by the price list, with the same function size for each tool.
fn dollars(requests: &Requests, wall_s: f64) -> f64 {
    let costs = Costs::AWS;
    #[expect(clippy::cast_precision_loss, reason = "dollars")]
    let [puts, gets] = [requests.put_class(), requests.get + requests.head].map(|count| count as f64);
    puts * costs.put + gets * costs.get + wall_s * costs.memory_gb * costs.gb_second
}
