//! Checks that a panic is reported: otherwise one bad message would fail the whole batch.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use local::functions::Functions;
use serde_json::json;
use tests::processes::Host;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the smallest function panic, and invokes it again: the same process must answer both invocations.
pub async fn is_answered(hello: &Path) -> Result<()> {
    let name = hello.file_name().and_then(|name| name.to_str()).context("a function's name")?;
    let host = Host::start(hello.parent().context("a folder")?, &[(name, 1)]).await?;
    host.set_environment(HashMap::new());
    let functions = Functions::behind(&host.url)?;
    let refused = functions.invoke(name, json!({ "panic": true }), TIMEOUT).await;
    ensure!(refused.is_err(), "{} did not panic", hello.display());
    let first = host.pids(name);
    let answered = functions.invoke(name, json!({}), TIMEOUT).await?;
    ensure!(answered == "hello", "{answered}");
    ensure!(host.pids(name) == first, "{} aborted: it was not built to unwind", hello.display());
    Ok(())
}
