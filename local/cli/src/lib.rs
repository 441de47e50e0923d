//! The operator's command: state of the queues, failed jobs and their reasons, retry and forget, stories of jobs, pauses,
//! uploads, imports, events.
//!
//! The command uses the API's routes and nothing else, locally as on AWS.

mod cli;
mod client;
mod jobs;
mod listen;
mod progress;
mod render;
mod table;
mod upload;

use std::time::Duration;

use api_types::{FailedJobPage, OperationStarted, OperationView, OrphanPage, OrphansSettled, Queues, Retried, Verdict};
use domain::operation::OperationStatus;
use serde_json::{Value, json};

pub use self::cli::Cli;
use self::{
    cli::{Command, Failed, Forget, ForgetWhich, Import, Orphans, Retry, RetryWhich, Upload},
    client::{Answer, Client, Trouble},
    progress::Progress,
};

/// API: at most 100 ids per request.
const MAX_IDS: usize = 100;
/// The wait between two requests for an operation: the first, and the longest.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// The number of consecutive requests that may fail: the operation continues without the client.
const MISSED_LOOKS: u32 = 5;

/// The result of a command.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The text for stdout.
    pub output: String,
    /// The text for stderr.
    pub complaint: String,
    /// The process's exit code: 0 on success, 1 if something is unhealthy or skipped, 2 after an error.
    pub code: u8,
}

/// Runs the command.
pub async fn run(cli: &Cli) -> Outcome {
    let mut session = Session { json: cli.json, output: String::new() };
    let ended = async {
        let studio = match &cli.command {
            Command::Upload(upload) => Some(upload.studio.as_str()),
            Command::Listen(listen) => Some(listen.studio.as_str()),
            _ => None,
        };
        let client = Client::new(&cli.api, cli.token.as_deref(), studio)?;
        match &cli.command {
            Command::Queues => session.queues(&client).await,
            Command::Failed(failed) => session.failed(&client, failed).await,
            Command::Retry(retry) => session.retry(&client, retry).await,
            Command::Forget(forget) => session.forget(&client, forget).await,
            Command::Upload(upload) => session.upload(&client, upload).await,
            Command::Listen(asked) => listen::listen(&client, asked, session.json).await.map(|()| Ended::Well),
            Command::Orphans(orphans) => session.orphans(&client, orphans).await,
            Command::Import(import) => session.import(&client, import).await,
            Command::Top => jobs::top(&client, session.json).await.map(|()| Ended::Well),
            Command::Job { id } => session.job(&client, id).await,
            Command::Studios => session.studios(&client).await,
            Command::Pause { queue } => session.switch(&client, queue, "pause").await,
            Command::Resume { queue } => session.switch(&client, queue, "resume").await,
            Command::Operation { id } => {
                let answer = client.get(&["operations", id], &[]).await?;
                session.follow(&client, answer).await
            }
        }
    }
    .await;
    let (code, complaint) = match &ended {
        Ok(Ended::Well) => (0, String::new()),
        Ok(Ended::NotWell) => (1, String::new()),
        Ok(Ended::BrokeOff(why)) => (2, format!("error: {why}\n")),
        Err(trouble) => (2, format!("error: {trouble}\n")),
    };
    if let Err(Trouble::Refused { body, .. }) = &ended
        && cli.json
    {
        session.output.push_str(&line(body));
    }
    Outcome { output: session.output, complaint, code }
}

/// The end of a command that received its responses.
enum Ended {
    Well,
    NotWell,
    BrokeOff(String),
}

impl Ended {
    fn well(well: bool) -> Self {
        if well { Self::Well } else { Self::NotWell }
    }
}

struct Session {
    json: bool,
    output: String,
}

impl Session {
    async fn queues(&mut self, client: &Client) -> Result<Ended, Trouble> {
        let answer: Answer<Queues> = client.get(&["queues"], &[]).await?;
        let queues = &answer.value.queues;
        self.tell(&answer, |_| render::queues(queues));
        Ok(Ended::well(queues.iter().all(|queue| queue.verdict == Verdict::Ok)))
    }

    async fn failed(&mut self, client: &Client, asked: &Failed) -> Result<Ended, Trouble> {
        let Failed { queue, error, studio, all, messages } = asked;
        let (mut items, mut groups, mut cursor) = (Vec::new(), Vec::new(), None);
        loop {
            let query = [("error", error.as_deref()), ("studio", studio.as_deref()), ("cursor", cursor.as_deref())];
            let page: Answer<FailedJobPage> = client.get(&["queues", queue, "failed"], &query).await?;
            self.tell(&page, |_| String::new());
            items.extend(page.value.items);
            groups.extend(page.value.groups.unwrap_or_default());
            cursor = page.value.next_cursor;
            if cursor.is_none() || !all {
                break;
            }
        }
        if !self.json {
            self.output.push_str(&render::failed(queue, &groups, &items));
            if *messages {
                self.output.push_str(&render::bodies(&items));
            }
            if cursor.is_some() {
                self.output.push_str("\nThere are more: --all lists them.\n");
            }
        }
        Ok(Ended::Well)
    }

