//! Logs: one JSON object a line, with the ids of what is worked on as fields. Never addresses, tokens or bodies.

use tracing::Level;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::metrics;

/// Logs and metrics of a Lambda function.
///
/// JSON logs; `RUST_LOG` chooses the level, `info` unless set.
///
/// Lambda's own filter (`AWS_LAMBDA_LOG_LEVEL`) stays at its most verbose level, see `infra/modules/function`: it would drop
/// the metrics, which have no level.
pub fn init() {
    let filter = filter("info");
    // CloudWatch adds the time of its own.
    let json = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false).without_time();
    // A second call (two functions in one process) leaves the first's subscriber.
    let _ = tracing_subscriber::registry().with(filter).with(json).try_init();
    if let Ok(function) = std::env::var("AWS_LAMBDA_FUNCTION_NAME") {
        metrics::init(&function);
    }
}

/// The filter that `RUST_LOG` describes (`info`, or `target=level`, separated by commas), or `default` where it is not
/// set or not valid.
pub fn filter(default: &str) -> Targets {
    let parsed = std::env::var("RUST_LOG").ok().and_then(|directives| directives.parse().ok());
    parsed.or_else(|| default.parse().ok()).unwrap_or_else(|| Targets::new().with_default(Level::INFO))
}
