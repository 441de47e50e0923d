//! What is seen of an operation while it lasts: a spinner on a terminal, now and then a line elsewhere.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget};

/// Between two lines, where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shown beside the answers, on stderr; gone when dropped.
pub struct Progress {
    spinner: Option<ProgressBar>,
    last_line: Instant,
}

impl Progress {
    /// Begins to show.
    pub fn start() -> Self {
        let spinner = stderr().is_terminal().then(|| {
            let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Self { spinner, last_line: Instant::now() }
    }

    /// Shows where it is now.
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
