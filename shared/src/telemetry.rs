//! Logs: one JSON object a line, with the ids of what is worked on as fields. Never addresses, tokens or bodies.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::metrics;

/// Logs and metrics of a Lambda function.
///
/// JSON logs; `RUST_LOG` or, as Lambda's own setting, `AWS_LAMBDA_LOG_LEVEL` chooses the level.
pub fn init() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|_| "info".into());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level.to_lowercase()));
    // CloudWatch adds the time of its own.
    let json = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false).without_time();
    // A second call (two functions in one process) leaves the first's subscriber.
    let _ = tracing_subscriber::registry().with(filter).with(json).try_init();
    if let Ok(function) = std::env::var("AWS_LAMBDA_FUNCTION_NAME") {
        metrics::init(&function);
    }
}
