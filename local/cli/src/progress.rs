//! The progress of an operation: a spinner on a terminal, a line now and then elsewhere.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The minimum time between two lines, without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress on stderr. Dropping it removes the spinner.
pub struct Progress {
    spinner: Option<ProgressBar>,
    last_line: Instant,
}

impl Progress {
    /// Shows the progress.
    pub fn start() -> Self {
        let spinner = stderr().is_terminal().then(|| {
            let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Self { spinner, last_line: Instant::now() }
    }

    /// Updates the text.
    pub fn show(&mut self, text: String) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(text);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            drop(writeln!(stderr().lock(), "{text}"));
        }
    }
}

/// The progress of an upload on stderr: a bar on a terminal, a line now and then elsewhere.
pub struct Transfer {
    bar: Option<ProgressBar>,
    files: (usize, usize),
    bytes: (u64, u64),
    last_line: Instant,
}

impl Transfer {
    /// Shows the progress of so many files and bytes.
    pub fn start(files: usize, bytes: u64) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {msg} {eta}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, files: (0, files), bytes: (0, bytes), last_line: Instant::now() }
    }

    /// Counts a file.
    pub fn advance(&mut self, bytes: u64) {
        self.files.0 += 1;
        self.bytes.0 += bytes;
        let text = format!("{} of {} files", self.files.0, self.files.1);
        if let Some(bar) = &self.bar {
            bar.set_position(self.bytes.0);
            bar.set_message(text);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let (done, all) = (self.bytes.0 / 1_000_000, self.bytes.1 / 1_000_000);
            drop(writeln!(stderr().lock(), "{text}, {done} of {all} MB"));
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
