//! The command's arguments.

use clap::{Args, Parser, Subcommand};

/// Looks after Darkroom's queues and failed jobs, over its API.
///
/// Ends with 0 if all is well, 1 if a queue is not (`queues`) or a job was skipped (`retry`), 2 after an error.
#[derive(Debug, Parser)]
#[command(name = "darkroom", version)]
pub struct Cli {
    /// Where the API is.
    #[arg(long, global = true, value_name = "URL", env = "DARKROOM_API", default_value = "http://localhost:8080")]
    pub api: String,
    /// An operator's token; one for the API of this machine need not be given.
    #[arg(long, global = true, value_name = "TOKEN", env = "DARKROOM_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Print the API's answers as they are, one a line.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows how the queues are.
    Queues,
    /// Lists the failed jobs of a queue, newest first.
    Failed(Failed),
    /// Puts failed jobs on their queue again.
    #[command(override_usage = "darkroom retry <QUEUE> <ID...|--error CODE|--all> [OPTIONS]")]
    Retry(Retry),
    /// Removes failed jobs from the list for good.
    #[command(override_usage = "darkroom forget <QUEUE> <ID|--error CODE|--all> [OPTIONS]")]
    Forget(Forget),
    /// Follows an operation to its end.
    Operation {
        /// Its id.
        id: String,
    },
}

/// `failed`.
#[derive(Debug, Args)]
pub struct Failed {
    /// emails, photos or downloads.
    pub queue: String,
    /// Only those that failed with this code.
    #[arg(long, value_name = "CODE")]
    pub error: Option<String>,
    /// Only those of this studio.
    #[arg(long)]
    pub studio: Option<String>,
    /// All pages, not just the first.
    #[arg(long)]
    pub all: bool,
}

/// `retry`.
#[derive(Debug, Args)]
pub struct Retry {
    /// emails, photos or downloads.
    pub queue: String,
    /// Which.
    #[command(flatten)]
    pub which: RetryWhich,
    /// Of these, only those of this studio.
    #[arg(long, conflicts_with = "ids")]
    pub studio: Option<String>,
    /// Return as soon as the operation has begun.
    #[arg(long, conflicts_with = "ids")]
    pub no_wait: bool,
}

/// One of three ways to say which.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct RetryWhich {
    /// All failed jobs of the queue.
    #[arg(long)]
    pub all: bool,
    /// Those that failed with this code.
    #[arg(long, value_name = "CODE")]
    pub error: Option<String>,
    /// Those of these ids.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
}

/// `forget`.
#[derive(Debug, Args)]
pub struct Forget {
    /// emails, photos or downloads.
    pub queue: String,
    /// Which.
    #[command(flatten)]
    pub which: ForgetWhich,
    /// Of these, only those of this studio.
    #[arg(long, conflicts_with = "id")]
    pub studio: Option<String>,
    /// Return as soon as the operation has begun.
    #[arg(long, conflicts_with = "id")]
    pub no_wait: bool,
}

/// One of three ways to say which.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ForgetWhich {
    /// All failed jobs of the queue.
    #[arg(long)]
    pub all: bool,
    /// Those that failed with this code.
    #[arg(long, value_name = "CODE")]
    pub error: Option<String>,
    /// The one of this id.
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn takes(line: &str) -> bool {
        Cli::try_parse_from(line.split_whitespace()).is_ok()
    }

    #[test]
    fn which_jobs_is_said_in_one_way() {
        Cli::command().debug_assert();
        for line in [
            "darkroom queues --json",
            "darkroom --api https://api.example failed photos --error damaged --studio anna --all",
            "darkroom retry photos --all --no-wait",
            "darkroom retry photos a b c",
            "darkroom forget photos a",
            "darkroom forget photos --error damaged --studio anna",
        ] {
            assert!(takes(line), "{line}");
        }
        for line in [
            "darkroom retry photos",
            "darkroom retry photos --all a",
            "darkroom retry photos a --no-wait",
            "darkroom retry photos a --studio anna",
            "darkroom forget photos --all --error damaged",
            "darkroom forget photos a b",
            "darkroom forget photos a --studio anna",
        ] {
            assert!(!takes(line), "{line}");
        }
    }
}
