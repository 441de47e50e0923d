//! A line to S3 that kills the archive builder at one of its parts.

use std::{
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::future::BoxFuture;
use http::{Method, StatusCode};
use tests::{
    processes::Host,
    proxy::{Fate, Line, Seen},
};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The value of [`State::last`] while no kill is due.
const NEVER: usize = 0;

/// The line; clones share one state.
#[derive(Clone)]
pub struct Killer(Arc<State>);

struct State {
    host: Arc<Host>,
    /// The number of the last part, from 1. Until it is sent, parts pass one by one, so that what is in S3 is known.
    last: AtomicUsize,
    one_by_one: Arc<AsyncMutex<()>>,
    /// The turn of the part in progress; [`Line::answered`] ends it.
    turn: Mutex<Option<OwnedMutexGuard<()>>>,
    sent: AtomicUsize,
    made: AtomicUsize,
}

impl Killer {
    /// Returns a line that passes everything until [`Self::kill_at`].
    pub fn new(host: Arc<Host>) -> Self {
        Self(Arc::new(State {
            host,
            last: AtomicUsize::new(NEVER),
            one_by_one: Arc::default(),
            turn: Mutex::default(),
            sent: AtomicUsize::new(0),
            made: AtomicUsize::new(0),
        }))
    }

    /// Kills the builder when it sends the part of this number, from 1.
    pub fn kill_at(&self, part: usize) {
        self.0.sent.store(0, Ordering::SeqCst);
        self.0.last.store(part, Ordering::SeqCst);
    }

    /// Returns whether the kill has happened.
    pub fn has_killed(&self) -> bool {
        self.0.last.load(Ordering::SeqCst) == NEVER
    }

    /// Returns the number of parts that S3 has confirmed since the last call.
    pub fn made(&self) -> usize {
        self.0.made.swap(0, Ordering::SeqCst)
    }
}

impl State {
    async fn fate(&self) -> Fate {
        if self.last.load(Ordering::SeqCst) == NEVER {
            return Fate::Pass;
        }
        let turn = self.one_by_one.clone().lock_owned().await;
        let last = self.last.load(Ordering::SeqCst);
        if self.sent.fetch_add(1, Ordering::SeqCst) + 1 < last {
            *self.turn.lock().unwrap() = Some(turn);
            return Fate::Pass;
        }
        if last != NEVER {
            kill(&self.host, "archive-builder");
            self.last.store(NEVER, Ordering::SeqCst);
        }
        // Parts that waited for their turn were the dead builder's too.
        Fate::Lost
    }
}

impl Line for Killer {
    fn arrives(&self, seen: Seen) -> BoxFuture<'static, Fate> {
        let state = self.0.clone();
        Box::pin(async move { if is_part(&seen) { state.fate().await } else { Fate::Pass } })
    }

    fn answered(&self, seen: &Seen, status: StatusCode) {
        if is_part(seen) {
            self.0.made.fetch_add(usize::from(status.is_success()), Ordering::SeqCst);
            self.0.turn.lock().unwrap().take();
        }
    }
}

fn is_part(seen: &Seen) -> bool {
    seen.method == Method::PUT && seen.uri.query().is_some_and(|query| query.contains("partNumber="))
}

/// Kills all processes of a function.
pub fn kill(host: &Host, function: &str) {
    for pid in host.pids(function) {
        let sent = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        assert!(sent.unwrap().success(), "{function} {pid}");
    }
}
