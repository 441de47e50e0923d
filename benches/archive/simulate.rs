//! Results of the plan's own model, for archives that exceed the disk: the real plan of the real layout, without the
//! bytes.

use anyhow::Result;
use archive::{Entry, Layout, Modified, contents::Source};
use archive_builder::plan::{
    Estimate, PartPlan, Preference,
    cost::{Costs, Requests as Modelled},
};
use benches::{chosen, watch::memory_mb};
use domain::ObjectKey;
use uuid::Uuid;

use crate::{
    cases::Case,
    job::studio,
    row::{Requests, Row},
};

/// Returns the rows of all selected modelled cases and tools.
pub fn rows(cases: &[String], tools: &[String]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for case in Case::simulated().iter().chain(&Case::all()).filter(|case| chosen(cases, case.name)) {
        for (tool, preference) in [("ours", Preference::Fast), ("ours-cheap", Preference::Cheap)] {
            if chosen(tools, tool) {
                rows.push(ours(case, tool, preference)?);
            }
        }
        if chosen(tools, "streaming-8MiB") {
            rows.push(streaming(case));
        }
    }
    Ok(rows)
}

fn ours(case: &Case, tool: &str, preference: Preference) -> Result<Row> {
    let idle = memory_mb("VmRSS:", std::process::id())?;
    let modified = Modified::at(jiff::Timestamp::UNIX_EPOCH);
    let entry = |(n, &size): (u128, &u64)| {
        let (photo, filename) = (Uuid::from_u128(n), format!("IMG_{n:06}.jpg"));
        let (name, key) = (format!("Order-1/{filename}"), ObjectKey::Original { studio: studio(), photo });
        Entry::stored(name, modified, size, 7, Source { photo, filename, key, etag: format!("\"{n:032x}\"") })
    };
    let layout = Layout::new((0..).zip(&case.sizes).map(entry).collect())?;
    let plan = PartPlan::new(&layout, preference, &Costs::AWS)?;
    let held = (memory_mb("VmRSS:", std::process::id())? - idle).max(0.0);
    let Estimate { requests, bytes_in, bytes_out, seconds, dollars } = Estimate::of(&plan, &layout, &Costs::AWS);
    let Modelled { get, put, copy, create, complete } = requests;
    #[expect(clippy::cast_precision_loss, reason = "shown in megabytes")]
    let buffers = plan.buffers.total as f64 / 1e6;
    Ok(Row {
        case: case.name.to_owned(),
        network: "modelled".to_owned(),
        tool: tool.to_owned(),
        wall_s: seconds,
        cpu_s: 0.0,
        // The peak above the idle process: layout and plan in memory here, and the buffers that the plan allows.
        peak_mb: held + buffers,
        bytes_in,
        bytes_out,
        archive_bytes: layout.size(),
        requests: Requests { get, put, copy, create, complete, ..Requests::default() },
        dollars,
    })
}

/// Returns the row of a streamer with parts of 8 MiB (more where 10,000 parts require it): every byte is read and
/// written.
fn streaming(case: &Case) -> Row {
    let bytes: u64 = case.sizes.iter().sum();
    let parts = bytes.div_ceil((8 << 20).max(bytes.div_ceil(10_000)));
    let (get, costs) = (case.sizes.len() as u64, Costs::AWS);
    let requests = Requests { get, put: parts, create: 1, complete: 1, ..Requests::default() };
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let [wall_s, puts, gets] = [bytes as f64 / costs.function_speed, requests.put_class() as f64, requests.get as f64];
    Row {
        case: case.name.to_owned(),
        network: "modelled".to_owned(),
        tool: "streaming-8MiB".to_owned(),
        wall_s,
        cpu_s: 0.0,
        peak_mb: 0.0,
        bytes_in: bytes,
        bytes_out: bytes,
        archive_bytes: bytes,
        requests,
        dollars: puts * costs.put + gets * costs.get + wall_s * costs.memory_gb * costs.gb_second,
    }
}
