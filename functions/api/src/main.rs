//! Lambda function of the API.

use api::State;
use lambda_http::{Error, run};
use runtime::{env::Env, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    run(api::router(State::from_env(&Env::process())?)).await
}
