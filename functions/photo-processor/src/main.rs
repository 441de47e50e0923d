//! Lambda function of the photo processor.

use lambda_runtime::Error;
use runtime::{env::Env, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    photo_processor::worker(&Env::process())?.serve().await
}
