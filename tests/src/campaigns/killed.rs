//! A system whose functions are processes that a campaign kills.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use aws_sdk_sqs::types::QueueAttributeName;
use local::Options;

use crate::{TestApp, processes::Host};

/// The functions' timeout, and so the longest lease. It is long enough for any of these jobs, and short enough to wait
/// for.
pub(super) const TIMEOUT: Duration = Duration::from_secs(6);
/// The visibility timeout: six timeouts, as everywhere.
pub(super) const VISIBILITY: Duration = Duration::from_secs(6 * TIMEOUT.as_secs());

/// Starts a system with the host's functions, which have these variables beside the usual ones.
pub(super) async fn killed_system(
    host: &Host,
    variables: &[(&str, String)],
    change: impl FnOnce(&mut Options),
) -> Result<TestApp> {
    let timeout_seconds = u32::try_from(TIMEOUT.as_secs())?;
    let app = TestApp::with(|options| {
        options.functions = Some(host.url.clone());
        for worker in options.queues.values_mut() {
            worker.timeout_seconds = timeout_seconds;
        }
        change(options);
    })
    .await;
    let mut environment = app.environment();
    environment.insert("FUNCTION_TIMEOUT_SECONDS".into(), timeout_seconds.to_string());
    environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    host.set_environment(environment);
    Ok(app)
}

/// Sets the visibility timeout of a queue.
pub(super) async fn hide_for(app: &TestApp, queue: &str, visibility: Duration) -> Result<()> {
    let (name, seconds) = (QueueAttributeName::VisibilityTimeout, visibility.as_secs().to_string());
    app.sqs().set_queue_attributes().queue_url(app.queue_url(queue)).attributes(name, seconds).send().await?;
    Ok(())
}

/// Waits until these queues are empty, and fails after `bound`.
pub(super) async fn drained(app: &TestApp, queues: &[&str], bound: Duration) -> Result<()> {
    let begun = Instant::now();
    loop {
        let mut left = Vec::new();
        for queue in queues {
            left.push((*queue, app.depth(queue).await));
        }
        left.retain(|(_, count)| *count > 0);
        if left.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > bound {
            bail!("messages are left after {bound:?}: {left:?}");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
