//! The command's arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Shows and retries Darkroom's failed jobs, shows and pauses its queues, tells the story of a job, shows events, uploads and
/// imports photos, over its API.
///
/// Exits with 0 on success, 1 if a queue is unhealthy (`queues`), a job was skipped (`retry`) or a file was not uploaded
/// (`upload`), 2 after an error.
#[derive(Debug, Parser)]
#[command(name = "darkroom", version)]
pub struct Cli {
    /// The API's URL.
    #[arg(long, global = true, value_name = "URL", env = "DARKROOM_API", default_value = "http://localhost:8080")]
    pub api: String,
    /// A token of an operator, or for `upload` and `listen` of the studio; not needed for the API of this machine.
    #[arg(long, global = true, value_name = "TOKEN", env = "DARKROOM_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Print the API's responses unchanged, one per line.
    #[arg(long, global = true)]
    pub json: bool,
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows the state of the queues.
    Queues,
    /// Lists the failed jobs of a queue, newest first.
    Failed(Failed),
    /// Sends failed jobs to their queue again.
    #[command(override_usage = "darkroom retry <QUEUE> <ID...|--error CODE|--all> [OPTIONS]")]
    Retry(Retry),
    /// Removes failed jobs from the list for good.
    #[command(override_usage = "darkroom forget <QUEUE> <ID|--error CODE|--all> [OPTIONS]")]
    Forget(Forget),
    /// Uploads the photos of a folder. Run again, it continues, and skips what the studio has.
    Upload(Upload),
    /// Makes photos of the objects that lie in a bucket already. Repeated, it takes in new objects only.
    Import(Import),
    /// Lists objects that belong to no photo, takes them in, or deletes them.
    Orphans(Orphans),
    /// Prints the studio's events as they happen, and forwards them to a program on this machine.
    Listen(Listen),
    /// Shows the queues and what runs now, every two seconds until it is stopped.
    Top,
    /// Shows a record's whole story: its job and attempts, what belongs to it, and what happened when.
    Job {
        /// The record, as lists show it: the studio, a colon and the id.
        #[arg(value_name = "STUDIO:ID")]
        id: String,
    },
    /// Shows the studios by their unfinished and failed jobs.
    Studios,
    /// Lets no more jobs of a queue begin. It resumes by itself after three days.
    Pause {
        /// emails, uploads, photos, downloads or webhooks.
        queue: String,
    },
    /// Lets the jobs of a paused queue begin again.
    Resume {
        /// emails, uploads, photos, downloads or webhooks.
        queue: String,
    },
    /// Follows an operation to its end.
    Operation {
        /// The operation's id.
        id: String,
    },
}

/// The arguments of `upload`.
#[derive(Debug, Args)]
pub struct Upload {
    /// The folder. Folders in it become folders of the photos.
    #[arg(value_name = "FOLDER")]
    pub path: PathBuf,
    /// The studio. Elsewhere than on this machine, the token names the studio.
    #[arg(long)]
    pub studio: String,
    /// The folder of the photos in which all are put, such as `wedding`.
    #[arg(long, value_name = "NAME")]
    pub folder: Option<String>,
}

/// The arguments of `listen`.
#[derive(Debug, Args)]
pub struct Listen {
    /// The studio. Elsewhere than on this machine, the token names the studio.
    #[arg(long)]
    pub studio: String,
    /// Post each event to this address, as a webhook would.
    #[arg(long, value_name = "URL")]
    pub forward: Option<String>,
    /// The secret of the signatures, `whsec_…`; without it events are forwarded unsigned.
    #[arg(long, value_name = "SECRET", env = "DARKROOM_WEBHOOK_SECRET", hide_env_values = true)]
    pub secret: Option<String>,
    /// Only events of this type, such as `photo.ready`.
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Begin with the oldest event, 30 days ago, instead of now.
    #[arg(long)]
    pub all: bool,
    /// End when there are no more events.
    #[arg(long)]
    pub once: bool,
}

