//! The email worker's Lambda: wires, nothing else.

use email_sender::State;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use runtime::{env::Env, telemetry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let state = State::from_env(&Env::process())?;
    run(service_fn(|event: LambdaEvent<_>| async { Ok::<_, Error>(email_sender::handle(&state, event).await) })).await
}
