//! Lambda function of the email sender.

use lambda_runtime::Error;
use runtime::{env::Env, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    email_sender::worker(&Env::process())?.serve().await
}
