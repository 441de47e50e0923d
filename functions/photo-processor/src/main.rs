//! The photo worker's Lambda: wires, nothing else.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use photo_processor::State;
use runtime::{env::Env, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let state = State::from_env(&Env::process())?;
    run(service_fn(|event: LambdaEvent<_>| async { Ok::<_, Error>(photo_processor::handle(&state, event).await) }))
        .await
}
