//! Logs of the workers, for operators.

use std::collections::BTreeMap;

use anyhow::Result;
use domain::{
    job_state::Attempt,
    queue_config::{QueueName, queue_configs},
};
use runtime::env::Env;

/// Pages of CloudWatch with the logs of invocations.
pub struct Logs {
    /// Region, and the name that precedes those of the functions; `None` outside of Lambda.
    place: Option<(String, String)>,
    /// Names of the functions in `infra/workers.json`, by queue.
    functions: BTreeMap<QueueName, String>,
}

impl Logs {
    /// Reads what Lambda tells each function: `AWS_REGION` and `AWS_LAMBDA_FUNCTION_NAME`.
    pub fn from_env(env: &Env) -> Result<Self> {
        let prefix =
            env.optional("AWS_LAMBDA_FUNCTION_NAME").and_then(|name| Some(name.strip_suffix("-api")?.to_owned()));
        Ok(Self { place: env.optional("AWS_REGION").zip(prefix), functions: functions()? })
    }

    /// Returns the function that processes a queue, by its name in `infra/workers.json`.
    pub fn function(&self, queue: QueueName) -> &str {
        self.functions.get(&queue).map_or("", String::as_str)
    }

    /// Returns the name of a function of this deployment.
    pub fn function_name(&self, function: &str) -> String {
        self.place.as_ref().map_or_else(|| function.to_owned(), |(_, prefix)| format!("{prefix}-{function}"))
    }

    /// Returns the page with the log lines of an attempt at a job of this queue.
    pub fn of(&self, queue: QueueName, attempt: &Attempt) -> Option<String> {
        let (region, _) = self.place.as_ref()?;
        let request = attempt.request_id.as_ref()?;
        let function = self.function_name(self.function(queue));
        // The console of CloudWatch escapes what follows the hash: first as usual, then `%` as `$25`.
        Some(format!(
            "https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logsV2:log-groups/log-group/\
             $252Faws$252Flambda$252F{function}/log-events$3FfilterPattern$3D$2522{request}$2522$26start$3D{}",
            attempt.started_at.as_millisecond(),
        ))
    }
}

fn functions() -> Result<BTreeMap<QueueName, String>> {
    Ok(queue_configs()?.into_iter().map(|(queue, config)| (queue, config.function)).collect())
}

#[cfg(test)]
mod tests {
    use domain::job_state::AttemptId;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn log_of_an_attempt_is_found_by_function_and_invocation() {
        let attempt = |request_id: Option<&str>| Attempt {
            id: AttemptId(Uuid::nil()),
            started_at: Timestamp::UNIX_EPOCH,
            ended_at: None,
            request_id: request_id.map(str::to_owned),
            outcome: None,
            cause: None,
        };
        let at = |place| Logs { place, functions: functions().expect("reads") };
        let logs = at(Some(("eu-central-1".to_owned(), "shop".to_owned())));
        let url = logs.of(QueueName::Photos, &attempt(Some("r-1"))).expect("a page");
        assert!(
            url.starts_with("https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#"),
            "{url}"
        );
        assert!(
            url.contains("$252Faws$252Flambda$252Fshop-photo-processor/") && url.contains("$2522r-1$2522"),
            "{url}"
        );
        assert_eq!(logs.of(QueueName::Photos, &attempt(None)), None);
        assert_eq!(at(None).of(QueueName::Photos, &attempt(Some("r-1"))), None);
    }
}
