//! Values of metrics that the library's user records, and their statistics.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

/// Values kept per metric. CloudWatch keeps values of a minute for 15 days.
const MAX_VALUES: usize = 100_000;

/// Name of a metric: namespace, name, and dimensions in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricName {
    /// Namespace.
    pub namespace: String,
    /// Name in the namespace.
    pub name: String,
    /// Names and values of the dimensions.
    pub dimensions: Vec<(String, String)>,
}

/// Recorded values. They are in memory only.
#[derive(Default)]
pub struct Samples(Mutex<HashMap<MetricName, VecDeque<(f64, f64)>>>);

/// Statistic of the values of a period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// Sum.
    Sum,
    /// Mean.
    Average,
    /// Smallest value.
    Minimum,
    /// Largest value.
    Maximum,
    /// Number of values.
    SampleCount,
    /// Percentile, from 0 to 100.
    Percentile(f64),
}

impl Statistic {
    /// Returns the statistic with this name: `Sum`, `p95` or `p99.9`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            _ => Self::Percentile(text.strip_prefix('p')?.parse().ok().filter(|p| (0.0..=100.0).contains(p))?),
        })
    }

    /// Returns the statistic of at least one value.
    #[expect(clippy::cast_precision_loss, reason = "counts of values")]
    fn of(self, values: &mut [f64]) -> f64 {
        values.sort_unstable_by(f64::total_cmp);
        match self {
            Self::Sum => values.iter().sum(),
            Self::Average => values.iter().sum::<f64>() / values.len() as f64,
            Self::Minimum => values[0],
            Self::Maximum => values[values.len() - 1],
            Self::SampleCount => values.len() as f64,
            Self::Percentile(percent) => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the slice")]
                let rank = (percent / 100.0 * values.len() as f64).ceil() as usize;
                values[rank.clamp(1, values.len()) - 1]
            }
        }
    }
}

impl Samples {
    /// Records a value at a time in seconds since 1970.
    pub fn record(&self, metric: MetricName, at: f64, value: f64) {
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let values = samples.entry(metric).or_default();
        if values.len() == MAX_VALUES {
            values.pop_front();
        }
        values.push_back((at, value));
    }

    /// Returns the statistic of each period with values that begins from `start` on and before `end`, oldest first.
    pub fn series(&self, metric: &MetricName, (start, end): (f64, f64), period: f64, of: Statistic) -> Vec<(f64, f64)> {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut periods: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for (at, value) in samples.get(metric).into_iter().flatten() {
            let begins = (at / period).floor() * period;
            if begins >= (start / period).floor() * period && begins < end {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "whole seconds since 1970"
                )]
                periods.entry(begins as u64).or_default().push(*value);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        periods.into_iter().map(|(begins, mut values)| (begins as f64, of.of(&mut values))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_summed_up_by_period() {
        let samples = Samples::default();
        let metric = |name: &str| MetricName { namespace: "N".into(), name: name.into(), dimensions: Vec::new() };
        for (at, value) in [(59.0, 1.0), (60.0, 2.0), (119.9, 4.0), (240.0, 8.0)] {
            samples.record(metric("m"), at, value);
        }
        let of = |range, of| samples.series(&metric("m"), range, 60.0, of);
        assert_eq!(of((0.0, 300.0), Statistic::Sum), [(0.0, 1.0), (60.0, 6.0), (240.0, 8.0)]);
        assert_eq!(of((90.0, 240.0), Statistic::Sum), [(60.0, 6.0)], "the start is rounded down, the end exclusive");
        assert_eq!(of((60.0, 120.0), Statistic::Average), [(60.0, 3.0)]);
        assert_eq!(of((60.0, 120.0), Statistic::SampleCount), [(60.0, 2.0)]);
        assert_eq!(samples.series(&metric("other"), (0.0, 300.0), 60.0, Statistic::Sum), []);
    }

    #[test]
    fn percentiles_are_values() {
        let mut values: Vec<f64> = (1..=100).map(f64::from).collect();
        let of = |text: &str, values: &mut [f64]| Statistic::parse(text).map(|statistic| statistic.of(values));
        assert_eq!(of("p50", &mut values), Some(50.0));
        assert_eq!(of("p95", &mut values), Some(95.0));
        assert_eq!(of("p0", &mut values), Some(1.0));
        assert_eq!((of("Minimum", &mut values), of("Maximum", &mut values)), (Some(1.0), Some(100.0)));
        assert_eq!((Statistic::parse("p101"), Statistic::parse("median")), (None, None));
    }
}
