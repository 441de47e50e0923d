//! Every await point: a job is dropped there, as a killed process drops it, and its message is delivered again.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use anyhow::{Result, anyhow};
use local::functions::{Invocation, Layer};
use serde_json::Value;

use super::{Rig, Row, none_may_fail};
use crate::oracle::Findings;

/// The limit of await points per job; no job has as many.
const MAX_WAITS: usize = 2_000;
/// The number of runs per rig.
const WALKS_PER_RIG: usize = 60;

/// The stop: the n-th invocation of a function, at its m-th await point.
#[derive(Debug, Clone, Default)]
struct Plan {
    function: String,
    invocation: usize,
    waits: usize,
    seen: usize,
    struck: bool,
}

/// A layer's controls: it drops one invocation of one function at one of its await points.
#[derive(Debug, Clone, Default)]
pub struct Stops(Arc<Mutex<Plan>>);

impl Stops {
    /// Selects the invocation of the function, counted from 1, and its await point, counted from 0.
    pub fn aim(&self, function: &str, invocation: usize, waits: usize) {
        *self.plan() = Plan { function: function.to_owned(), invocation, waits, ..Plan::default() };
    }

    /// Returns whether the invocation was dropped. If not, it ended before the await point.
    pub fn struck(&self) -> bool {
        self.plan().struck
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the layer to wrap invocations.
    pub fn layer(&self) -> Layer {
        let stops = self.clone();
        Arc::new(move |function: &str, run: Invocation| {
            let mut planned = stops.plan();
            if planned.function != function {
                return run;
            }
            planned.seen += 1;
            if planned.seen != planned.invocation {
                return run;
            }
            let waits = planned.waits;
            Box::pin(Stopped { run: Some(run), waits, stops: stops.clone() })
        })
    }
}

/// Stops each job of each worker at each await point, one per run; `every` selects each n-th stop.
pub async fn stops(every: usize) -> Result<Row> {
    let mut row = Row::new("each await point, stopped once");
    let plan = Stops::default();
    // Two photos, one archive, one batch of emails; and the requests, during which a record may exist without its job.
    for (function, invocations) in [("photo-processor", 2), ("archive-builder", 1), ("email-sender", 1), ("api", 6)] {
        for invocation in 1..=invocations {
            let (mut rig, mut walks) = (Rig::start(Some(plan.layer())).await?, 0);
            let mut waits = 0;
            while waits < MAX_WAITS {
                if walks == WALKS_PER_RIG {
                    (rig, walks) = (Rig::start(Some(plan.layer())).await?, 0);
                }
                walks += 1;
                let (findings, struck) = stop(&rig, &plan, function, invocation, waits).await;
                row.add(&findings, || format!("--stop {function}/{invocation}/{waits}"));
                if !struck {
                    break;
                }
                waits += every;
            }
            row.figures.insert(format!("{function}/{invocation} await points"), u32::try_from(waits)?.into());
        }
    }
    Ok(row)
}

/// Runs one stop, given as `function/invocation/waits`.
pub async fn stop_once(stop_at: &str) -> Result<Findings> {
    let plan = Stops::default();
    let rig = Rig::start(Some(plan.layer())).await?;
    let parts: Vec<_> = stop_at.split('/').collect();
    let [function, invocation, waits] = parts.as_slice() else { anyhow::bail!("It is function/invocation/waits") };
    Ok(stop(&rig, &plan, function, invocation.parse()?, waits.parse()?).await.0)
}

async fn stop(rig: &Rig, plan: &Stops, function: &str, invocation: usize, waits: usize) -> (Findings, bool) {
    plan.aim(function, invocation, waits);
    let mut findings = rig.walk(waits as u64).await;
    none_may_fail(&mut findings);
    (findings, plan.struck())
}

/// A future that is dropped with everything it owns after its n-th wait.
struct Stopped {
    run: Option<Invocation>,
    waits: usize,
    stops: Stops,
}

impl Future for Stopped {
    type Output = Result<Value>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(run) = &mut self.run else { return Poll::Ready(Err(anyhow!("stopped"))) };
        if let Poll::Ready(answer) = run.as_mut().poll(context) {
            return Poll::Ready(answer);
        }
        if self.waits == 0 {
            self.run = None;
            self.stops.plan().struck = true;
            return Poll::Ready(Err(anyhow!("stopped")));
        }
        self.waits -= 1;
        Poll::Pending
    }
}
