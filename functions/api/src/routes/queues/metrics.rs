//! Metrics of a queue over time.

use api_types::{MetricsPeriod, MetricsPoint, QueueMetrics};
use axum::{
    Json,
    extract::{Path, State as Shared},
};
use domain::queue_config::QueueName;
use jiff::Timestamp;
use runtime::job_metrics::JobPoint;
use serde::Deserialize;
use utoipa::IntoParams;

use super::job_id::queue_named;
use crate::{extract::Query, identity::Operator, problem::ApiResult, state::State};

/// Period of the metrics.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Period {
    /// Period, `1h` by default.
    period: Option<MetricsPeriod>,
}

/// Get metrics of a queue
///
/// Throughput, failures, run time and wait of the queue's function over the last hour, day or week, from CloudWatch. Values
/// of the last minutes may be missing.
#[utoipa::path(
    get, path = "/queues/{queue}/metrics", tag = "queues", operation_id = "get_metrics",
    params(("queue" = QueueName, Path, description = "Name of the queue"), Period),
    responses((status = 200, description = "The metrics", body = QueueMetrics)),
)]
pub async fn metrics(
    Operator(_): Operator,
    Shared(state): Shared<State>,
    Path(queue): Path<String>,
    Query(Period { period }): Query<Period>,
) -> ApiResult<Json<QueueMetrics>> {
    let queue = queue_named(&queue)?;
    let period = period.unwrap_or(MetricsPeriod::Hour);
    let (steps, step_seconds) = match period {
        MetricsPeriod::Hour => (60, 60),
        MetricsPeriod::Day => (96, 15 * 60),
        MetricsPeriod::Week => (84, 2 * 3600),
    };
    let function = state.logs.function(queue);
    let name = state.logs.function_name(function);
    let points = state.metrics.of(&name, state.clock.now(), (steps, step_seconds)).await?;
    let sum = |of: fn(&JobPoint) -> u64| points.iter().map(|(_, point)| of(point)).sum();
    Ok(Json(QueueMetrics {
        queue,
        function: function.to_owned(),
        period,
        step_seconds,
        done: sum(|point| point.done),
        failed: sum(|point| point.failed),
        retried: sum(|point| point.retried),
        points: points.iter().map(|(at, point)| view(*at, point)).collect(),
    }))
}

fn view(at: Timestamp, point: &JobPoint) -> MetricsPoint {
    let JobPoint { done, failed, retried, run_p50_ms, run_p95_ms, wait_p95_ms } = *point;
    MetricsPoint { at, done, failed, retried, run_p50_ms, run_p95_ms, wait_p95_ms }
}
