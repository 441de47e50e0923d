//! SQS over HTTP: AWS JSON 1.0, the protocol that every current SDK speaks.

use std::{collections::HashSet, sync::Arc, time::Duration};

use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    MAX_BATCH, MAX_MESSAGE_BYTES, Queues, SqsError,
    attributes::{MAX_WAIT_SECONDS, attributes, is_known, set},
    check_name,
    error::BatchFault,
    name_of_arn,
    requests::{
        Batch, ByName, Create, Entry, GetAttributes, List, Move, OfQueue, OfReceipt, ReceiptEntry, Receive, Send,
        SendEntry, SetAttributes, queue_name,
    },
};
use crate::{ACCOUNT, answer, trace};

/// Handles one request.
pub(crate) async fn answer(queues: &Arc<Queues>, base: &str, headers: &HeaderMap, body: &[u8]) -> s3s::HttpResponse {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let target = header("x-amz-target").unwrap_or_default();
    let action = target.strip_prefix("AmazonSQS.").unwrap_or(target);
    let trace_header = header(trace::HEADER);
    match act(queues, base, (action, trace_header), if body.is_empty() { b"{}" } else { body }).await {
        Ok(value) => answer::json("application/x-amz-json-1.0", http::StatusCode::OK, &value),
        Err(error) => {
            let internal = error.is_internal();
            let status = if internal { http::StatusCode::INTERNAL_SERVER_ERROR } else { http::StatusCode::BAD_REQUEST };
            let body = json!({"__type": error.shape, "message": error.message});
            let mut response = answer::json("application/x-amz-json-1.0", status, &body);
            let party = if internal { "Receiver" } else { "Sender" };
            if let Ok(value) = format!("{};{party}", error.code).parse() {
                response.headers_mut().insert("x-amzn-query-error", value);
            }
            response
        }
    }
}

async fn act(
    queues: &Queues,
    base: &str,
    (action, trace_header): (&str, Option<&str>),
    body: &[u8],
) -> Result<Value, SqsError> {
    match action {
        "CreateQueue" => create_queue(queues, base, &read(body)?),
        "DeleteQueue" => {
            let request: OfQueue = read(body)?;
            queues.change(|core, _| core.remove(request.name())).map(|()| json!({}))
        }
        "GetQueueUrl" => {
            let request: ByName = read(body)?;
            queues.state().core.queue(&request.queue_name)?;
            Ok(json!({"QueueUrl": url(base, &request.queue_name)}))
        }
        "ListQueues" => {
            let request: List = read(body)?;
            let prefix = request.queue_name_prefix.unwrap_or_default();
            let names = queues.names();
            let urls: Vec<_> =
                names.iter().filter(|name| name.starts_with(&prefix)).map(|name| url(base, name)).collect();
            Ok(json!({"QueueUrls": urls}))
        }
        "ListDeadLetterSourceQueues" => {
            let request: OfQueue = read(body)?;
            let sources = queues.state().core.sources(request.name());
            Ok(json!({"queueUrls": sources.iter().map(|name| url(base, name)).collect::<Vec<_>>()}))
        }
        "GetQueueAttributes" => get_attributes(queues, &read(body)?),
        "SetQueueAttributes" => {
            let request: SetAttributes = read(body)?;
            let name = queue_name(&request.queue_url);
            queues.change(|core, now| {
                let mut settings = core.queue(name)?.settings.clone();
                set(&mut settings, &request.attributes)?;
                core.configure(name, settings, now)
            })?;
            Ok(json!({}))
        }
        "SendMessage" => {
            let request: Send = read(body)?;
            request.entry.send(queues, queue_name(&request.queue_url), trace_header)
        }
        "SendMessageBatch" => send_batch(queues, &read(body)?, trace_header),
        "ReceiveMessage" => receive(queues, &read(body)?).await,
        "DeleteMessage" => {
            let request: OfReceipt = read(body)?;
            queues.delete(queue_name(&request.queue_url), &request.entry.receipt_handle).map(|()| json!({}))
        }
        "DeleteMessageBatch" => {
            let request: Batch<ReceiptEntry> = read(body)?;
            let name = queue_name(&request.queue_url);
            batch(queues, &request, |entry| queues.delete(name, &entry.receipt_handle).map(|()| json!({})))
        }
        "ChangeMessageVisibility" => {
            let request: OfReceipt = read(body)?;
            request.entry.change_visibility(queues, queue_name(&request.queue_url))
        }
        "ChangeMessageVisibilityBatch" => {
            let request: Batch<ReceiptEntry> = read(body)?;
            batch(queues, &request, |entry| entry.change_visibility(queues, queue_name(&request.queue_url)))
        }
        "PurgeQueue" => {
            let request: OfQueue = read(body)?;
            queues.purge(request.name()).map(|()| json!({}))
        }
        "StartMessageMoveTask" => {
            let request: Move = read(body)?;
            let to = request.destination_arn.as_deref().map(name_of_arn);
            queues.redrive(name_of_arn(&request.source_arn), to)?;
            Ok(json!({"TaskHandle": Uuid::new_v4().to_string()}))
        }
        // A move task finishes before its start is confirmed, so none is ever in progress.
        "ListMessageMoveTasks" => Ok(json!({"Results": []})),
        _ => Err(SqsError::unknown_action(action)),
    }
}