    async fn retry(&mut self, client: &Client, asked: &Retry) -> Result<Ended, Trouble> {
        let Retry { queue, which: RetryWhich { error, ids, .. }, studio, no_wait } = asked;
        let path = ["queues", queue, "failed", "retry"];
        let body = |mut body: Value| {
            if let Some(studio) = studio {
                body["studio"] = studio.as_str().into();
            }
            body
        };
        if ids.is_empty() {
            let which = error.as_ref().map_or_else(|| json!({ "all": true }), |error| json!({ "error": error }));
            let begun = client.post(&path, &body(which)).await?;
            return self.begun(client, begun, *no_wait).await;
        }
        let mut well = true;
        for ids in ids.chunks(MAX_IDS) {
            let answer: Answer<Retried> = client.post(&path, &body(json!({ "ids": ids }))).await?;
            self.tell(&answer, |retried| render::retried(queue, retried));
            well &= answer.value.skipped.is_empty();
        }
        Ok(Ended::well(well))
    }

    async fn forget(&mut self, client: &Client, asked: &Forget) -> Result<Ended, Trouble> {
        let Forget { queue, which: ForgetWhich { all, error, id }, studio, no_wait } = asked;
        if let Some(id) = id {
            let answer: Answer<Value> = client.delete(&["queues", queue, "failed", id], &[]).await?;
            self.tell(&answer, |_| format!("Forgot {}.\n", table::printable(id)));
            return Ok(Ended::Well);
        }
        let query = [("all", all.then_some("true")), ("error", error.as_deref()), ("studio", studio.as_deref())];
        let begun = client.delete(&["queues", queue, "failed"], &query).await?;
        self.begun(client, begun, *no_wait).await
    }

    async fn upload(&mut self, client: &Client, asked: &Upload) -> Result<Ended, Trouble> {
        let summary = upload::upload(client, asked).await?;
        self.output.push_str(&if self.json { line(&render::upload_json(&summary)) } else { render::upload(&summary) });
        Ok(Ended::well(summary.failed.is_empty()))
    }

    async fn orphans(&mut self, client: &Client, asked: &Orphans) -> Result<Ended, Trouble> {
        let action = [(asked.take_in, "take_in"), (asked.delete, "delete")];
        let action = action.into_iter().find(|(asked, _)| *asked).map(|(_, action)| action);
        let (mut cursor, mut well) = (None::<String>, true);
        loop {
            let query = [("limit", Some("100")), ("cursor", cursor.as_deref())];
            let page: Answer<OrphanPage> = client.get(&["orphans"], &query).await?;
            let keys: Vec<_> = page.value.items.iter().map(|orphan| orphan.key.as_str()).collect();
            match action {
                None => self.tell(&page, render::orphans),
                Some(_) if keys.is_empty() => {}
                Some(action) => {
                    let body = json!({ "action": action, "keys": keys });
                    let settled: Answer<OrphansSettled> = client.post(&["orphans"], &body).await?;
                    self.tell(&settled, render::settled);
                    well &= settled.value.skipped.is_empty();
                }
            }
            cursor = page.value.next_cursor;
            if cursor.is_none() {
                return Ok(Ended::well(well));
            }
        }
    }

    async fn import(&mut self, client: &Client, asked: &Import) -> Result<Ended, Trouble> {
        let Import { studio, source, prefix, no_wait } = asked;
        let body = json!({ "studio": studio, "source": source, "prefix": prefix });
        let begun = client.post(&["imports"], &body).await?;
        self.begun(client, begun, *no_wait).await
    }

    async fn begun(
        &mut self,
        client: &Client,
        begun: Answer<OperationStarted>,
        no_wait: bool,
    ) -> Result<Ended, Trouble> {
        if no_wait {
            self.tell(&begun, |OperationStarted { operation }| {
                format!("It goes on by itself; `darkroom operation {}` follows it.\n", operation.id)
            });
            return Ok(Ended::Well);
        }
        let Answer { text, value: OperationStarted { operation } } = begun;
        self.follow(client, Answer { text, value: operation }).await
    }

    /// Requests an operation until it has ended.
    async fn follow(&mut self, client: &Client, mut answer: Answer<OperationView>) -> Result<Ended, Trouble> {
        let mut progress = (!self.json).then(Progress::start);
        let (mut pause, mut missed) = (LOOK_EVERY.0, 0);
        while !answer.value.has_ended() {
            let OperationView { id, status, done, .. } = &answer.value;
            if let Some(progress) = &mut progress {
                progress.show(format!("Operation {id} is {}: {done} so far", status.as_str()));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_EVERY.1);
            match client.get(&["operations", &id.to_string()], &[]).await {
                Ok(newer) => (answer, missed) = (newer, 0),
                Err(trouble) if trouble.may_pass() && missed < MISSED_LOOKS => missed += 1,
                Err(trouble) => return Err(trouble),
            }
        }
        drop(progress);
        if answer.value.status == OperationStatus::Failed {
            self.tell(&answer, |_| String::new());
            return Ok(Ended::BrokeOff(render::broke_off(&answer.value)));
        }
        self.tell(&answer, |operation| line(&render::done(operation)));
        Ok(Ended::Well)
    }

    /// Adds a response to the output, unchanged or in words.
    fn tell<T>(&mut self, answer: &Answer<T>, words: impl FnOnce(&T) -> String) {
        let told = if self.json { line(&answer.text) } else { words(&answer.value) };
        self.output.push_str(&told);
    }
}

fn line(text: &str) -> String {
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests;
