//! The progress of the demo: bars on a terminal, lines elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The minimum time between two lines of one stage, without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Prints a line. A closed pipe, as after `head`, is no error.
pub fn say(line: &str) {
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}

/// The unit of an amount.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// A number of photos.
    Photos,
    /// Bytes, shown in MB.
    Bytes,
}

/// One stage of the demo.
pub struct Stage {
    title: &'static str,
    unit: Unit,
    started: Instant,
    bar: Option<ProgressBar>,
    total: u64,
    last_line: Instant,
}

impl Stage {
    /// Shows a new stage `title` with nothing done of `total`.
    pub fn start(title: &'static str, total: u64, unit: Unit) -> Self {
        let bar = std::io::stdout().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stdout());
            let template = match unit {
                Unit::Photos => "{prefix:<12} [{bar:36}] {pos}/{len} {msg}",
                Unit::Bytes => "{prefix:<12} [{bar:36}] {bytes}/{total_bytes} {msg}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(title);
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        let now = Instant::now();
        Self { title, unit, started: now, bar, total, last_line: now }
    }

    /// Shows that `done` of `total` is done.
    pub fn set(&mut self, done: u64, total: u64) {
        self.total = total;
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            say(&format!("{:<12} {} of {}", self.title, self.amount(done), self.amount(total)));
        }
    }

    /// Ends the stage with a line. Returns its duration in seconds.
    pub fn finish(self, note: &str) -> f64 {
        let seconds = self.started.elapsed().as_secs_f64();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        say(&format!("{:<12} {note}, {seconds:.1} s", self.title));
        seconds
    }

    fn amount(&self, amount: u64) -> String {
        match self.unit {
            Unit::Photos => amount.to_string(),
            Unit::Bytes => megabytes(amount),
        }
    }
}

impl Drop for Stage {
    /// Removes the bar of a stage that ends with an error: its updates would overwrite the error.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Formats an amount as `12.3 MB`, with a million bytes each; small amounts in bytes.
pub fn megabytes(bytes: u64) -> String {
    if bytes < 100_000 {
        return format!("{bytes} bytes");
    }
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_megabytes() {
        assert_eq!(megabytes(12_345_678), "12.3 MB");
        assert_eq!(megabytes(99), "99 bytes");
    }
}
