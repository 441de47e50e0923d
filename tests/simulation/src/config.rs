//! Configuration of the functions and queues.

use std::{collections::HashMap, sync::LazyLock, time::Duration};

use domain::queue_config::{QueueConfigs, QueueName, queue_configs};
use runtime::env::Env;

/// Host of all services.
pub const ENDPOINT: &str = "http://aws.simulation";
/// Access key of the functions.
pub const ACCESS_KEY: &str = "AKIASIMULATION";
/// Its secret.
pub const SECRET_KEY: &str = "simulation";
/// Claim that names the studio.
pub const STUDIO_CLAIM: &str = "studio";
/// Claim that marks operators.
pub const OPERATOR_CLAIM: (&str, &str) = ("role", "operator");
/// Name of the API's function.
pub const API: &str = "api";
/// Timeout of the API's function, as in `infra/api.tf`: API Gateway waits for 30 s.
const API_TIMEOUT: Duration = Duration::from_secs(29);

/// Configuration of the queues.
pub static QUEUES: LazyLock<QueueConfigs> =
    LazyLock::new(|| queue_configs().unwrap_or_else(|error| panic!("infra/workers.json: {error:#}")));

static ENVIRONMENT: LazyLock<Env> = LazyLock::new(|| Env::of(variables()));

/// Returns the environment of the functions.
pub fn environment() -> Env {
    ENVIRONMENT.clone()
}

fn variables() -> HashMap<String, String> {
    let url = |queue: &str| format!("{ENDPOINT}/000000000000/{queue}");
    let queues = QueueName::ALL
        .into_iter()
        .flat_map(|queue| [(queue.url_variable(), url(queue.as_str())), (queue.dlq_url_variable(), url(&queue.dlq()))]);
    let (claim, value) = OPERATOR_CLAIM;
    let others = [
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ("AWS_ENDPOINT_URL", ENDPOINT.to_owned()),
        ("PHOTOS_TABLE", "photos".to_owned()),
        ("ORDERS_TABLE", "orders".to_owned()),
        ("DOWNLOADS_TABLE", "downloads".to_owned()),
        ("EMAILS_TABLE", "emails".to_owned()),
        ("REQUESTS_TABLE", "requests".to_owned()),
        ("STUDIOS_TABLE", "studios".to_owned()),
        ("EVENTS_TABLE", "events".to_owned()),
        ("WEBHOOKS_TABLE", "webhooks".to_owned()),
        ("DELIVERIES_TABLE", "deliveries".to_owned()),
        ("PHOTOS_BUCKET", "photos".to_owned()),
        ("DOWNLOADS_BUCKET", "downloads".to_owned()),
        ("LINK_SECRET_PARAMETER", "/darkroom/link-secret".to_owned()),
        ("WEBHOOK_SECRET_PARAMETER", "/darkroom/webhook-secret".to_owned()),
        ("PUBLIC_URL", "https://shop.simulation".to_owned()),
        ("STUDIO_CLAIM", STUDIO_CLAIM.to_owned()),
        ("OPERATOR_CLAIM", format!("{claim}={value}")),
        ("DOWNLOAD_RETENTION_DAYS", "30".to_owned()),
        ("MAIL_FROM", "Darkroom <photos@darkroom.example>".to_owned()),
    ];
    let others = others.map(|(name, value)| (name.to_owned(), value));
    let functions = QUEUES.values().map(|config| (config.function_variable(), config.function.clone()));
    others.into_iter().chain(queues).chain(functions).collect()
}

/// Returns the timeout of a function.
pub fn timeout(function: &str) -> Duration {
    let config = QUEUES.values().find(|config| config.function == function);
    config.map_or(API_TIMEOUT, domain::queue_config::QueueConfig::timeout)
}

/// Returns the function's name from the configuration, which lives as long as the program.
pub fn static_name(function: &str) -> &'static str {
    QUEUES.values().map(|config| config.function.as_str()).find(|name| *name == function).unwrap_or(API)
}

/// Functions with a queue, and the tables of the records that their jobs work on.
pub const JOB_TABLES: [(&str, &str); 5] = [
    ("photo-processor", "photos"),
    ("archive-builder", "downloads"),
    ("email-sender", "emails"),
    ("webhook-sender", "deliveries"),
    ("housekeeper", "requests"),
];
