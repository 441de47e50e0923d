//! The shortest history that still fails: without the faults and the steps that it does not need.

use std::collections::BTreeSet;

use crate::history::{Calm, Options, Report, run};

/// Largest number of histories that are tried.
const MAX_TRIES: u32 = 300;

/// Removes faults and steps of a failing history as long as it fails. Returns the shortest one found, and its report.
///
/// Removing a step changes the random numbers of the calls after it, so the shortest history may fail in another way.
pub fn shrink(failing: Options, report: Report) -> (Options, Report) {
    let mut shortest = Shortest { options: failing, report, tries: 0 };
    for calm in Calm::ALL {
        let mut options = shortest.options.clone();
        if options.without.insert(calm) {
            shortest.consider(options);
        }
    }
    let mut size = shortest.report.story.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < shortest.report.story.len() {
            let steps: Vec<usize> = shortest.report.story.iter().map(|step| step.number).collect();
            let removed: BTreeSet<usize> = steps[from..(from + size).min(steps.len())].iter().copied().collect();
            let only = steps.into_iter().filter(|step| !removed.contains(step)).collect();
            if !shortest.consider(Options { only: Some(only), ..shortest.options.clone() }) {
                from += size;
            }
        }
        size /= 2;
    }
    (shortest.options, shortest.report)
}

struct Shortest {
    options: Options,
    report: Report,
    tries: u32,
}

impl Shortest {
    /// Plays a history, and keeps it if it fails.
    fn consider(&mut self, options: Options) -> bool {
        if self.tries == MAX_TRIES {
            return false;
        }
        self.tries += 1;
        let report = run(&options);
        if report.violations.is_empty() {
            return false;
        }
        (self.options, self.report) = (options, report);
        true
    }
}
