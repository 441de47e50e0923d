//! Event source mappings of the queues: enabled and disabled by Lambda's API.

use anyhow::{Context as _, Result, anyhow};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::{
    body::SdkBody,
    error::{ErrorMetadata, metadata::ProvideErrorMetadata as _},
};
use aws_types::SdkConfig;
use domain::error::ServiceUnavailable;
use serde::Deserialize;
use serde_json::json;

use crate::{
    aws::failed,
    call::{Call, Service, body, call},
    queue::Queue,
};

/// Path of the mappings in Lambda's API.
const PATH: &str = "/2015-03-31/event-source-mappings/";

/// Client of Lambda's operations on event source mappings.
pub struct EventSources {
    region: String,
    list: Call<String, Vec<Mapping>>,
    update: Call<Update, ()>,
}

#[derive(Debug)]
struct Update {
    id: String,
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    event_source_mappings: Vec<Mapping>,
}

#[derive(Debug, Deserialize)]
struct Mapping {
    #[serde(rename = "UUID")]
    id: String,
}

impl EventSources {
    /// Creates a client with the clients' region, credentials, retries and timeouts.
    pub fn new(config: &SdkConfig) -> Result<Self> {
        let service =
            |operation| Service { name: "lambda", signed_as: "lambda", operation, retries: None, timeouts: None };
        let list = service("ListEventSourceMappings");
        let update = service("UpdateEventSourceMapping");
        Ok(Self {
            region: config.region().context("No region is configured")?.to_string(),
            list: call(config, list, |arn: String| http::Request::get(query(&arn)).body(SdkBody::empty()), read)?,
            update: call(config, update, |update: Update| request(&update), |response| body(response).map(drop))?,
        })
    }

    /// Enables or disables the mappings of a queue. Messages that a function has received are still processed. Returns
    /// false if Lambda refuses the change because it is still making another one, which takes up to a minute.
    pub async fn set_enabled(&self, queue: &Queue, enabled: bool) -> Result<bool> {
        let arn = arn(&queue.url, &self.region).with_context(|| format!("{} is no URL of a queue", queue.url))?;
        let listed = self.list.invoke(arn.clone()).await;
        let mappings = listed.map_err(|error| failed("Failed to list event source mappings", error))?;
        if mappings.is_empty() {
            return Err(anyhow!("No event source mapping reads {arn}")
                .context(ServiceUnavailable("Failed to find an event source mapping")));
        }
        for Mapping { id } in mappings {
            match self.update.invoke(Update { id, enabled }).await {
                Err(error) if error.code() == Some("ResourceInUseException") => return Ok(false),
                updated => updated.map_err(|error| failed("Failed to change an event source mapping", error))?,
            }
        }
        Ok(true)
    }
}

/// Returns the ARN of the queue at this URL, whose last two parts are the account and the name.
fn arn(url: &str, region: &str) -> Option<String> {
    let mut parts = url.rsplit('/');
    let (name, account) = (parts.next()?, parts.next()?);
    let partition = match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (is_account && !name.is_empty()).then(|| format!("arn:{partition}:sqs:{region}:{account}:{name}"))
}

/// Returns the path with the query. ARNs of queues have no characters but `:` that a query escapes.
fn query(arn: &str) -> String {
    format!("{PATH}?EventSourceArn={}", arn.replace(':', "%3A"))
}

fn request(update: &Update) -> Result<http::Request<SdkBody>, http::Error> {
    let body = json!({ "Enabled": update.enabled }).to_string();
    http::Request::put(format!("{PATH}{}", update.id)).header("content-type", "application/json").body(body.into())
}

fn read(response: &HttpResponse) -> Result<Vec<Mapping>, OrchestratorError<ErrorMetadata>> {
    let listed: Listed = serde_json::from_slice(body(response)?).map_err(OrchestratorError::other)?;
    Ok(listed.event_source_mappings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::answered;

    #[test]
    fn arn_follows_from_the_url() {
        let of = |url| arn(url, "eu-central-1");
        let expected = "arn:aws:sqs:eu-central-1:123456789012:shop-photos";
        assert_eq!(of("https://sqs.eu-central-1.amazonaws.com/123456789012/shop-photos").as_deref(), Some(expected));
        let local = "arn:aws:sqs:eu-central-1:000000000000:photos";
        assert_eq!(of("http://127.0.0.1:8090/000000000000/photos").as_deref(), Some(local));
        assert_eq!((of("https://example.com/photos"), of("")), (None, None));
        let china = arn("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "cn-north-1");
        assert_eq!(china.as_deref(), Some("arn:aws-cn:sqs:cn-north-1:123456789012:q"));
    }

    #[test]
    fn mappings_are_read() {
        let answer = answered(200, r#"{"EventSourceMappings":[{"UUID":"a","State":"Enabled"},{"UUID":"b"}]}"#);
        let ids: Vec<_> = read(&answer).expect("reads").into_iter().map(|mapping| mapping.id).collect();
        assert_eq!(ids, ["a", "b"]);
    }
}