/// The arguments of `orphans`.
#[derive(Debug, Args)]
pub struct Orphans {
    /// Move all of them to `incoming/` of their studios, whence they become photos.
    #[arg(long, conflicts_with = "delete")]
    pub take_in: bool,
    /// Delete all of them. The bucket keeps them as old versions for some days.
    #[arg(long)]
    pub delete: bool,
}

/// The arguments of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The studio of the photos.
    #[arg(long)]
    pub studio: String,
    /// The name of the source in the deployment's configuration; on this machine `bucket`.
    #[arg(long, value_name = "NAME")]
    pub source: String,
    /// Only objects whose key continues the source's prefix with this text.
    #[arg(long, default_value = "")]
    pub prefix: String,
    /// Return as soon as the operation has begun.
    #[arg(long)]
    pub no_wait: bool,
}

/// The arguments of `failed`.
#[derive(Debug, Args)]
pub struct Failed {
    /// emails, uploads, photos, downloads, webhooks or default.
    pub queue: String,
    /// Only jobs that failed with this code.
    #[arg(long, value_name = "CODE")]
    pub error: Option<String>,
    /// Only jobs of this studio.
    #[arg(long)]
    pub studio: Option<String>,
    /// All pages, not just the first.
    #[arg(long)]
    pub all: bool,
    /// The bodies of messages too, without addresses and tokens.
    #[arg(long)]
    pub messages: bool,
}

/// The arguments of `retry`.
#[derive(Debug, Args)]
pub struct Retry {
    /// emails, uploads, photos, downloads, webhooks or default.
    pub queue: String,
    /// The selected jobs.
    #[command(flatten)]
    pub which: RetryWhich,
    /// Of the selected jobs, only those of this studio.
    #[arg(long, conflicts_with = "ids")]
    pub studio: Option<String>,
    /// Return as soon as the operation has begun.
    #[arg(long, conflicts_with = "ids")]
    pub no_wait: bool,
}

/// The selection of jobs, in one of three ways.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct RetryWhich {
    /// All failed jobs of the queue.
    #[arg(long)]
    pub all: bool,
    /// Jobs that failed with this code.
    #[arg(long, value_name = "CODE")]
    pub error: Option<String>,
    /// Jobs with these ids.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
}

/// The arguments of `forget`.
#[derive(Debug, Args)]
pub struct Forget {
    /// emails, uploads, photos, downloads, webhooks or default.
    pub queue: String,
    /// The selected jobs.
    #[command(flatten)]
    pub which: ForgetWhich,
    /// Of the selected jobs, only those of this studio.
    #[arg(long, conflicts_with = "id")]
    pub studio: Option<String>,
    /// Return as soon as the operation has begun.
    #[arg(long, conflicts_with = "id")]
    pub no_wait: bool,
}

/// The selection of jobs, in one of three ways.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ForgetWhich {
    /// All failed jobs of the queue.
    #[arg(long)]
    pub all: bool,
    /// Jobs that failed with this code.
    #[arg(long, value_name = "CODE")]
    pub error: Option<String>,
    /// The job with this id.
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
    fn jobs_are_selected_in_exactly_one_way() {
        Cli::command().debug_assert();
        for line in [
            "darkroom queues --json",
            "darkroom --api https://api.example failed photos --error damaged --studio anna --all",
            "darkroom retry photos --all --no-wait",
            "darkroom retry photos a b c",
            "darkroom forget photos a",
            "darkroom orphans --take-in",
            "darkroom failed photos --messages",
            "darkroom job anna:0199e0a0-0000-7000-8000-000000000005",
            "darkroom pause photos",
            "darkroom top",
            "darkroom listen --studio anna --forward http://localhost:3000/hook --type photo.ready",
            "darkroom listen --studio anna --all --once",
            "darkroom upload ./wedding --studio anna --folder 2026/wedding",
            "darkroom import --studio anna --source old-shop --prefix anna/ --no-wait",
            "darkroom forget photos --error damaged --studio anna",
        ] {
            assert!(takes(line), "{line}");
        }
        for line in [
            "darkroom import --studio anna",
            "darkroom retry photos",
            "darkroom orphans --take-in --delete",
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
