//! One history: a story of clients, faults until an hour, then quiet days without an operator.

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::{Arc, Once},
    time::Duration,
};

use serde::Serialize;

use crate::{
    clients::Clients,
    cloud::{Cloud, State},
    event_source,
    faults::Faults,
    gateway::Gateway,
    invariants,
    lambda::Lambda,
    recording::Recording,
    schedule, setup,
    story::{self, ACTIVE, Step},
};

/// Time that clients' late actions take after their beginning.
const LATE_ACTIONS: Duration = Duration::from_secs(8 * 3600);
/// Quiet time after the last fault, after which every record is final, announced photos excepted.
const QUIET: Duration = Duration::from_secs(4 * 24 * 3600);
/// Quiet time after which announced photos are gone too: their records expire after 7 days, or 12 with a multipart upload.
const QUIET_FOR_ANNOUNCED: Duration = Duration::from_secs(13 * 24 * 3600);

/// Longest outage of a brief history.
const BRIEF: Duration = Duration::from_secs(3600);

/// Choice of a history.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Seed of the story, the faults and all random numbers.
    pub seed: u64,
    /// Story instead of that of the seed.
    pub story: Option<Vec<Step>>,
    /// Faults instead of those of the seed.
    pub faults: Option<Faults>,
    /// Steps of the story to play; `None` plays all.
    pub only: Option<BTreeSet<usize>>,
    /// Kinds of faults that do not happen.
    pub without: BTreeSet<Calm>,
    /// Whether no outage lasts longer than an hour, so that the history has few calls.
    pub brief: bool,
    /// Whether the history begins with what an earlier release left ([`recording`]).
    pub upgrade: bool,
    /// Whether the report has the last calls in words.
    pub verbose: bool,
}

/// A kind of fault that a history can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Calm {
    /// No failing calls.
    Calls,
    /// No killed processes.
    Kills,
    /// No frozen processes.
    Freezes,
    /// No skewed clocks.
    Skew,
    /// No doubled messages and events.
    Doubles,
    /// No late or lost events.
    Events,
    /// No lagging indexes and unprocessed entries.
    Lag,
    /// No outages.
    Outages,
}

impl Calm {
    /// All kinds.
    pub const ALL: [Self; 8] =
        [Self::Calls, Self::Kills, Self::Freezes, Self::Skew, Self::Doubles, Self::Events, Self::Lag, Self::Outages];

    fn apply(self, faults: &mut Faults) {
        match self {
            Self::Calls => faults.call = 0.0,
            Self::Kills => faults.kill = 0.0,
            Self::Freezes => faults.freeze = 0.0,
            Self::Skew => faults.skew_ms = 0,
            Self::Doubles => (faults.doubled, faults.event_doubled) = (0.0, 0.0),
            Self::Events => (faults.event_late, faults.event_lost) = (0.0, 0.0),
            Self::Lag => (faults.index_lag_ms, faults.unprocessed) = (0, 0.0),
            Self::Outages => faults.outages.clear(),
        }
    }
}

/// Result of a history.
#[derive(Debug, Clone)]
pub struct Report {
    /// Seed.
    pub seed: u64,
    /// Number of calls of services.
    pub steps: u64,
    /// Virtual time.
    pub lasted: Duration,
    /// Digest of all calls.
    pub digest: u64,
    /// Violations of invariants, in words.
    pub violations: Vec<String>,
    /// Number of requests of each kind that had their effect.
    pub effects: Vec<(&'static str, usize)>,
    /// Steps of the story that were played.
    pub story: Vec<Step>,
    /// Faults.
    pub faults: Faults,
    /// Last calls in words, if asked for.
    pub last: Vec<String>,
}

/// Plays a history.
pub fn run(options: &Options) -> Report {
    count_panics();
    PANICS.set(0);
    // The SDK draws its jitter from the thread's generator.
    fastrand::seed(options.seed);
    runtime().block_on(play(options))
}

/// Returns a runtime with virtual time.
fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap_or_else(|error| panic!("a runtime without sockets starts: {error}"))
}

