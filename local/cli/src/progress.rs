//! The progress of an operation: a spinner on a terminal, a line now and then elsewhere.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget};

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

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
