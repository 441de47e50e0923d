//! An idle system.

use std::time::Duration;

use tests::TestApp;
use tokio::runtime::Handle;

/// The time of the measurement. Long polls end after 20 s.
const WATCHED: Duration = Duration::from_secs(5);
/// The most wake-ups of the runtime's worker threads. With one timer per open poll there are more than a thousand.
const MOST_WAKES: u64 = 300;

fn wakes() -> u64 {
    let metrics = Handle::current().metrics();
    (0..metrics.num_workers()).map(|worker| metrics.worker_park_count(worker)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_system_sleeps() {
    let app = TestApp::start().await;
    for queue in ["emails", "photos", "downloads"] {
        app.until_empty(queue).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = wakes();
    tokio::time::sleep(WATCHED).await;
    let woken = wakes() - before;
    assert!(woken < MOST_WAKES, "{woken} wakes in {WATCHED:?}");
}