/// Plays the first seconds of a history, and returns what they left.
pub fn record(options: &Options, after_s: u64) -> Recording {
    fastrand::seed(options.seed);
    runtime().block_on(async {
        let begun = Begun::new(options).await;
        tokio::time::sleep(Duration::from_secs(after_s)).await;
        let recording = Recording::take(&begun.cloud.state(), after_s);
        begun.lambda.end();
        recording
    })
}

/// A history whose clients act.
struct Begun {
    cloud: Cloud,
    lambda: Lambda,
    story: Vec<Step>,
    faults: Faults,
}

impl Begun {
    async fn new(options: &Options) -> Self {
        let mut random = fastrand::Rng::with_seed(options.seed);
        let mut story = story::draw(&mut random);
        if let Some(chosen) = &options.story {
            story.clone_from(chosen);
        }
        if let Some(only) = &options.only {
            story.retain(|step| only.contains(&step.number));
        }
        let longest = if options.brief { BRIEF } else { Duration::MAX };
        let mut faults = Faults::draw(&mut random, ACTIVE, longest);
        if let Some(chosen) = &options.faults {
            faults.clone_from(chosen);
        }
        options.without.iter().for_each(|calm| calm.apply(&mut faults));
        let mut state = State::new(random, faults.clone());
        state.trace.verbose = options.verbose;
        setup::create(&mut state);
        let cloud = Cloud::new(state, invariants::after_step);
        let lambda = Lambda::new(cloud.clone());
        if options.upgrade {
            upgrade(options.seed, &cloud, &mut story).await;
        } else {
            setup::fill(&cloud, &lambda).await;
        }
        event_source::start(&cloud, &lambda);
        schedule::start(&cloud);
        let truth = cloud.state().truth.clone();
        let clients = Clients { gateway: Gateway { cloud: cloud.clone(), lambda: lambda.clone() }, truth };
        clients.start(&story);
        Self { cloud, lambda, story, faults }
    }
}

async fn play(options: &Options) -> Report {
    let Begun { cloud, lambda, story, faults } = Begun::new(options).await;
    tokio::select! {
        biased;
        () = cloud.restless.notified() => {}
        () = until_rest(&cloud, &faults) => {}
    }
    if PANICS.get() > 0 {
        cloud.violated(format!("{} panics", PANICS.get()));
    }
    lambda.end();
    let lasted = cloud.time.elapsed();
    let effects = cloud.state().truth.facts().effects();
    let mut state = cloud.state();
    Report {
        seed: options.seed,
        steps: state.trace.steps(),
        lasted,
        digest: state.trace.digest(),
        violations: std::mem::take(&mut state.violations),
        effects,
        story,
        faults,
        last: state.trace.last().map(str::to_owned).collect(),
    }
}

/// Plays until every record should be at rest, and checks that it is.
async fn until_rest(cloud: &Cloud, faults: &Faults) {
    let last_outage = faults.outages.iter().map(|outage| outage.until).max().unwrap_or_default();
    tokio::time::sleep(last_outage.max(ACTIVE + LATE_ACTIONS)).await;
    cloud.end_faults();
    tokio::time::sleep(QUIET).await;
    invariants::finally(cloud, invariants::Announced::MayWait);
    tokio::time::sleep(QUIET_FOR_ANNOUNCED.saturating_sub(QUIET)).await;
    cloud.expire();
    invariants::finally(cloud, invariants::Announced::AreGone);
}

/// Begins with what an earlier release left. About half of the actions are about its photos, orders and downloads.
async fn upgrade(seed: u64, cloud: &Cloud, story: &mut [Step]) {
    let recording = Recording::of_seed(seed).unwrap_or_else(|error| panic!("a recording is readable: {error:#}"));
    tokio::time::sleep(Duration::from_secs(recording.after_s)).await;
    let now = cloud.time.now();
    recording.plant(&mut cloud.state(), now).unwrap_or_else(|error| panic!("a recording has Base64: {error:#}"));
    let mut random = fastrand::Rng::with_seed(seed);
    for step in story {
        recording.redirect(&mut step.action, &mut random);
    }
}

thread_local! {
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// Counts the panics of this thread. Workers catch them, and retry the job.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual: Arc<dyn Fn(&std::panic::PanicHookInfo<'_>) + Send + Sync> = std::panic::take_hook().into();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            usual(info);
        }));
    });
}
