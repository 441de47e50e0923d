//! Queues and their failed jobs, for operators.

mod failed;
mod job_id;
mod jobs;
mod listing;
mod metrics;
mod pauses;

use api_types::{PauseView, QueueView, Queues, Verdict};
use axum::{Json, extract::State as Shared};
use domain::{job_counts::Counted, job_record::JobRecord, queue_config::QueueName};
pub use failed::*;
use futures::future::try_join_all;
pub use jobs::*;
pub use listing::*;
pub use metrics::*;
pub use pauses::*;
use runtime::failed_jobs::FailedJobs;
use runtime::on_failed_jobs;
use tracing::warn;

use crate::{identity::Operator, problem::ApiResult, state::State};

/// Largest number of dead letters that a list examines. Nobody reads a longer list.
const LETTERS: usize = 500;

/// Get the health of all queues
///
/// Covers all studios. Returns the number and age of waiting jobs, the failed jobs, and a verdict against healthy
/// values.
#[utoipa::path(
    get, path = "/queues", tag = "queues", operation_id = "get_queues",
    responses((status = 200, description = "All queues, most urgent first", body = Queues)),
)]
pub async fn queues(Operator(_): Operator, Shared(state): Shared<State>) -> ApiResult<Json<Queues>> {
    let look = |queue| {
        let state = &state;
        async move { on_failed_jobs!(state.failed_jobs, queue, |failed| Box::pin(one(state, queue, failed)).await) }
    };
    Ok(Json(Queues { queues: try_join_all(QueueName::ALL.map(look)).await? }))
}

async fn one<R: JobRecord>(state: &State, queue: QueueName, failed: &FailedJobs<R>) -> ApiResult<QueueView> {
    let now = state.clock.now();
    let oldest = async {
        // The other values are returned even if CloudWatch is unavailable.
        state.oldest.age(failed.queue.name(), now).await.unwrap_or_else(|error| {
            warn!(error = format!("{error:#}"), "The age of the oldest message could not be read");
            None
        })
    };
    let count_failures = async {
        anyhow::Ok(match many_failed(state, failed).await? {
            Some(counted) => (counted.failed, Some(counted.at)),
            None => (failed.count_failures(now).await?, None),
        })
    };
    let (counts, letters, failures, oldest_seconds, paused) = futures::join!(
        failed.queue.counts(),
        failed.dead_letters.counts(),
        count_failures,
        oldest,
        state.switches.paused(queue),
    );
    let (counts, letters, (failed, failed_counted_at), paused) = (counts?, letters?, failures?, paused?);
    let mut view = QueueView {
        queue,
        waiting: counts.waiting,
        in_flight: counts.in_flight,
        delayed: counts.delayed,
        oldest_seconds,
        failed,
        failed_counted_at,
        dead_letters: letters.waiting + letters.in_flight,
        paused: paused.as_ref().map(PauseView::from),
        healthy: state
            .healthy
            .get(&queue)
            .copied()
            .ok_or_else(|| anyhow::anyhow!("Queue {queue} is not in the table"))?,
        verdict: Verdict::Ok,
        reasons: Vec::new(),
    };
    judge(&mut view);
    Ok(view)
}

/// Returns the numbers of a queue's jobs from the last sweep, if so many have failed that no request counts them.
async fn many_failed<R: JobRecord>(state: &State, failed: &FailedJobs<R>) -> anyhow::Result<Option<Counted>> {
    if !failed.has_records() {
        return Ok(None);
    }
    Ok(state.counted(R::QUEUE).await?.filter(Counted::has_many_failed))
}

/// Sets verdict and reasons of the view. Failures take precedence over a pause, and a pause over its backlog.
fn judge(view: &mut QueueView) {
    let most = view.healthy;
    let mut reasons = Vec::new();
    let failures = [(view.failed, most.failed, "failed jobs"), (view.dead_letters, most.dead_letters, "dead letters")];
    for (count, most, what) in failures {
        if count > most {
            view.verdict = Verdict::Failing;
            reasons.push(format!("{what}: {count}, {most} allowed"));
        }
    }
    if let Some(PauseView { by, until, .. }) = &view.paused {
        if view.verdict == Verdict::Ok {
            view.verdict = Verdict::Paused;
        }
        reasons.push(format!("paused by {by}, until {until}"));
    }
    let behind = [
        (view.waiting, most.waiting, "messages that wait"),
        (view.oldest_seconds.unwrap_or(0), most.oldest_seconds, "seconds since the oldest came"),
    ];
    for (count, most, what) in behind {
        if count > most {
            if view.verdict == Verdict::Ok {
                view.verdict = Verdict::Behind;
            }
            reasons.push(format!("{what}: {count}, {most} allowed"));
        }
    }
    view.reasons = reasons;
}

#[cfg(test)]
mod tests {
    use domain::queue_config::Healthy;

    use super::*;

    #[test]
    fn verdict_has_reasons_and_failures_outweigh_backlog() {
        let judged = |waiting, oldest_seconds, failed, dead_letters| {
            let mut view = QueueView {
                queue: QueueName::Emails,
                waiting,
                in_flight: 0,
                delayed: 0,
                oldest_seconds,
                failed,
                failed_counted_at: None,
                dead_letters,
                paused: None,
                healthy: Healthy { waiting: 10, oldest_seconds: 60, failed: 2, dead_letters: 0 },
                verdict: Verdict::Ok,
                reasons: Vec::new(),
            };
            judge(&mut view);
            (view.verdict, view.reasons.len())
        };
        assert_eq!(judged(10, Some(60), 2, 0), (Verdict::Ok, 0));
        assert_eq!(judged(10, None, 0, 0), (Verdict::Ok, 0));
        assert_eq!(judged(11, Some(61), 0, 0), (Verdict::Behind, 2));
        assert_eq!(judged(11, Some(0), 3, 0), (Verdict::Failing, 2));
        assert_eq!(judged(0, None, 3, 1), (Verdict::Failing, 2));
    }
}
