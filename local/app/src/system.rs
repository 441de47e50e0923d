//! The whole system on this machine: stand-ins for AWS, the functions, and their connections.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use domain::queue_config::{QueueConfigs, QueueName, queue_configs};
use local_aws::{StandIns, Work, lambda};
use runtime::{clock::Clock, env::Env};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    event_source::{self, EventSource},
    functions::{Functions, Layer, TimedOut},
    gateway::{self, ROLE_CLAIM, STUDIO_CLAIM},
    mail_events::{self, Reports},
    mailbox_page::CapturedEmails,
    setup,
};

/// The role that may see the failed jobs of all studios.
const OPERATOR: &str = "operator";
/// The schedule's period (EventBridge Scheduler in AWS).
const SWEEP_EVERY: Duration = Duration::from_secs(300);

/// Settings of the system.
#[derive(Clone)]
pub struct Options {
    /// The folder of all data, which survives this process.
    pub data: PathBuf,
    /// The API's port; 0 chooses a free one.
    pub port: u16,
    /// The stand-ins' port; 0 chooses a free one.
    pub aws_port: u16,
    /// Run each job at the moment it is sent.
    pub sync: bool,
    /// Lambda's Invoke API to send events to, instead of the functions in this process.
    pub functions: Option<String>,
    /// Overridden variables of single functions: (function, variable) -> value.
    pub overrides: HashMap<(String, String), String>,
    /// The clock of functions and queues.
    pub clock: Clock,
    /// Origins of browser pages that may call the API and upload photos, as `https://shop.example.com`.
    pub cors_origins: Vec<String>,
    /// A wrapper around each invocation.
    pub layer: Option<Layer>,
    /// Decides which events of SES arrive; all by default.
    pub reports: Option<Reports>,
    /// Whether polls and sweeps are off: [`System::step`] then processes the messages on the queues.
    pub by_hand: bool,
    /// Configurations of the queues.
    pub queues: QueueConfigs,
}

impl Options {
    /// Sets a variable of one function to another value.
    pub fn set(&mut self, function: &str, variable: &str, value: &str) {
        self.overrides.insert((function.to_owned(), variable.to_owned()), value.to_owned());
    }

    /// Has orders erased that are older than so many days.
    pub fn erase_orders_after(&mut self, days: u32) {
        self.set("housekeeper", "PERSONAL_DATA_RETENTION_DAYS", &days.to_string());
    }

    /// Returns the defaults: free ports, and all functions in this process.
    pub fn new(data: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self {
            data: data.into(),
            port: 0,
            aws_port: 0,
            sync: false,
            functions: None,
            overrides: HashMap::new(),
            clock: Clock::system(),
            cors_origins: Vec::new(),
            layer: None,
            reports: None,
            by_hand: false,
            queues: queue_configs()?,
        })
    }
}

/// A running system. Dropping it stops it.
pub struct System {
    /// The API's address: `http://127.0.0.1:PORT`.
    pub api: String,
    /// The variables of the functions, including the endpoints.
    pub environment: HashMap<String, String>,
    /// The captured emails.
    pub emails: CapturedEmails,
    clock: Clock,
    sources: Vec<EventSource>,
    stand_ins: StandIns,
    _tasks: JoinSet<()>,
}

