//! Dependencies of a function on its machine: time, random numbers, connections and processors.
//!
//! Production values are the default. A test moves the clock; a simulation replaces all four, so that a seed determines
//! the run. Nothing else in the functions reads the time or creates an id (`clippy.toml` in `functions` and
//! `shared/runtime`). Waits and measured durations use Tokio's clock, which a simulation stops.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector};
use jiff::Timestamp;
use uuid::{Builder, Uuid};

use crate::clock::Clock;

/// Time, random numbers, connections and processors, shared by clones.
#[derive(Clone)]
pub struct World {
    clock: Clock,
    random: Arc<dyn Fn() -> u128 + Send + Sync>,
    last_id: Arc<Mutex<LastId>>,
    http: Option<SharedHttpClient>,
    shops: Option<SharedHttpConnector>,
    cpu: Cpu,
}

/// Time and counter of the last UUIDv7.
#[derive(Default)]
struct LastId {
    milliseconds: u64,
    counter: u16,
}

/// Threads for CPU work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cpu {
    /// Tokio's threads for blocking work.
    Blocking,
    /// The caller's thread.
    Inline,
}

/// Largest counter of a UUIDv7: `rand_a` has 12 bits (RFC 9562, section 5.7).
const MAX_COUNTER: u16 = 0xfff;
/// Mask for the first counter of a millisecond. It lies in the lower half of its range, so that a millisecond has room
/// for 2,048 ids (RFC 9562, section 6.2).
const FIRST_COUNTER: u128 = 0x7ff;

impl World {
    /// Returns the production world: the machine's clock, random numbers of the operating system, HTTPS to AWS, Tokio's
    /// blocking threads.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is where random numbers come from")]
        let random = Arc::new(|| Uuid::new_v4().as_u128());
        Self { clock: Clock::system(), random, last_id: Arc::default(), http: None, shops: None, cpu: Cpu::Blocking }
    }

    /// Replaces the clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Replaces the source of random numbers of 128 bits.
    #[must_use]
    pub fn with_random(self, random: impl Fn() -> u128 + Send + Sync + 'static) -> Self {
        Self { random: Arc::new(random), ..self }
    }

    /// Replaces the HTTP client.
    #[must_use]
    pub fn with_http(self, client: SharedHttpClient) -> Self {
        Self { http: Some(client), ..self }
    }

    /// Replaces connections to shops, whose addresses are then not checked.
    #[must_use]
    pub fn with_shops(self, connector: SharedHttpConnector) -> Self {
        Self { shops: Some(connector), ..self }
    }

    /// Replaces the threads for CPU work.
    #[must_use]
    pub fn with_cpu(self, cpu: Cpu) -> Self {
        Self { cpu, ..self }
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the HTTP client, if it is not the default one of this process.
    pub fn http(&self) -> Option<&SharedHttpClient> {
        self.http.as_ref()
    }

    /// Returns the connections to shops, if they are not those of this process.
    pub fn shops(&self) -> Option<&SharedHttpConnector> {
        self.shops.as_ref()
    }

    /// Creates a random id.
    pub fn uuid_v4(&self) -> Uuid {
        Builder::from_random_bytes((self.random)().to_be_bytes()).into_uuid()
    }

    /// Creates an id from the current time. Ids of one process ascend, also within a millisecond.
    pub fn uuid_v7(&self) -> Uuid {
        let random = (self.random)();
        let now = u64::try_from(self.now().as_millisecond()).unwrap_or_default();
        let mut last = self.last_id.lock().unwrap_or_else(PoisonError::into_inner);
        if now > last.milliseconds {
            // The mask has 11 bits.
            *last = LastId { milliseconds: now, counter: u16::try_from((random >> 64) & FIRST_COUNTER).unwrap_or(0) };
        } else if last.counter < MAX_COUNTER {
            last.counter += 1;
        } else {
            *last = LastId { milliseconds: last.milliseconds + 1, counter: 0 };
        }
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&last.counter.to_be_bytes());
        bytes[2..].copy_from_slice(&random.to_be_bytes()[8..]);
        Builder::from_unix_timestamp_millis(last.milliseconds, &bytes).into_uuid()
    }

    /// Returns a random number from 0 to 1.
    pub fn jitter(&self) -> f64 {
        let bits = u32::try_from((self.random)() >> 96).unwrap_or(u32::MAX);
        f64::from(bits) / f64::from(u32::MAX)
    }

    /// Runs CPU work of more than some milliseconds off the executor. Returns an error if the work panics.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, tokio::task::JoinError> {
        match self.cpu {
            #[expect(clippy::disallowed_methods, reason = "this is where CPU work leaves the executor")]
            Cpu::Blocking => tokio::task::spawn_blocking(work).await,
            Cpu::Inline => Ok(work()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn ids_ascend_and_bear_the_time() {
        let world = World::system();
        let before = u64::try_from(world.now().as_millisecond()).expect("after 1970");
        let ids: Vec<_> = (0..10_000).map(|_| world.uuid_v7()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        let milliseconds = |id: &Uuid| u64::try_from(id.as_u128() >> 80).expect("48 bits");
        assert!((before..before + 10_000).contains(&milliseconds(&ids[0])));
        assert!(ids.iter().all(|id| id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122));
        assert_eq!(world.uuid_v4().get_version_num(), 4);
    }

    #[test]
    fn fixed_clock_does_not_exhaust_ids() {
        let world = World::system().with_random(|| u128::MAX);
        let clones: Vec<_> = (0..4).map(|_| world.clone()).collect();
        let mut ids: Vec<_> = (0..10_000).map(|n| clones[n % 4].uuid_v7()).collect();
        ids.dedup();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn same_seed_makes_the_same_numbers() {
        let seeded = || {
            let next = AtomicU64::new(7);
            World::system().with_random(move || u128::from(next.fetch_add(1, Ordering::SeqCst)) << 96)
        };
        let (a, b) = (seeded(), seeded());
        assert_eq!((a.uuid_v4(), a.jitter().to_bits()), (b.uuid_v4(), b.jitter().to_bits()));
        assert!((0.0..=1.0).contains(&a.jitter()));
    }

    #[tokio::test]
    async fn computing_reports_a_panic() {
        let world = World::system();
        assert_eq!(world.compute(|| 7).await.expect("no panic"), 7);
        assert!(world.compute(|| panic!("by the test")).await.is_err());
        assert_eq!(world.with_cpu(Cpu::Inline).compute(|| 7).await.expect("no panic"), 7);
    }
}
