//! The DynamoDB stand-in: dynoxide on a port of its own, since its router is private.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::warn;

/// How often expired items are removed. DynamoDB takes up to days; here nobody waits for that.
const SWEEP_INTERVAL: Duration = Duration::from_secs(2);

/// Opens the database file, made on first use.
pub fn open(file: &Path) -> anyhow::Result<Database> {
    let path = file.to_str().context("The data folder's name is not UTF-8")?;
    Database::new(path).with_context(|| format!("Failed to open {}", file.display()))
}

/// Serves until told to stop.
pub async fn serve(listener: TcpListener, database: Database, mut stop: watch::Receiver<bool>) {
    let sweeper = tokio::spawn(sweep(database.clone()));
    let stopped = async move {
        // An error means that nobody is left to tell us: stop as well.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, stopped).await {
        warn!(%error, "The DynamoDB stand-in ended");
    }
    sweeper.abort();
}

/// Removes items past their time to live, again and again.
async fn sweep(database: Database) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => warn!(%error, "Expired items could not be removed"),
            Err(error) => warn!(%error, "The sweep of expired items ended early"),
        }
    }
}