impl System {
    /// Starts the system, and returns once it responds.
    pub async fn start(options: Options) -> Result<Self> {
        let Options { clock, queues, cors_origins, .. } = options.clone();
        let cors = gateway::cors(&cors_origins)?;
        let now = {
            let clock = clock.clone();
            Arc::new(move || clock.now())
        };
        let stand_ins =
            StandIns::start(local_aws::Options { data: options.data.clone(), port: options.aws_port, now }).await?;
        let listener = TcpListener::bind(("127.0.0.1", options.port))
            .await
            .with_context(|| format!("Port {} can't be opened for the API", options.port))?;
        let api = format!("http://{}", listener.local_addr()?);
        let environment = environment(&stand_ins, &api, &queues);
        let env = Env::of(environment.clone()).with_clock(clock.clone());
        setup::set_up(&stand_ins, &env, &queues, &cors_origins).await?;
        setup::free_dead_leases(&env).await?;

        let functions = match &options.functions {
            Some(url) => Functions::behind(url)?,
            None => Functions::here(&clock, |function| {
                let mut variables = environment.clone();
                let own = options.overrides.iter().filter(|((name, _), _)| name == function);
                variables.extend(own.map(|((_, variable), value)| (variable.clone(), value.clone())));
                variables
            })?,
        }
        .recording(stand_ins.samples())
        .within(options.layer.clone());
        stand_ins.run_functions(run_functions(&functions, &queues));
        let emails = CapturedEmails(stand_ins.mailbox());
        let queues_of_jobs = stand_ins.queues();
        let reports = options.reports.clone();
        stand_ins.mailbox().deliver_events(Box::new(move |event| {
            if reports.as_ref().is_some_and(|arrives| !arrives(event)) {
                return;
            }
            let job = mail_events::job(event).map(|job| job.to_string());
            if let Some(Err(error)) = job.map(|job| queues_of_jobs.send(QueueName::Default.as_str(), job)) {
                tracing::warn!(%error, "An event of SES is lost");
            }
        }));
        let mut tasks = JoinSet::new();
        let sqs = event_source::client(&env)?;
        let mut sources = Vec::new();
        for (queue, config) in queues {
            let queue_url = env.required(&queue.url_variable())?;
            let (sqs, functions, mappings) = (sqs.clone(), functions.clone(), stand_ins.mappings());
            mappings.create(queue.as_str(), &config.function, config.batch_size)?;
            sources.push(EventSource { sqs, queue_url, queue, config, functions, mappings });
        }
        if options.by_hand {
            tracing::debug!("Polls and sweeps are off");
        } else if options.sync {
            stand_ins.run_synchronously(run_synchronously(sources.clone()));
            retry_later(sources.clone(), &stand_ins, &mut tasks);
        } else {
            for source in &sources {
                source.start(&mut tasks);
            }
        }
        if options.sync {
            // Its jobs would take those of the first requests, which then would not wait for them.
            if let Some(housekeeper) = sources.iter().find(|source| source.queue == QueueName::Default) {
                housekeeper.sweep().await?;
            }
            schedule(&sources, SWEEP_EVERY, &mut tasks);
        } else if !options.by_hand {
            schedule(&sources, Duration::ZERO, &mut tasks);
        }
        gateway::serve(listener, functions, emails.clone(), cors, &mut tasks);
        Ok(Self { api, environment, emails, clock, sources, stand_ins, _tasks: tasks })
    }

    /// Moves the time of functions and queues forward. Requires a movable clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.stand_ins.queues().wake();
    }

    /// Returns the queues, for inspection.
    pub fn queues(&self) -> Arc<local_aws::Queues> {
        self.stand_ins.queues()
    }

    /// Returns the event source of a queue, to be polled by hand.
    pub fn source(&self, queue: &str) -> Option<&EventSource> {
        self.sources.iter().find(|source| source.queue.as_str() == queue)
    }

    /// Processes one batch of each queue that has a visible message. Returns whether there was one.
    pub async fn step(&self) -> Result<bool> {
        let mut worked = false;
        for source in &self.sources {
            worked |= source.poll(0).await?;
        }
        Ok(worked)
    }

    /// Sends a `sweep`, as the schedule does.
    pub async fn sweep(&self) -> Result<()> {
        match self.source(QueueName::Default.as_str()) {
            Some(source) => source.sweep().await,
            None => Ok(()),
        }
    }
}

/// Returns the function that Lambda's Invoke runs: it invokes workers, each up to its timeout.
fn run_functions(functions: &Functions, queues: &QueueConfigs) -> lambda::Run {
    let (functions, queues) = (functions.clone(), queues.clone());
    Arc::new(move |name, event, chain| {
        let timeout = queues.values().find(|config| config.function == name)?.timeout();
        let (functions, name) = (functions.clone(), name.to_owned());
        Some(Box::pin(async move {
            functions.invoke_in(chain, &name, event, timeout).await.map_err(|error| lambda::FunctionError {
                kind: if error.is::<TimedOut>() { "Sandbox.Timedout" } else { "Runtime.Unknown" },
                message: format!("{error:#}"),
            })
        }))
    })
}

/// Processes all visible messages on any queue, one job at a time. Each job ends before the request that sent it is
/// answered.
fn run_synchronously(sources: Vec<EventSource>) -> Work {
    let sources = Arc::new(sources);
    Arc::new(move || {
        let sources = sources.clone();
        Box::pin(async move {
            for source in sources.iter() {
                while source.poll(0).await.unwrap_or_else(|error| {
                    tracing::warn!(queue = source.queue.as_str(), error = format!("{error:#}"), "A poll failed");
                    false
                }) {}
            }
        })
    })
}

