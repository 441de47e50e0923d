//! Lambda function of the housekeeper.

use lambda_runtime::Error;
use runtime::{env::Env, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    housekeeper::worker(&Env::process())?.serve().await
}
