//! Lambda function of the archive builder.

use lambda_runtime::Error;
use runtime::{env::Env, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    archive_builder::worker(&Env::process())?.serve().await
}
