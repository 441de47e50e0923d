//! Campaigns against the promise that nothing is lost and nothing happens twice. Each returns one [`Row`]; `cargo test`
//! runs them short, `cargo bench -p benches --bench faults` long.

mod backlog;
mod kills;
mod outages;
mod poison;
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

pub use self::{
    backlog::backlog,
    kills::{Kills, kills},
    outages::{Out, outage},
    poison::poison,
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
pub const FUNCTIONS: [&str; 5] = ["api", "email-sender", "photo-processor", "archive-builder", "housekeeper"];

/// Of the clients' usual patience, workers' and API's, so that a server that hangs costs 1.2 s, not 30 or 4; a
/// busy machine must not pass for one that hangs.
const HASTY_PERCENT: [u32; 2] = [4, 30];

/// A system whose time and steps are the campaign's, with a network that fails when told to.
pub struct Rig {
    /// The system.
    pub app: TestApp,
    /// The network.
    pub net: FaultNet,
}

impl Rig {
    /// A fresh one; `layer` stands around each invocation. Its clients are hasty.
    pub async fn start(layer: Option<Layer>) -> Result<Self> {
        Self::with(layer, HASTY_PERCENT).await
    }

    /// One whose clients wait as long as anywhere, however busy this machine is.
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
        // S3's test event comes first; it is nobody's job.
        while app.system().step().await? {}
        Ok(Self { app, net })
    }

    /// Walks the whole way in a studio of its own, and judges what is left.
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

/// What the oracle says of a studio and of what all share; its own failure is a finding.
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

/// A studio that nobody else has.
fn studio() -> Studio {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let name = format!("studio-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    name.parse().expect("a studio's name")
}

/// Where nothing may fail for good, a failed record is a violation.
fn none_may_fail(findings: &mut Findings) {
    if findings.failed > 0 {
        findings.violations.push(format!("{} records failed, without need", findings.failed));
    }
}
