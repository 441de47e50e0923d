//! The smallest function on the same runtime crate, as the baseline of cold starts. On request it panics, which a
//! package built with `panic = "abort"` would not survive.

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