/// Processes released messages when they are due. With `--sync` no poller waits for new messages.
fn retry_later(sources: Vec<EventSource>, stand_ins: &StandIns, tasks: &mut JoinSet<()>) {
    let queues = stand_ins.queues();
    tasks.spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(500));
        loop {
            ticks.tick().await;
            // Only a message that was received before and is visible again counts; new messages are left to their
            // sender.
            let given_back = |source: &EventSource| {
                let queue = source.queue.as_str();
                let messages = queues.peek_all(queue).unwrap_or_default();
                queues.counts(queue).is_ok_and(|counts| counts.visible > 0)
                    && messages.iter().any(|message| message.receive_count > 0)
            };
            for source in sources.iter().filter(|source| given_back(source)) {
                if let Err(error) = source.poll(0).await {
                    tracing::warn!(queue = source.queue.as_str(), error = format!("{error:#}"), "A poll failed");
                }
            }
        }
    });
}

/// Returns the variables that Terraform sets on the functions, with values for this machine.
fn environment(stand_ins: &StandIns, api: &str, configs: &QueueConfigs) -> HashMap<String, String> {
    let endpoint = stand_ins.endpoint();
    let url = |queue: &str| format!("{endpoint}/000000000000/{queue}");
    let queues = QueueName::ALL
        .into_iter()
        .flat_map(|queue| [(queue.url_variable(), url(queue.as_str())), (queue.dlq_url_variable(), url(&queue.dlq()))]);
    let others = [
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", local_aws::ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", local_aws::SECRET_KEY.to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.clone()),
        ("AWS_ENDPOINT_URL_DYNAMODB", stand_ins.dynamodb_endpoint()),
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
        // The shop may run on this machine too.
        ("WEBHOOK_TARGETS", "any".to_owned()),
        // What lies in the photos bucket outside Darkroom's own prefixes.
        ("IMPORT_SOURCES", r#"{"bucket":{"bucket":"photos","prefix":""}}"#.to_owned()),
        ("PUBLIC_URL", api.to_owned()),
        ("STUDIO_CLAIM", STUDIO_CLAIM.to_owned()),
        ("OPERATOR_CLAIM", format!("{ROLE_CLAIM}={OPERATOR}")),
        ("DOWNLOAD_RETENTION_DAYS", "30".to_owned()),
        ("MAIL_FROM", "Darkroom <photos@darkroom.example>".to_owned()),
        // Short, because on a laptop somebody waits for the retry.
        ("RETRY_BACKOFF_SECONDS", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let functions = configs.values().map(|config| (config.function_variable(), config.function.clone()));
    others.into_iter().chain(queues).chain(functions).collect()
}

/// Replaces EventBridge Scheduler: sends a `sweep` after `first` and then every 5 minutes.
fn schedule(sources: &[EventSource], first: Duration, tasks: &mut JoinSet<()>) {
    let Some(source) = sources.iter().find(|source| source.queue == QueueName::Default).cloned() else { return };
    tasks.spawn(async move {
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + first, SWEEP_EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = source.sweep().await {
                tracing::warn!(error = format!("{error:#}"), "A sweep could not be sent");
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn invoked_worker_returns_or_times_out() {
        let data = tempfile::tempdir().unwrap();
        let mut options = Options { by_hand: true, ..Options::new(data.path()).unwrap() };
        options.queues.get_mut(&QueueName::Downloads).unwrap().timeout_seconds = 1;
        options.layer =
            Some(Arc::new(
                |function, run| {
                    if function == "archive-builder" { Box::pin(std::future::pending()) } else { run }
                },
            ));
        let system = System::start(options).await.unwrap();
        let invoke = async |variable: &str| {
            let name = system.environment.get(variable).map_or("none", String::as_str);
            let path = format!("/2015-03-31/functions/{name}/invocations");
            let request = reqwest::Client::new().post(format!("{}{path}", system.stand_ins.endpoint()));
            let scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request";
            let event = json!({ "Records": [] });
            let answer = request.header("authorization", scope).json(&event).send().await.unwrap();
            let failed = answer.headers().contains_key("x-amz-function-error");
            (answer.status().as_u16(), failed, answer.json::<Value>().await.unwrap())
        };
        for worker in ["PHOTO_PROCESSOR_FUNCTION", "EMAIL_SENDER_FUNCTION"] {
            assert_eq!(invoke(worker).await, (200, false, json!({ "batchItemFailures": [] })), "{worker}");
        }
        let (status, failed, payload) = invoke("ARCHIVE_BUILDER_FUNCTION").await;
        assert_eq!((status, failed, &payload["errorType"]), (200, true, &json!("Sandbox.Timedout")), "{payload}");
        assert_eq!(invoke("NO_SUCH_FUNCTION").await.0, 404);
    }
}
