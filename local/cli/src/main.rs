//! `darkroom`: the operator's command.

use std::{
    io::{Write as _, stderr, stdout},
    process::ExitCode,
};

use clap::Parser as _;
use darkroom::Cli;

fn main() -> std::io::Result<ExitCode> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(darkroom::run(&cli));
    // A closed pipe, as after `head`, is no error.
    drop(stdout().lock().write_all(outcome.output.as_bytes()));
    drop(stderr().lock().write_all(outcome.complaint.as_bytes()));
    Ok(outcome.code.into())
}
