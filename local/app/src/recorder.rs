//! Metrics of functions in this process: the values that each would write as EMF lines go to the stand-in of CloudWatch.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anyhow::Result;
use futures::future::BoxFuture;
use local_aws::{Samples, cloudwatch::MetricName};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use runtime::{
    clock::Clock,
    metrics::{DIMENSION, NAMESPACE},
};
use serde_json::Value;

/// An invocation in progress, which returns the function's response.
type Invocation = BoxFuture<'static, Result<Value>>;

/// Recorder of one function.
#[derive(Clone)]
pub struct ToCloudWatch {
    function: String,
    samples: Arc<Samples>,
    clock: Clock,
}

/// An invocation whose metrics are recorded.
struct Recorded {
    recorder: ToCloudWatch,
    invocation: Invocation,
}

/// A metric of a function.
struct Metric {
    of: ToCloudWatch,
    name: String,
}

impl ToCloudWatch {
    /// Creates the recorder of a function.
    pub fn new(function: &str, samples: Arc<Samples>, clock: Clock) -> Self {
        Self { function: function.to_owned(), samples, clock }
    }

    /// Records the metrics of an invocation.
    pub fn record(self, invocation: Invocation) -> Invocation {
        Box::pin(Recorded { recorder: self, invocation })
    }

    fn metric(&self, key: &Key) -> Arc<Metric> {
        Arc::new(Metric { of: self.clone(), name: key.name().to_owned() })
    }
}

impl Future for Recorded {
    type Output = Result<Value>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { recorder, invocation } = &mut *self;
        metrics::with_local_recorder(&*recorder, || invocation.as_mut().poll(context))
    }
}

impl Recorder for ToCloudWatch {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}

impl Metric {
    fn add(&self, value: f64) {
        let dimensions = vec![(DIMENSION.to_owned(), self.of.function.clone())];
        let metric = MetricName { namespace: NAMESPACE.to_owned(), name: self.name.clone(), dimensions };
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        let at = self.of.clock.now().as_second() as f64;
        self.of.samples.record(metric, at, value);
    }
}

impl CounterFn for Metric {
    fn increment(&self, value: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        self.add(value as f64);
    }
    fn absolute(&self, _: u64) {}
}

impl HistogramFn for Metric {
    fn record(&self, value: f64) {
        self.add(value);
    }
}
