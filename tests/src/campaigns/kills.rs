//! SIGKILL at random moments: processes of the built functions die in the middle of their jobs.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::json;
use uuid::Uuid;

use super::{Row, TIMEOUT, VISIBILITY, drained, judge, killed_system, studio};
use crate::{
    TestApp, jpeg,
    processes::{Host, build_functions},
    walk,
};

/// The plan of the kills of one worker.
#[derive(Debug, Clone, Copy)]
pub struct Kills {
    /// The worker's function name.
    pub function: &'static str,
    /// The number of kills in the middle of an invocation, per system.
    pub kills: u64,
    /// The number of jobs per round. Rounds follow until all kills are done.
    pub jobs: usize,
    /// The number of systems side by side, each with its own workers: most of the time is spent waiting for leases to
    /// end.
    pub systems: u64,
}

/// The margin before [`VISIBILITY`]. A message that returns within it was never claimed: a lease ends within
/// [`TIMEOUT`].
const CLOSE: Duration = Duration::from_secs(2);
/// The number of processes of the worker.
const PROCESSES: usize = 3;
/// The probability, in percent, that an invocation is killed.
const CHANCE: u8 = 50;
/// The limit for a job to continue after its lease has ended.
const RECOVERY: Duration = Duration::from_secs(30);

/// Kills the worker at random until the planned kills are done, and checks all of its jobs.
pub async fn kills(plan: Kills, seed: u64) -> Result<Row> {
    let bins = tokio::task::spawn_blocking(build_functions).await??;
    let systems = (0..plan.systems).map(|system| on_one_system(plan, &bins, seed + system * 1000));
    let mut row = Row::new(&format!("SIGKILL at random, {}", plan.function));
    for part in futures::future::try_join_all(systems).await? {
        row.absorb(part);
    }
    Ok(row)
}

async fn on_one_system(plan: Kills, bins: &Path, seed: u64) -> Result<Row> {
    let mut row = Row::default();
    let counts = super::FUNCTIONS.map(|function| (function, if function == plan.function { PROCESSES } else { 1 }));
    let host = Host::start(bins, &counts).await?;
    // Time is not moved here. No report of SES comes, because these addresses are not its simulator's.
    let waits = [("SES_REPORT_WAIT_SECONDS", TIMEOUT.as_secs().to_string())];
    let app = killed_system(&host, &waits, |_| {}).await?;

    let (mut total, mut round) = (0, 0);
    let (mut after_lease, mut unclaimed) = (Duration::ZERO, Duration::ZERO);
    while total < plan.kills {
        let jobs = prepare(&app, plan).await?;
        host.reaper.reap(seed + round, plan.function, CHANCE, jobs.takes, plan.kills - total);
        let originals = jobs.begin(&app, plan).await?;
        wait(&app, plan).await?;
        total += host.reaper.kills();
        for redelivered in host.reaper.redelivered() {
            // A process that died before it claimed had no lease; its message stays hidden for the queue's visibility
            // timeout.
            if redelivered + CLOSE < VISIBILITY {
                after_lease = after_lease.max(redelivered.saturating_sub(TIMEOUT));
            } else {
                unclaimed = unclaimed.max(redelivered);
            }
        }
        let mut findings = judge(&app, &jobs.studio, &originals).await;
        if after_lease > RECOVERY {
            findings.violations.push(format!("a job went on {after_lease:?} after its lease"));
        }
        if findings.flagged_duplicates > host.reaper.kills() {
            findings.violations.push(format!("{} emails are flagged", findings.flagged_duplicates));
        }
        row.add(&findings, || format!("--kill {} --seed {seed}", plan.function));
        round += 1;
        host.reaper.rest();
    }
    row.runs = total;
    row.figures.insert("slowest_recovery_after_lease_s".into(), after_lease.as_secs_f64());
    row.figures.insert("slowest_recovery_without_lease_s".into(), unclaimed.as_secs_f64());
    Ok(row)
}

struct Jobs {
    studio: domain::Studio,
    order: Option<(String, HashMap<Uuid, Vec<u8>>)>,
    takes: Duration,
}

/// Creates what the jobs require, before the kills begin.
async fn prepare(app: &TestApp, plan: Kills) -> Result<Jobs> {
    let studio = studio();
    if plan.function == "photo-processor" {
        return Ok(Jobs { studio, order: None, takes: Duration::from_millis(400) });
    }
    let mut originals = HashMap::new();
    for n in 0..3 {
        let bytes = jpeg(n, 300, 200);
        originals.insert(walk::upload(app, &studio, &format!("{n}.jpg"), "image/jpeg", &bytes).await?, bytes);
    }
    app.until_empty("photos").await;
    let ids: Vec<_> = originals.keys().collect();
    let customer = json!({ "name": "Eva", "email": "eva@example.com" });
    let order = json!({ "reference": "K-1", "customer": customer, "photo_ids": ids });
    let order = walk::insist(app, &studio, "/orders", order, &[201]).await?["id"].as_str().context("an id")?.to_owned();
    let takes = Duration::from_millis(if plan.function == "email-sender" { 120 } else { 200 });
    Ok(Jobs { studio, order: Some((order, originals)), takes })
}

impl Jobs {
    async fn begin(&self, app: &TestApp, plan: Kills) -> Result<HashMap<Uuid, Vec<u8>>> {
        let Some((order, originals)) = &self.order else {
            let mut originals = HashMap::new();
            for n in 0..plan.jobs {
                let bytes = jpeg(u32::try_from(n)?, 300, 200);
                let name = format!("{n}.jpg");
                originals.insert(walk::upload(app, &self.studio, &name, "image/jpeg", &bytes).await?, bytes);
            }
            return Ok(originals);
        };
        for _ in 0..plan.jobs {
            if plan.function == "email-sender" {
                let data = json!({ "order_id": order });
                let email = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": data });
                walk::insist(app, &self.studio, "/emails", email, &[202]).await?;
            } else {
                walk::insist(app, &self.studio, &format!("/orders/{order}/downloads"), json!({}), &[202]).await?;
            }
        }
        Ok(originals.clone())
    }
}

/// Waits until the queues are empty. A job may die at each of its attempts. Each costs a lease, or the queue's whole
/// visibility timeout if the process died before it could change its message's visibility.
async fn wait(app: &TestApp, plan: Kills) -> Result<()> {
    let bound = VISIBILITY * 4 + RECOVERY + Duration::from_millis(plan.jobs as u64 * 400);
    drained(app, &["uploads", "photos", "downloads", "emails"], bound).await
}
