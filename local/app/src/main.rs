//! `local serve`, `local demo` and `local email preview`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use local::{
    Options, System, demo,
    email_preview::{self, Preview},
};
use tracing_subscriber::{fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Darkroom on this machine, without AWS and Docker.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the whole system until Ctrl-C.
    Serve(ServeArgs),
    /// Uploads photos, orders them, opens the emailed link, downloads the ZIP and compares every file.
    Demo(DemoArgs),
    /// Looks at emails.
    #[command(subcommand)]
    Email(EmailCommand),
}

#[derive(Subcommand)]
enum EmailCommand {
    /// Writes every template in every language, as HTML and text.
    Preview(PreviewArgs),
}

#[derive(Args)]
struct PreviewArgs {
    /// The folder of the files.
    #[arg(long, default_value = ".darkroom/emails")]
    out: PathBuf,
    /// The studio's name.
    #[arg(long, default_value = "Foto Anna")]
    studio: String,
    /// The customer's name.
    #[arg(long)]
    name: Option<String>,
    /// The order's reference.
    #[arg(long)]
    reference: Option<String>,
    /// The customer's link.
    #[arg(long)]
    link: Option<String>,
}

#[derive(Args)]
struct Running {
    /// The folder of all data.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Run each job at the moment it is sent.
    #[arg(long)]
    sync: bool,
    /// Send events to `cargo lambda watch` at this URL instead of the functions in this process.
    #[arg(long, value_name = "URL")]
    functions: Option<String>,
}

#[derive(Args)]
struct ServeArgs {
    #[command(flatten)]
    running: Running,
    /// The API's port.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The AWS stand-ins' port; DynamoDB listens on the next one.
    #[arg(long, default_value_t = 8090)]
    aws_port: u16,
    /// Let browser pages of this origin call the API and upload photos; may be repeated.
    #[arg(long = "cors", value_name = "ORIGIN")]
    cors_origins: Vec<String>,
    /// Erase orders older than so many days.
    #[arg(long, value_name = "DAYS")]
    personal_data_retention_days: Option<u32>,
}

#[derive(Args)]
struct DemoArgs {
    /// A folder of photos; without one the demo makes its own.
    dir: Option<PathBuf>,
    /// The path of the ZIP.
    #[arg(long, value_name = "FILE.zip")]
    out: Option<PathBuf>,
    /// The path of the report.
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
    #[command(flatten)]
    running: Running,
    /// The API's port; any when not given.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The AWS stand-ins' port; any when not given.
    #[arg(long, default_value_t = 0)]
    aws_port: u16,
}

/// The DynamoDB engine warns of each refused condition, which is how claims work.
const LOG: &str = "warn,dynoxide=error";

fn main() -> ExitCode {
    let log = fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(runtime::telemetry::filter(LOG)).with(log).init();
    let cli = Cli::parse();
    let run = async {
        match cli.command {
            Command::Serve(args) => serve(args).await,
            Command::Demo(args) => show(args).await,
            Command::Email(EmailCommand::Preview(args)) => preview(args),
        }
    };
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|r| r.block_on(run));
    ended.unwrap_or_else(|error: anyhow::Error| {
        #[expect(clippy::print_stderr, reason = "the command's last word")]
        {
            eprintln!("error: {error:#}");
        }
        ExitCode::from(2)
    })
}

fn options(running: Running, data: PathBuf, (port, aws_port): (u16, u16)) -> Result<Options> {
    let Running { sync, functions, .. } = running;
    Ok(Options { port, aws_port, sync, functions, ..Options::new(data)? })
}

fn preview(args: PreviewArgs) -> Result<ExitCode> {
    let PreviewArgs { out, studio, name, reference, link } = args;
    let studio = Some(studio).filter(|studio| !studio.is_empty());
    let written = email_preview::write(&out, &Preview { studio, name, reference, link })?;
    #[expect(clippy::print_stdout, reason = "where to look is what this command says")]
    {
        println!("{written} emails are in {}.", out.join("index.html").display());
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: ServeArgs) -> Result<ExitCode> {
    let data = args.running.data.clone().unwrap_or_else(|| ".darkroom".into());
    let mut options = options(args.running, data.clone(), (args.port, args.aws_port))?;
    if let Some(days) = args.personal_data_retention_days {
        options.erase_orders_after(days);
    }
    let system = System::start(Options { cors_origins: args.cors_origins, ..options }).await?;
    let env_file = data.join("functions.env");
    tokio::fs::write(&env_file, local::env_file(&system.environment)).await?;
    let endpoint = |name: &str| system.environment.get(name).cloned().unwrap_or_default();
    #[expect(clippy::print_stdout, reason = "where to look is what this command says")]
    {
        println!("Darkroom runs on this machine.\n");
        println!("  API       {}   (Authorization: Bearer dev:<studio>, or dev:<studio>:operator)", system.api);
        println!("  Mailbox   {}/_local/mail", system.api);
        println!(
            "  AWS       {}   (S3, SQS, SES, SSM, Lambda, CloudWatch; key and secret \"test\")",
            endpoint("AWS_ENDPOINT_URL")
        );
        println!("  DynamoDB  {}", endpoint("AWS_ENDPOINT_URL_DYNAMODB"));
        println!("  Data      {}", data.display());
        println!("  For cargo lambda watch: --env-file {}\n", env_file.display());
        println!("Ctrl-C ends it; the data stays.");
    }
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}

async fn show(args: DemoArgs) -> Result<ExitCode> {
    // Kept only when asked for: a demo leaves the ZIP and the report, nothing else.
    let scratch = tempfile::tempdir()?;
    let data = args.running.data.clone().unwrap_or_else(|| scratch.path().to_owned());
    let system = System::start(options(args.running, data, (args.port, args.aws_port))?).await?;
    let doors = demo::Doors { api: system.api.clone(), studio: "demo".into() };
    let outcome = demo::run(&doors, &demo::Options { folder: args.dir, out: args.out, report: args.report }).await?;
    Ok(if outcome.all_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
