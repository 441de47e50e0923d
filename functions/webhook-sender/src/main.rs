//! Lambda function of the webhook sender.

use lambda_runtime::Error;
use runtime::{env::Env, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    webhook_sender::worker(&Env::process())?.serve().await
}
