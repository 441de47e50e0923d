//! `job`, `studios`, `pause`, `resume` and `top`: what runs, what happened, and who waits.

use std::{
    io::{IsTerminal as _, Write as _, stdout},
    time::Duration,
};

use anyhow::anyhow;
use api_types::{AttemptView, JobPage, JobStory, JobView, QueueSwitched, Queues, RecordSummary, StudioLoads};
use domain::{job_record::JobPhase, job_state::AttemptOutcome};
use jiff::Timestamp;

use crate::{
    Ended, Session,
    client::{Answer, Client, Trouble},
    render,
    table::{Table, printable},
};

/// The wait between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The number of running jobs of a queue that are shown.
const MOST_RUNNING: &str = "20";
/// Moves the cursor to the first column of the first line, and clears what follows (ECMA-48).
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

impl Session {
    pub(crate) async fn job(&mut self, client: &Client, id: &str) -> Result<Ended, Trouble> {
        let Some((studio, record)) = id.split_once(':') else {
            return Err(anyhow!("{} is not STUDIO:ID, as lists show it", printable(id)).into());
        };
        let answer: Answer<JobStory> = client.get(&["jobs", studio, record], &[]).await?;
        self.tell(&answer, story);
        Ok(Ended::Well)
    }

    pub(crate) async fn studios(&mut self, client: &Client) -> Result<Ended, Trouble> {
        let answer: Answer<StudioLoads> = client.get(&["studios"], &[]).await?;
        self.tell(&answer, studios);
        Ok(Ended::Well)
    }

    pub(crate) async fn switch(&mut self, client: &Client, queue: &str, to: &str) -> Result<Ended, Trouble> {
        let answer: Answer<QueueSwitched> = client.post(&["queues", queue, to], &serde_json::json!({})).await?;
        self.tell(&answer, |switched| match &switched.paused {
            Some(paused) => {
                let until = render::moment(Some(paused.until));
                printable(&format!("{queue} is paused by {}. It resumes by itself at {until}.", paused.by)) + "\n"
            }
            None => format!("{queue} is worked on.\n"),
        });
        Ok(Ended::Well)
    }
}

/// Shows the queues and their running jobs: again and again on a terminal, once elsewhere.
pub async fn top(client: &Client, json: bool) -> Result<(), Trouble> {
    let is_terminal = stdout().is_terminal() && !json;
    loop {
        let queues: Answer<Queues> = client.get(&["queues"], &[]).await?;
        let mut jobs = Vec::new();
        for queue in &queues.value.queues {
            let query = [("state", Some("running")), ("limit", Some(MOST_RUNNING))];
            let running: Answer<JobPage> = client.get(&["queues", queue.queue.as_str(), "jobs"], &query).await?;
            jobs.extend(running.value.items);
        }
        let text = if json {
            let running = serde_json::to_value(&jobs).map_err(anyhow::Error::from)?;
            serde_json::json!({ "queues": queues.value.queues, "running": running }).to_string() + "\n"
        } else {
            format!("{}\n{}", render::queues(&queues.value.queues), running(jobs, Timestamp::now()))
        };
        let clear = if is_terminal { CLEAR } else { "" };
        write!(stdout().lock(), "{clear}{text}").map_err(anyhow::Error::from)?;
        if !is_terminal {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Returns the running jobs, the longest first.
fn running(mut jobs: Vec<JobView>, now: Timestamp) -> String {
    if jobs.is_empty() {
        return "Nothing runs.\n".to_owned();
    }
    let since = |job: &JobView| job.attempts.last().map(|attempt| attempt.started_at);
    jobs.sort_by_key(since);
    let mut table = Table::new([">runs for", "job", "record", ">attempt"]);
    for job in &jobs {
        let elapsed = since(job).map_or(0, |since| now.duration_since(since).as_secs().try_into().unwrap_or(0));
        let record = format!("{}:{}", job.studio, job.record_id);
        table.row([render::age(elapsed), job.job.clone(), record, job.tries.to_string()]);
    }
    table.render()
}

fn studios(loads: &StudioLoads) -> String {
    if loads.items.is_empty() {
        return "No studio has unfinished or failed jobs.\n".to_owned();
    }
    let mut table = Table::new(["studio", "name", ">unfinished", ">failed"]);
    for load in &loads.items {
        let name = load.name.clone().unwrap_or_else(|| "-".to_owned());
        table.row([load.studio.clone(), name, load.unfinished.to_string(), load.failed.to_string()]);
    }
    let more = if loads.complete { "" } else { "\nThere are more jobs than were counted.\n" };
    table.render() + more
}

fn story(story: &JobStory) -> String {
    let mut text = printable(&format!("{}: {}", story.studio, record(&story.record))) + "\n";
    if let Some(job) = &story.job {
        text.push_str(&summary(job));
        if !job.attempts.is_empty() {
            text.push('\n');
            text.push_str(&attempts(&job.attempts));
        }
    }
    if !story.related.is_empty() {
        let mut table = Table::new(["belongs to it", "status", "id", ""]);
        for it in &story.related {
            table.row([it.kind.as_str().to_owned(), it.status.clone(), it.id.to_string(), it.title.clone()]);
        }
        text.push('\n');
        text.push_str(&table.render());
    }
    let mut table = Table::new(["when", "what", "id", "step", "detail"]);
    for step in &story.timeline {
        let what = step.kind.as_str().to_owned();
        let detail = step.detail.clone().unwrap_or_default();
        let row = [render::moment(Some(step.at)), what, step.id.to_string(), step.step.clone(), detail];
        table.row(row);
    }
    text.push('\n');
    text + &table.render()
}

fn record(record: &RecordSummary) -> String {
    let RecordSummary { id, status, title, created_at, .. } = record;
    let title = if title.is_empty() { String::new() } else { format!(" {title:?}") };
    format!("{}{title} {id} is {status}, created {}", record.kind.as_str(), render::moment(Some(*created_at)))
}

fn summary(job: &JobView) -> String {
    let phase = match job.phase {
        JobPhase::Waiting => "waiting",
        JobPhase::Running => "running",
        JobPhase::Retrying => "to be tried again",
        JobPhase::Failed => "failed",
        JobPhase::Done => "done",
    };
    let mut text = format!("{} on {} is {phase}, tries: {}\n", job.job, job.queue, job.tries);
    if let Some(error) = &job.error {
        text.push_str(&(printable(&format!("{}: {}", error.code, error.message)) + "\n"));
    }
    if let Some(cause) = &job.cause {
        text.push_str(&(printable(&format!("cause: {cause}")) + "\n"));
    }
    text
}

fn attempts(attempts: &[AttemptView]) -> String {
    let mut table = Table::new(["attempt", ">took", "outcome", "invocation", "cause"]);
    for attempt in attempts {
        let took = attempt.ended_at.map(|ended| ended.duration_since(attempt.started_at).as_secs_f64());
        let outcome = attempt.outcome.map_or("running", AttemptOutcome::as_str);
        table.row([
            render::moment(Some(attempt.started_at)),
            took.map_or_else(|| "-".to_owned(), |took| format!("{took:.1} s")),
            outcome.to_owned(),
            attempt.request_id.clone().unwrap_or_else(|| "-".to_owned()),
            attempt.cause.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}
