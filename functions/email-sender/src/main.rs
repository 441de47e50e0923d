//! The Lambda of the email worker: wires, nothing else.

use lambda_runtime::Error;
use runtime::{env::Env, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    email_sender::worker(&Env::process())?.serve().await
}
