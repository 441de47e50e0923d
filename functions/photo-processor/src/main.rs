//! The Lambda of the photo worker: wires, nothing else.

use lambda_runtime::Error;
use runtime::{env::Env, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    photo_processor::worker(&Env::process())?.serve().await
}
