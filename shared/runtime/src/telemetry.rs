//! Logs: one JSON object per line, with the ids of records as fields. Never addresses, tokens or bodies.

use tracing::Level;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::metrics;

/// Initializes logs and metrics of a Lambda function.
///
/// Logs are JSON; `RUST_LOG` sets the level, `info` by default.
///
/// Lambda's own filter (`AWS_LAMBDA_LOG_LEVEL`) stays at its most verbose level (see `infra/modules/function`). It
/// would drop the metrics, which have no level.
pub fn init() {
    let filter = filter("info");
    // CloudWatch adds its own time.
    let json = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false).without_time();
    // A second call (two functions in one process) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(filter).with(json).try_init();
    if let Ok(function) = std::env::var("AWS_LAMBDA_FUNCTION_NAME") {
        metrics::init(&function);
    }
}

/// Returns the filter that `RUST_LOG` describes (`info`, or `target=level`, separated by commas), or `default` if it is
/// unset or invalid.
pub fn filter(default: &str) -> Targets {
    let parsed = std::env::var("RUST_LOG").ok().and_then(|directives| directives.parse().ok());
    parsed.or_else(|| default.parse().ok()).unwrap_or_else(|| Targets::new().with_default(Level::INFO))
}
