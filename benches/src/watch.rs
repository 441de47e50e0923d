//! Runs a process, and measures its time and memory.

use std::{
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::Command;

/// The interval of measurements. The kernel keeps the peak of memory; the CPU time is the last one read.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The kernel counts CPU time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// The measurements of a process.
pub struct Seen {
    /// The time from start to end, in seconds.
    pub wall_s: f64,
    /// User and system time, in seconds.
    pub cpu_s: f64,
    /// Peak memory, in megabytes.
    pub peak_mb: f64,
    /// The output.
    pub output: Output,
}

/// Runs the process to its end. Returns an error if the process fails.
pub async fn run(mut command: Command) -> Result<Seen> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let begun = Instant::now();
    let child = command.spawn().context("Failed to start a process")?;
    let process = child.id().context("It ended immediately")?;
    let ended = child.wait_with_output();
    tokio::pin!(ended);
    let (mut peak_mb, mut cpu_s) = (0.0, 0.0);
    let output = loop {
        tokio::select! {
            output = &mut ended => break output?,
            () = tokio::time::sleep(LOOK_EVERY) => {
                // The process may end between two measurements.
                peak_mb = memory_mb("VmHWM:", process).unwrap_or(peak_mb);
                cpu_s = cpu(process).unwrap_or(cpu_s);
            }
        }
    };
    let wall_s = begun.elapsed().as_secs_f64();
    ensure!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(Seen { wall_s, cpu_s, peak_mb, output })
}

/// Returns a line of `/proc/PID/status` in megabytes: `VmRSS:` is the current memory, `VmHWM:` the peak.
pub fn memory_mb(line: &str, process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let Some(kibibytes) = status.lines().find_map(|text| text.strip_prefix(line)) else {
        bail!("process {process} has no {line}")
    };
    let kibibytes: f64 = kibibytes.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}

/// Returns user and system time in seconds (proc(5): the 14th and 15th field, counted after the name in parentheses).
pub fn cpu(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}
