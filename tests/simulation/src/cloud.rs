//! AWS of one history: the model services, and what happens between them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    faults::{Fate, Faults, Refusal, ServiceName},
    services::{
        Moment, Service as _,
        dynamodb::{DynamoDb, Snapshot},
        mappings::Mappings,
        s3::{S3, Settings},
        ses::{REPORTS, Report, Ses},
        shop::Shop,
        sqs::Sqs,
        ssm::Ssm,
    },
    time::Time,
    trace::Trace,
    truth::Truth,
};

/// Services of one history. Clones are the same cloud.
#[derive(Clone)]
pub struct Cloud {
    /// True time.
    pub time: Time,
    state: Arc<Mutex<State>>,
    check: Check,
    /// Wakes the event source mappings after messages may have become visible.
    pub messages: Arc<Notify>,
    /// Ends the history: it has more steps than any that comes to rest.
    pub restless: Arc<Notify>,
}

/// Most steps of a history. Those of seeds have 1,800 on average; seed 6162 had 29,374.
const MOST_STEPS: u64 = 200_000;

/// Check after every step, with the caller's name.
pub type Check = fn(&Cloud, &str);

/// State of the cloud.
pub struct State {
    /// Random numbers of the history.
    pub random: fastrand::Rng,
    /// Faults that happen now.
    pub faults: Faults,
    /// Faults of the whole history.
    pub drawn: Faults,
    /// Model of DynamoDB.
    pub dynamodb: DynamoDb,
    /// Model of S3.
    pub s3: S3,
    /// Model of SQS.
    pub sqs: Sqs,
    /// Model of SES.
    pub ses: Ses,
    /// Model of SSM.
    pub ssm: Ssm,
    /// Model of Lambda's event source mappings.
    pub mappings: Mappings,
    /// The shop's server.
    pub shop: Shop,
    /// Calls so far.
    pub trace: Trace,
    /// Keys of objects whose events S3 never sent.
    pub events_lost: BTreeSet<String>,
    /// Reports of SES that EventBridge delivered.
    pub reports: Vec<Report>,
    /// Time at which the suppression of an address was first stored.
    pub suppressed: BTreeMap<Uuid, Timestamp>,
    /// Records that failed at some time, after the last attempt.
    pub gave_up: BTreeSet<Uuid>,
    /// Copy of the tables of up to an hour ago.
    pub snapshot: Option<Snapshot>,
    /// Time at which the records of an earlier release were planted.
    pub planted_at: Option<Timestamp>,
    /// Facts that clients know.
    pub truth: Truth,
    /// Processes that claimed records, by attempt.
    pub owners: BTreeMap<String, String>,
    /// Time of the last killed process of each function.
    pub crashed: BTreeMap<&'static str, Timestamp>,
    /// Violations of invariants.
    pub violations: Vec<String>,
}

