//! Campaigns that test two guarantees: no record is lost, and no effect happens twice. Each returns one [`Row`]. `cargo
//! test` runs them short, `cargo bench -p benches --bench faults` long.

mod backlog;
mod events;
mod killed;
mod kills;
mod outages;
mod poison;
mod reports;
mod sites;
mod stops;
mod storm;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::Result;
use domain::Studio;
use local::functions::Layer;
use runtime::clock::Clock;

use self::killed::{TIMEOUT, VISIBILITY, drained, hide_for, killed_system};
pub use self::{
    backlog::backlog,
    events::{Told, events},
    kills::{Kills, kills},
    outages::{Out, outage},
    poison::poison,
    reports::{Reports, reports},
    sites::{SITES, sites, strike_once},
    stops::{Stops, stop_once, stops},
    storm::{Storm, storm},
};
use crate::{
    TestApp,
    faults::FaultNet,
    oracle::{self, Findings, Row},
    walk,
};

/// The functions, workers and API.
pub const FUNCTIONS: [&str; 6] =
    ["api", "email-sender", "photo-processor", "archive-builder", "webhook-sender", "housekeeper"];

/// The shares, in percent, of the usual time limits of the workers' and the API's clients. They reduce the cost of a
/// hanging server from 30 s or 4 s to 1.2 s; smaller shares would make a busy machine look like a hanging one.
const HASTY_PERCENT: [u32; 2] = [4, 30];

/// A system whose time and steps the campaign controls, with a network that fails on demand.
pub struct Rig {
    /// The system.
    pub app: TestApp,
    /// The network.
    pub net: FaultNet,
}

impl Rig {
    /// Starts a new system with short time limits; `layer` wraps each invocation.
    pub async fn start(layer: Option<Layer>) -> Result<Self> {
        Self::with(layer, HASTY_PERCENT).await
    }

    /// Starts a new system with the usual time limits, however busy this machine is.
    pub async fn patient() -> Result<Self> {
        Self::with(None, [100, 100]).await
    }

    async fn with(layer: Option<Layer>, [workers, api]: [u32; 2]) -> Result<Self> {
        let net = FaultNet::start(&FUNCTIONS).await?;
        let mut overrides = net.overrides.clone();
        for function in FUNCTIONS {
            let percent = if function == "api" { api } else { workers };
            overrides.insert((function.to_owned(), "SDK_PATIENCE_PERCENT".to_owned()), percent.to_string());
        }
        let app = TestApp::with(|options| {
            options.by_hand = true;
            options.clock = Clock::movable();
            options.layer = layer;
            options.overrides = overrides;
        })
        .await;
        net.connect(&app.system().environment);
        // S3's test event comes first; it is not a job.
        while app.system().step().await? {}
        Ok(Self { app, net })
    }

    /// Runs the whole workflow in a studio of its own, and checks the result.
    pub async fn walk(&self, seed: u64) -> Findings {
        let studio = studio();
        let walked = match walk::walk(&self.app, &studio, seed).await {
            Ok(walked) => walked,
            Err(error) => return failed(&format!("the walk broke: {error:#}")),
        };
        let mut findings = judge(&self.app, &studio, &walked.originals).await;
        match oracle::miscounted(&self.app, &studio, &walked.fetched).await {
            Ok(sentences) => findings.violations.extend(sentences),
            Err(error) => findings.absorb(failed(&format!("the counters could not be read: {error:#}"))),
        }
        findings
    }
}

/// Returns the oracle's findings about a studio and the shared resources. A failure of the oracle is a finding.
async fn judge(app: &TestApp, studio: &Studio, originals: &HashMap<uuid::Uuid, Vec<u8>>) -> Findings {
    let looked = async {
        let mut findings = oracle::look(app, studio, originals).await?;
        findings.absorb(oracle::look_around(app).await?);
        anyhow::Ok(findings)
    };
    looked.await.unwrap_or_else(|error| failed(&format!("the oracle could not look: {error:#}")))
}

fn failed(sentence: &str) -> Findings {
    Findings { violations: vec![sentence.to_owned()], ..Findings::default() }
}

/// Returns a new studio.
fn studio() -> Studio {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let name = format!("studio-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    name.parse().expect("a studio's name")
}

/// Adds a violation for failed records, where nothing may fail for good.
fn none_may_fail(findings: &mut Findings) {
    if findings.failed > 0 {
        findings.violations.push(format!("{} records failed, without need", findings.failed));
    }
}
