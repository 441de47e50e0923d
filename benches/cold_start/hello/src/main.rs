//! The smallest function on the runtime crate that ours use: what their start is measured against. Told to panic, it
//! does, which a package that was built to abort would not survive.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<Value>| {
        assert!(event.payload["panic"] != true, "as told");
        Ok::<_, Error>(json!("hello"))
    }))
    .await
}