fn create_queue(queues: &Queues, base: &str, request: &Create) -> Result<Value, SqsError> {
    let name = &request.queue_name;
    check_name(name)?;
    queues.change(|core, now| {
        let old = core.queue(name).map(|queue| queue.settings.clone());
        let mut settings = old.clone().unwrap_or_default();
        set(&mut settings, &request.attributes)?;
        if let Ok(old) = old
            && old != settings
        {
            let changed = request.attributes.keys().next().map_or("", String::as_str);
            return Err(SqsError::name_taken(changed));
        }
        core.configure(name, settings, now)
    })?;
    Ok(json!({"QueueUrl": url(base, name)}))
}

fn get_attributes(queues: &Queues, request: &GetAttributes) -> Result<Value, SqsError> {
    let name = queue_name(&request.queue_url);
    let counts = queues.counts(name)?;
    let all = attributes(&queues.state().core, name, counts)?;
    let wants_all = request.attribute_names.iter().any(|requested| requested == "All");
    if let Some(unknown) = request.attribute_names.iter().find(|requested| *requested != "All" && !is_known(requested))
    {
        return Err(SqsError::bad_attribute(unknown));
    }
    let chosen: Map<String, Value> =
        all.into_iter().filter(|(name, _)| wants_all || request.attribute_names.contains(name)).collect();
    Ok(json!({"Attributes": chosen}))
}

fn send_batch(queues: &Queues, request: &Batch<SendEntry>, trace_header: Option<&str>) -> Result<Value, SqsError> {
    let bytes: usize = request.entries.iter().map(|entry| entry.of.message_body.len()).sum();
    if bytes > MAX_MESSAGE_BYTES {
        return Err(SqsError::batch(BatchFault::TooLong(bytes)));
    }
    batch(queues, request, |entry| entry.send(queues, queue_name(&request.queue_url), trace_header))
}

/// Runs `act` for each entry. As on SQS, the response has status 200 and lists the failures.
fn batch<T>(
    queues: &Queues,
    request: &Batch<T>,
    act: impl Fn(&T) -> Result<Value, SqsError>,
) -> Result<Value, SqsError> {
    queues.state().core.queue(queue_name(&request.queue_url))?;
    if request.entries.is_empty() {
        return Err(SqsError::batch(BatchFault::Empty));
    }
    if request.entries.len() > MAX_BATCH {
        return Err(SqsError::batch(BatchFault::TooMany(request.entries.len())));
    }
    let mut ids = HashSet::new();
    for Entry { id, .. } in &request.entries {
        if !(1..=80).contains(&id.len()) || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(SqsError::batch(BatchFault::BadId));
        }
        if !ids.insert(id) {
            return Err(SqsError::batch(BatchFault::SameId(id.clone())));
        }
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in &request.entries {
        match act(&entry.of) {
            Ok(mut value) => {
                value["Id"] = json!(entry.id);
                successful.push(value);
            }
            Err(error) => failed.push(json!({
                "Id": entry.id, "Code": error.code, "Message": error.message, "SenderFault": !error.is_internal(),
            })),
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}

async fn receive(queues: &Queues, request: &Receive) -> Result<Value, SqsError> {
    let name = queue_name(&request.queue_url);
    let max = request.max_number_of_messages.unwrap_or(1);
    if !(1..=MAX_BATCH).contains(&max) {
        return Err(SqsError::bad_value(format!(
            "Value {max} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
        )));
    }
    let default_wait = queues.state().core.queue(name)?.settings.receive_wait_ms;
    let wait = request.wait_time_seconds.map_or(default_wait, |seconds| seconds.saturating_mul(1000));
    if wait > MAX_WAIT_SECONDS * 1000 {
        return Err(SqsError::bad_value("WaitTimeSeconds must be between 0 and 20."));
    }
    let visibility = request.visibility_timeout.map(|seconds| seconds.saturating_mul(1000));
    if visibility.is_some_and(|visibility| visibility > super::core::MAX_VISIBILITY_MS) {
        return Err(SqsError::bad_value("VisibilityTimeout must be between 0 and 43200 seconds."));
    }
    let received = queues.receive_with(name, max, Duration::from_millis(wait), visibility).await?;
    if received.is_empty() {
        return Ok(json!({}));
    }
    Ok(json!({"Messages": received.iter().map(|message| request.shape(message)).collect::<Vec<_>>()}))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|error| SqsError::unreadable(error.to_string()))
}

fn url(base: &str, name: &str) -> String {
    format!("{base}/{ACCOUNT}/{name}")
}
