//! Faults of a history: how calls fail, and outages of services.

use std::time::Duration;

use serde::Serialize;

/// Time in which a waiting message is received 40 times, though nobody can hide it: the shortest visibility timeout of a
/// queue is 6 min.
const MANY_RECEIVES: Duration = Duration::from_secs(4 * 3600);

/// A service that functions call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum ServiceName {
    /// DynamoDB.
    DynamoDb,
    /// S3.
    S3,
    /// SQS.
    Sqs,
    /// SES.
    Ses,
    /// SSM's Parameter Store.
    Ssm,
    /// Lambda's Invoke and its event source mappings.
    Lambda,
    /// CloudWatch's metrics.
    CloudWatch,
}

impl ServiceName {
    /// All services.
    pub const ALL: [Self; 7] =
        [Self::DynamoDb, Self::S3, Self::Sqs, Self::Ses, Self::Ssm, Self::Lambda, Self::CloudWatch];

    /// Returns the service of a name in a signature's scope.
    pub fn of_scope(scope: &str) -> Option<Self> {
        Some(match scope {
            "dynamodb" => Self::DynamoDb,
            "s3" => Self::S3,
            "sqs" => Self::Sqs,
            "ses" => Self::Ses,
            "ssm" => Self::Ssm,
            "lambda" => Self::Lambda,
            "monitoring" => Self::CloudWatch,
            _ => return None,
        })
    }
}

/// Fate of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The call takes effect and its reply arrives.
    Pass,
    /// The connection breaks before the call arrives.
    Lost,
    /// The call takes effect, and its reply is lost.
    ReplyLost,
    /// The service refuses the call.
    Refused(Refusal),
    /// The call takes effect, and its reply is an error of the service.
    RefusedAfter,
    /// The call takes effect, and its reply arrives this late.
    Late(Duration),
    /// The call takes effect this late, even if its client has ended; no reply arrives.
    Ghost(Duration),
    /// No reply arrives, and the call has no effect.
    Hangs,
}

/// Way in which a service refuses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Refusal {
    /// Status 500.
    Internal,
    /// The service's throttling.
    Throttled,
    /// Status 403: denied access.
    Denied,
    /// An error of the KMS key with which the service encrypts.
    Kms,
}

/// An outage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outage {
    /// The service; `None` is KMS, which S3, SQS and SSM depend on.
    pub service: Option<ServiceName>,
    /// Time from the beginning of the history to the first failing call.
    pub from: Duration,
    /// Time from the beginning of the history to the end.
    pub until: Duration,
    /// Way in which calls fail; `None` hangs.
    pub manner: Option<Refusal>,
    /// Chance, from 0 to 1, that a call fails.
    pub share: f64,
}

impl Outage {
    fn concerns(&self, service: ServiceName, elapsed: Duration) -> bool {
        let is_concerned = match self.service {
            Some(out) => out == service,
            None => matches!(service, ServiceName::S3 | ServiceName::Sqs | ServiceName::Ssm),
        };
        is_concerned && (self.from..self.until).contains(&elapsed)
    }
}

/// Faults of a history. Rates are chances from 0 to 1.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Faults {
    /// Chance that a call fails in one of the ways of [`Fate`].
    pub call: f64,
    /// Chance that an invocation's process is killed in the middle.
    pub kill: f64,
    /// Chance that an invocation's process is frozen for seconds or minutes.
    pub freeze: f64,
    /// Chance that an invocation starts a new host though one is idle.
    pub cold_start: f64,
    /// Largest difference between a host's clock and the true time, in milliseconds.
    pub skew_ms: i64,
    /// Chance that a message is delivered twice.
    pub doubled: f64,
    /// Chance that an event of S3 or a report of SES is delivered twice.
    pub event_doubled: f64,
    /// Chance that one is delivered hours late.
    pub event_late: f64,
    /// Chance that one is never delivered.
    pub event_lost: f64,
    /// Largest lag of an index behind its table, in milliseconds.
    pub index_lag_ms: i64,
    /// Chance that a batch leaves an entry unprocessed.
    pub unprocessed: f64,
    /// Outages.
    pub outages: Vec<Outage>,
}

