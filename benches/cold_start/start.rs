//! One start, measured at the runtime API.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use domain::queue_config::queue_configs;

/// The variables that Terraform sets, with no service behind them: a function that reads any service before its first
/// event fails or waits.
const VARIABLES: [(&str, &str); 25] = [
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "none"),
    ("AWS_SECRET_ACCESS_KEY", "none"),
    ("AWS_LAMBDA_FUNCTION_NAME", "darkroom"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"),
    ("PHOTOS_TABLE", "photos"),
    ("ORDERS_TABLE", "orders"),
    ("DOWNLOADS_TABLE", "downloads"),
    ("EMAILS_TABLE", "emails"),
    ("REQUESTS_TABLE", "requests"),
    ("STUDIOS_TABLE", "studios"),
    ("EVENTS_TABLE", "events"),
    ("WEBHOOKS_TABLE", "webhooks"),
    ("DELIVERIES_TABLE", "deliveries"),
    ("WEBHOOK_SECRET_PARAMETER", "/darkroom/webhook-secret"),
    ("PHOTOS_BUCKET", "photos"),
    ("DOWNLOADS_BUCKET", "downloads"),
    ("LINK_SECRET_PARAMETER", "/darkroom/link-secret"),
    ("PUBLIC_URL", "https://photos.example"),
    ("STUDIO_CLAIM", "studio"),
    ("OPERATOR_CLAIM", "role=operator"),
    ("DOWNLOAD_RETENTION_DAYS", "30"),
    ("MAIL_FROM", "Darkroom <photos@darkroom.example>"),
];
const NEXT: &str = "GET /2018-06-01/runtime/invocation/next ";

/// The time after which a function without a request counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns the time from exec to the first request for an event.
pub fn time(function: &Path) -> Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let api = listener.local_addr()?.to_string();
    let mut command = Command::new(function);
    command.env_clear().envs(VARIABLES).env("AWS_LAMBDA_RUNTIME_API", api);
    for (queue, config) in queue_configs()? {
        let url = |queue: &str| format!("https://sqs.eu-central-1.amazonaws.com/000000000000/{queue}");
        command.env(queue.url_variable(), url(queue.as_str())).env(queue.dlq_url_variable(), url(&queue.dlq()));
        command.env(config.function_variable(), config.function);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("Failed to start {}", function.display()))?;
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = listener.accept().and_then(|(stream, _)| BufReader::new(stream).read_line(&mut line));
        let _ = sender.send(read.map(|_| (begun.elapsed(), line)));
    });
    let asked = asked.recv_timeout(PATIENCE);
    child.kill()?;
    child.wait()?;
    let (took, line) = asked.with_context(|| format!("{} never asked for an event", function.display()))??;
    ensure!(line.starts_with(NEXT), "{} asked for something else first: {line}", function.display());
    Ok(took)
}
