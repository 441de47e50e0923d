//! SIGKILL at random moments: the built functions, as processes, die in the middle of their jobs.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use uuid::Uuid;

use super::{Row, judge, studio};
use crate::{
    TestApp, jpeg,
    processes::{Host, build_functions},
    walk,
};

/// How many, and of which worker.
#[derive(Debug, Clone, Copy)]
pub struct Kills {
    /// The worker's function name.
    pub function: &'static str,
    /// Kills that must strike in the middle of an invocation.
    pub kills: u64,
    /// Jobs of one round; rounds follow until all kills are done.
    pub jobs: usize,
}

/// The functions' timeout here, and so the longest lease: long enough for any job of these, short enough to wait for.
const TIMEOUT_SECONDS: u32 = 6;
/// Processes of the worker at once.
const PROCESSES: usize = 3;
/// Of an invocation to be killed, in percent.
const CHANCE: u8 = 50;
/// After a lease has ended its job must go on within this.
const RECOVERY: Duration = Duration::from_secs(30);

/// Kills the worker at random until so many kills have struck, and judges all that it was to do.
pub async fn kills(plan: Kills, seed: u64) -> Result<Row> {
    let mut row = Row::new(&format!("SIGKILL at random, {}", plan.function));
    let bins = tokio::task::spawn_blocking(build_functions).await??;
    let counts = super::FUNCTIONS.map(|function| (function, if function == plan.function { PROCESSES } else { 1 }));
    let host = Host::start(&bins, &counts).await?;
    let app = TestApp::with(|options| {
        options.functions = Some(host.url.clone());
        for worker in options.workers.values_mut() {
            worker.timeout_seconds = TIMEOUT_SECONDS;
        }
    })
    .await;
    let mut environment = app.system().environment.clone();
    environment.insert("FUNCTION_TIMEOUT_SECONDS".into(), TIMEOUT_SECONDS.to_string());
    host.set_environment(environment);

    let (mut total, mut round, mut slowest, mut late) = (0, 0, Duration::ZERO, 0_u32);
    while total < plan.kills {
        let jobs = prepare(&app, plan).await?;
        host.reaper.reap(seed + round, plan.function, CHANCE, jobs.takes, plan.kills - total);
        let originals = jobs.begin(&app, plan).await?;
        wait(&app, plan).await?;
        total += host.reaper.kills();
        // All that was left to do after the last kill of the round: its lease, and whatever else was on the queue.
        let lease = Duration::from_secs(TIMEOUT_SECONDS.into());
        let recovery = host.reaper.since_last_kill().unwrap_or_default().saturating_sub(lease);
        slowest = slowest.max(recovery);
        late += u32::from(recovery > RECOVERY);
        let findings = judge(&app, &jobs.studio, &originals).await;
        row.add(&findings, || format!("--kill {} --seed {seed}", plan.function));
        round += 1;
        host.reaper.rest();
    }
    row.runs = total;
    row.figures.insert("rounds".into(), u32::try_from(round)?.into());
    row.figures.insert("slowest_recovery_after_lease_s".into(), slowest.as_secs_f64());
    row.figures.insert("rounds_later_than_30_s".into(), late.into());
    Ok(row)
}

struct Jobs {
    studio: shared::Studio,
    order: Option<(String, HashMap<Uuid, Vec<u8>>)>,
    takes: Duration,
}

/// What the jobs need to be there, made while nobody dies.
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
                let mail = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": data });
                walk::insist(app, &self.studio, "/emails", mail, &[202]).await?;
            } else {
                walk::insist(app, &self.studio, &format!("/orders/{order}/downloads"), json!({}), &[202]).await?;
            }
        }
        Ok(originals.clone())
    }
}

/// Until the queues are empty. A job may die at each of its tries: each costs a lease, and where a process died before
/// it could touch its message, the queue's whole visibility timeout.
async fn wait(app: &TestApp, plan: Kills) -> Result<()> {
    let visibility = Duration::from_secs(u64::from(TIMEOUT_SECONDS) * 6);
    let bound = visibility * 4 + RECOVERY + Duration::from_millis(plan.jobs as u64 * 400);
    let begun = Instant::now();
    loop {
        let left = app.depth("photos").await + app.depth("downloads").await + app.depth("emails").await;
        if left == 0 {
            return Ok(());
        }
        if begun.elapsed() > bound {
            bail!("{left} messages are left after {bound:?}");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
