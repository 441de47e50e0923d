//! The DynamoDB stand-in: dynoxide on a port of its own, since its router is private.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::warn;

/// The minimum wait between two sweeps of expired items. DynamoDB itself removes them "within a few days".
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// The minimum wait after a sweep, in durations of that sweep. A sweep reads every item, so its duration grows with the
/// tables; this limits all sweeps together to 1 % of a core.
const REST: u32 = 100;

/// Opens the database file, and creates it on first use.
pub fn open(file: &Path) -> anyhow::Result<Database> {
    let path = file.to_str().context("The data folder's name is not UTF-8")?;
    Database::new(path).with_context(|| format!("Failed to open {}", file.display()))
}

/// Serves requests until `stop` is set.
pub async fn serve(listener: TcpListener, database: Database, mut stop: watch::Receiver<bool>) {
    let sweeper = tokio::spawn(sweep(database.clone()));
    let stopped = async move {
        // An error means that the sender of `stop` is gone: stop as well.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, stopped).await {
        warn!(%error, "The DynamoDB stand-in ended");
    }
    sweeper.abort();
}

/// Removes items past their time to live, until the task is aborted.
async fn sweep(database: Database) {
    let mut took = Duration::ZERO;
    loop {
        tokio::time::sleep(wait_after(took)).await;
        let begun = Instant::now();
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => warn!(%error, "Expired items could not be removed"),
            Err(error) => warn!(%error, "The sweep of expired items ended early"),
        }
        took = begun.elapsed();
    }
}

/// Returns the wait after a sweep that took `took`.
fn wait_after(took: Duration) -> Duration {
    SWEEP_INTERVAL.max(took.saturating_mul(REST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_take_at_most_one_percent_cpu() {
        for took in [0, 20, 600, 2_000, 90_000].map(Duration::from_millis) {
            let wait = wait_after(took);
            assert!(wait >= SWEEP_INTERVAL && took.as_secs_f64() <= 0.01 * wait.as_secs_f64(), "{took:?}: {wait:?}");
        }
    }
}