impl Faults {
    /// Draws the faults of a history whose clients act for `active`, with outages of at most `longest`.
    pub fn draw(random: &mut fastrand::Rng, active: Duration, longest: Duration) -> Self {
        // Some histories have few kinds of faults, so that a rare combination is not hidden behind frequent ones.
        let mut chance = |most: f64| if random.bool() { random.f64() * most } else { 0.0 };
        let (call, kill, freeze) = (chance(0.08), chance(0.3), chance(0.15));
        let (cold_start, doubled, event_doubled) = (chance(0.2), chance(0.2), chance(0.3));
        let (event_late, event_lost, unprocessed) = (chance(0.1), chance(0.05), chance(0.2));
        let skew_ms = if random.bool() { 5_000 } else { 0 };
        let index_lag_ms = if random.bool() { random.i64(1..5_000) } else { 0 };
        let outages = (0..random.usize(0..4)).map(|_| Self::draw_outage(random, active, longest)).collect();
        Self {
            call,
            kill,
            freeze,
            cold_start,
            skew_ms,
            doubled,
            event_doubled,
            event_late,
            event_lost,
            index_lag_ms,
            unprocessed,
            outages,
        }
    }

    fn draw_outage(random: &mut fastrand::Rng, active: Duration, longest: Duration) -> Outage {
        let from = active.mul_f64(random.f64());
        let lasts = match random.u8(0..4) {
            0 => Duration::from_secs(random.u64(1..60)),
            1 | 2 => Duration::from_secs(random.u64(60..3600)),
            _ => Duration::from_secs(random.u64(3600..30 * 3600)),
        };
        let services = ServiceName::ALL;
        let service = (random.u8(0..8) > 0).then(|| services[random.usize(..services.len())]);
        let manner = match random.u8(0..4) {
            _ if service.is_none() => Some(Refusal::Kms),
            0 => Some(Refusal::Internal),
            1 => Some(Refusal::Throttled),
            2 => Some(Refusal::Denied),
            _ => None,
        };
        let share = if random.bool() { 1.0 } else { 0.2 + 0.7 * random.f64() };
        Outage { service, from, until: from + lasts.min(longest), manner, share }
    }

    /// Draws the fate of a call.
    pub fn fate(&self, service: ServiceName, elapsed: Duration, random: &mut fastrand::Rng) -> Fate {
        for outage in self.outages.iter().filter(|outage| outage.concerns(service, elapsed)) {
            if random.f64() < outage.share {
                return outage.manner.map_or(Fate::Hangs, Fate::Refused);
            }
        }
        if random.f64() >= self.call {
            return Fate::Pass;
        }
        match random.u8(0..9) {
            0 => Fate::Lost,
            1 | 2 => Fate::ReplyLost,
            3 => Fate::Refused(Refusal::Internal),
            4 => Fate::Refused(Refusal::Throttled),
            5 => Fate::RefusedAfter,
            6 => Fate::Late(Duration::from_millis(random.u64(100..40_000))),
            7 => Fate::Ghost(Duration::from_millis(random.u64(1_000..900_000))),
            _ => Fate::Hangs,
        }
    }

    /// Returns whether the only faults are services other than DynamoDB that refuse calls. No attempt counts then.
    ///
    /// An attempt whose end DynamoDB does not accept counts like a crash.
    pub fn only_refuses(&self) -> bool {
        let calm = self.call == 0.0 && self.kill == 0.0 && self.freeze == 0.0;
        let refuses = |outage: &Outage| outage.manner.is_some() && outage.service != Some(ServiceName::DynamoDb);
        calm && self.outages.iter().all(refuses)
    }

    /// Returns whether the service answers with status 500 in an outage.
    pub fn answers_500(&self, service: ServiceName) -> bool {
        let internal = |outage: &Outage| outage.service == Some(service) && outage.manner == Some(Refusal::Internal);
        self.outages.iter().any(internal)
    }

    /// Returns whether SQS, or the key by which it encrypts, fails for so long that a waiting message may be received as
    /// often as its queue allows. No replacement can be sent then; the sweep sends the job again.
    pub fn queues_fail_for_hours(&self) -> bool {
        let of_queues = |outage: &&Outage| matches!(outage.service, None | Some(ServiceName::Sqs));
        self.outages.iter().filter(of_queues).any(|outage| outage.until.saturating_sub(outage.from) > MANY_RECEIVES)
    }

    /// Returns whether the only faults are killed processes. A crash then costs one lease.
    pub fn only_kills(&self) -> bool {
        self.call == 0.0 && self.freeze == 0.0 && self.skew_ms == 0 && self.outages.is_empty()
    }

    /// Ends all faults: from now on the services work.
    pub fn end(&mut self) {
        *self = Self::default();
    }

    /// Returns whether any fault is possible at this time. Then a request may be answered with 503.
    pub fn may_fail(&self) -> bool {
        self.call > 0.0 || self.kill > 0.0 || self.freeze > 0.0 || !self.outages.is_empty() || self.unprocessed > 0.0
    }
}
