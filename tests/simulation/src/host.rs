//! A process on a host of Lambda: it can be killed between any two calls, and frozen for a while.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, Sleep},
};

/// A process.
#[derive(Debug)]
pub struct Process {
    name: String,
    disturbance: Mutex<Option<Disturbance>>,
    frozen_until: Mutex<Option<Instant>>,
    killed: Notify,
}

/// A planned disturbance of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disturbance {
    /// Number of half calls (before and after each call) until the disturbance.
    pub half_calls: u32,
    /// Kind of the disturbance.
    pub kind: DisturbanceKind,
}

/// Kind of a disturbance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisturbanceKind {
    /// The process ends.
    Kill,
    /// The process does not run for this time.
    Freeze(Duration),
}

impl Process {
    /// Creates a process with this name, such as `email-sender/3`.
    pub fn new(name: String) -> Self {
        Self { name, disturbance: Mutex::default(), frozen_until: Mutex::default(), killed: Notify::new() }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Plans a disturbance of the next invocation; `None` plans none.
    pub fn plan(&self, disturbance: Option<Disturbance>) {
        *self.disturbance.lock().unwrap_or_else(PoisonError::into_inner) = disturbance;
    }

    /// Waits for the disturbance that is planned for this point, before or after a call. Never returns in a killed
    /// process.
    pub async fn half_call(&self) {
        let due = {
            let mut planned = self.disturbance.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *planned {
                None => return,
                Some(disturbance) if disturbance.half_calls > 0 => {
                    disturbance.half_calls -= 1;
                    return;
                }
                Some(_) => planned.take(),
            }
        };
        match due.map(|disturbance| disturbance.kind) {
            None => {}
            Some(DisturbanceKind::Kill) => {
                self.killed.notify_one();
                std::future::pending::<()>().await;
            }
            Some(DisturbanceKind::Freeze(lasts)) => {
                let until = Instant::now() + lasts;
                *self.frozen_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
                // The caller is frozen with the process. This wakes it at the end.
                tokio::time::sleep(lasts).await;
            }
        }
    }

    /// Returns the time for which the process stays frozen; `None` if it runs.
    pub fn frozen_for(&self) -> Option<Duration> {
        self.frozen_until().map(|until| until.duration_since(Instant::now()))
    }

    fn frozen_until(&self) -> Option<Instant> {
        let until = *self.frozen_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| *until > Instant::now())
    }
}

/// An invocation of a process. Returns `None` if the process was killed.
pub async fn run<F: Future>(process: Arc<Process>, invocation: F) -> Option<F::Output> {
    let killed = process.clone();
    let killed = std::pin::pin!(killed.killed.notified());
    let running = Freezable { process, inner: Box::pin(invocation), thaw: None };
    match futures::future::select(killed, running).await {
        futures::future::Either::Left(_) => None,
        futures::future::Either::Right((output, _)) => Some(output),
    }
}

/// A future that does not run while its process is frozen.
struct Freezable<F> {
    process: Arc<Process>,
    inner: Pin<Box<F>>,
    thaw: Option<Pin<Box<Sleep>>>,
}

impl<F: Future> Future for Freezable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        while let Some(until) = self.process.frozen_until() {
            let thaw = self.thaw.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            if thaw.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.thaw = None;
        }
        self.inner.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn killed_process_stops_at_its_call() {
        let process = Arc::new(Process::new("p".into()));
        process.plan(Some(Disturbance { half_calls: 1, kind: DisturbanceKind::Kill }));
        let calls = async |process: Arc<Process>| {
            process.half_call().await;
            process.half_call().await;
        };
        assert_eq!(run(process.clone(), calls(process.clone())).await, None);
        assert_eq!(run(process.clone(), calls(process.clone())).await, Some(()));
    }

    #[tokio::test(start_paused = true)]
    async fn frozen_process_does_not_notice_the_time() {
        let process = Arc::new(Process::new("p".into()));
        let freeze = DisturbanceKind::Freeze(Duration::from_secs(100));
        process.plan(Some(Disturbance { half_calls: 0, kind: freeze }));
        let begun = Instant::now();
        let other = process.clone();
        let run = run(process.clone(), async move {
            let timer = tokio::time::timeout(Duration::from_secs(10), std::future::pending::<()>());
            let ((), timer) = tokio::join!(other.half_call(), timer);
            (Instant::now() - begun, timer.is_err())
        });
        assert_eq!(run.await, Some((Duration::from_secs(100), true)));
    }
}