impl State {
    /// Creates empty services.
    pub fn new(random: fastrand::Rng, faults: Faults) -> Self {
        Self {
            random,
            drawn: faults.clone(),
            faults,
            dynamodb: DynamoDb::default(),
            s3: S3::new(Settings::default()),
            sqs: Sqs::default(),
            ses: Ses::default(),
            ssm: Ssm::default(),
            mappings: Mappings::default(),
            shop: Shop::default(),
            trace: Trace::default(),
            events_lost: BTreeSet::new(),
            reports: Vec::new(),
            suppressed: BTreeMap::new(),
            gave_up: BTreeSet::new(),
            snapshot: None,
            planted_at: None,
            truth: Truth::default(),
            owners: BTreeMap::new(),
            crashed: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    /// Applies a request to its service.
    pub fn apply(&mut self, service: ServiceName, request: &Request<Bytes>, now: Timestamp) -> Response<Bytes> {
        let mut moment = Moment { now, random: &mut self.random };
        match service {
            ServiceName::DynamoDb => self.dynamodb.call(request, &mut moment),
            ServiceName::S3 => self.s3.call(request, &mut moment),
            ServiceName::Sqs => self.sqs.call(request, &mut moment),
            ServiceName::Ses => self.ses.call(request, &mut moment),
            ServiceName::Ssm => self.ssm.call(request, &mut moment),
            ServiceName::CloudWatch => Response::new(Bytes::from_static(br#"{"MetricDataResults":[]}"#)),
            // The network invokes functions.
            ServiceName::Lambda => self.mappings.call(request, &mut moment),
        }
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cloud")
    }
}

impl Cloud {
    /// Creates a cloud whose steps are checked.
    pub fn new(state: State, check: Check) -> Self {
        Self {
            time: Time::begin(),
            state: Arc::new(Mutex::new(state)),
            check,
            messages: Arc::default(),
            restless: Arc::default(),
        }
    }

    /// Returns the state. A history runs on one thread, so the lock is always free, unless the caller holds it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports a violation of an invariant.
    pub fn violated(&self, sentence: impl Into<String>) {
        let (sentence, now) = (sentence.into(), self.time.now());
        let mut state = self.state();
        let line = format!("{now} step {}: {sentence}", state.trace.steps());
        state.violations.push(line);
    }

    /// Draws the fate of a call and its latency.
    pub fn draw(&self, service: ServiceName) -> (Fate, Duration) {
        let elapsed = self.time.elapsed();
        let mut state = self.state();
        let state = &mut *state;
        let fate = state.faults.fate(service, elapsed, &mut state.random);
        (fate, Duration::from_millis(state.random.u64(1..30)))
    }

    /// Applies a request to its service now, delivers S3's events, and checks the invariants of one step.
    pub fn apply(&self, caller: &str, service: ServiceName, request: &Request<Bytes>) -> Response<Bytes> {
        let now = self.time.now();
        let response = {
            let mut state = self.state();
            let response = state.apply(service, request, now);
            state.trace.step(now, caller, request, &response);
            if state.trace.steps() == MOST_STEPS {
                state.violations.push(format!("{now} step {MOST_STEPS}: the history comes to no rest"));
                self.restless.notify_one();
            }
            response
        };
        if service == ServiceName::S3 {
            self.deliver_events();
        }
        if service == ServiceName::Ses {
            self.deliver_reports();
        }
        if service == ServiceName::Sqs {
            self.messages.notify_waiters();
        }
        (self.check)(self, caller);
        response
    }

    /// Stores an object by a client that signs correctly, and delivers S3's events.
    pub fn store(&self, caller: &str, bucket: &str, key: &str, bytes: Bytes) {
        let now = self.time.now();
        {
            let mut state = self.state();
            let state = &mut *state;
            let mut moment = Moment { now, random: &mut state.random };
            state.s3.put(bucket, key, bytes, &mut moment);
            state.trace.say(format!("{caller}: stored {key}"));
        }
        self.deliver_events();
        (self.check)(self, caller);
    }

    /// Sends S3's events to their queues, some late, twice or never.
    fn deliver_events(&self) {
        let mut state = self.state();
        let state = &mut *state;
        for event in state.s3.take_events() {
            if !self.deliver(state, &event.queue, &event.body) {
                state.events_lost.insert(event.key);
            }
        }
        self.messages.notify_waiters();
    }

    /// Sends SES's reports to the queue of EventBridge's rules, some late, twice or never.
    fn deliver_reports(&self) {
        let mut state = self.state();
        let state = &mut *state;
        for report in state.ses.take_reports() {
            if self.deliver(state, REPORTS, &report.body) {
                state.reports.push(report);
            }
        }
        self.messages.notify_waiters();
    }

    /// Sends a service's event to a queue, possibly late or twice. Returns false if the event is lost.
    fn deliver(&self, state: &mut State, queue: &str, body: &str) -> bool {
        if state.random.f64() < state.faults.event_lost {
            return false;
        }
        let copies = 1 + usize::from(state.random.f64() < state.faults.event_doubled);
        for _ in 0..copies {
            let late = state.random.f64() < state.faults.event_late;
            let most = if late { 6 * 3600 * 1000 } else { 5_000 };
            let delay_ms = state.random.i64(50..most);
            let mut moment = Moment { now: self.time.now(), random: &mut state.random };
            state.sqs.send(queue, body.to_owned(), delay_ms, &mut moment);
        }
        true
    }
}

/// Returns a service's own error.
pub fn refusal(service: ServiceName, refusal: Refusal) -> Response<Bytes> {
    let (status, code) = match (service, refusal) {
        (ServiceName::S3, Refusal::Throttled) => (503, "SlowDown"),
        (ServiceName::S3, Refusal::Denied) => (403, "AccessDenied"),
        (ServiceName::S3, Refusal::Kms) => (400, "KMS.DisabledException"),
        (ServiceName::S3, Refusal::Internal) => (500, "InternalError"),
        (ServiceName::Ses | ServiceName::Lambda, Refusal::Throttled) => (429, "TooManyRequestsException"),
        (ServiceName::Ses, Refusal::Internal) => (500, "InternalServiceErrorException"),
        (ServiceName::Sqs, Refusal::Kms) => (400, "KmsDisabled"),
        (ServiceName::Ssm, Refusal::Kms) => (400, "KMSInvalidStateException"),
        (_, Refusal::Throttled) => (400, "ThrottlingException"),
        (ServiceName::Ses, Refusal::Denied) => (403, "AccessDeniedException"),
        (_, Refusal::Denied) => (400, "AccessDeniedException"),
        (_, Refusal::Internal | Refusal::Kms) => (500, "InternalServerError"),
    };
    let body = match service {
        ServiceName::S3 => format!("<Error><Code>{code}</Code><Message>An outage</Message></Error>"),
        _ => format!(r#"{{"__type":"{code}","message":"An outage"}}"#),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert("x-amzn-errortype", http::HeaderValue::from_static(code));
    response
}
