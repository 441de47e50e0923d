//! Event source mappings: listed, enabled and disabled. The library's user polls the queues, and asks before each poll.
//!
//! AWS needs up to a minute for a change, and refuses another one meanwhile. Here a change takes effect at once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use http::{Method, StatusCode, Uri, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::Refusal;
use crate::{
    atomic_file,
    identity::{ACCOUNT, REGION},
};

/// Path of the mappings.
pub(super) const PATH: &str = "/2015-03-31/event-source-mappings/";
/// Lambda: largest page of a list of mappings.
const MAX_ITEMS: usize = 100;

/// The mappings, kept in a file.
pub struct Mappings {
    file: PathBuf,
    by_id: Mutex<BTreeMap<Uuid, Mapping>>,
    changed: watch::Sender<()>,
}

/// A mapping of a queue to a function.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mapping {
    queue: String,
    function: String,
    batch_size: i32,
    enabled: bool,
}

/// Fields of an update. The others that AWS accepts are refused.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Update {
    enabled: Option<bool>,
}

impl Mappings {
    /// Reads the file, if there is one.
    pub fn open(file: &Path) -> Result<Self> {
        let mappings = match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("Failed to read {}", file.display())),
        };
        Ok(Self { file: file.to_owned(), by_id: Mutex::new(mappings), changed: watch::channel(()).0 })
    }

    /// Creates the mapping of a queue, enabled, unless it exists.
    pub fn create(&self, queue: &str, function: &str, batch_size: i32) -> Result<()> {
        let mut mappings = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        let of_queue = |mapping: &&mut Mapping| mapping.queue == queue;
        if let Some(mapping) = mappings.values_mut().find(of_queue) {
            (mapping.function, mapping.batch_size) = (function.to_owned(), batch_size);
        } else {
            let (queue, function) = (queue.to_owned(), function.to_owned());
            mappings.insert(Uuid::new_v4(), Mapping { queue, function, batch_size, enabled: true });
        }
        self.write(&mappings)
    }

    fn write(&self, mappings: &BTreeMap<Uuid, Mapping>) -> Result<()> {
        let written = atomic_file::write(&self.file, &serde_json::to_vec(mappings)?);
        written.with_context(|| format!("Failed to write {}", self.file.display()))?;
        self.changed.send_replace(());
        Ok(())
    }

    /// Returns whether the queue's messages are to be processed: it has a mapping that is enabled.
    pub fn is_enabled(&self, queue: &str) -> bool {
        let mappings = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        mappings.values().any(|mapping| mapping.queue == queue && mapping.enabled)
    }

    /// Waits until the queue's mapping is enabled.
    pub async fn enabled(&self, queue: &str) {
        let mut changed = self.changed.subscribe();
        while !self.is_enabled(queue) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Answers a request below [`PATH`].
    pub(super) fn answer(&self, request: &Parts, body: &[u8]) -> Result<(StatusCode, Value), Refusal> {
        let rest = request.uri.path().strip_prefix(PATH).unwrap_or_default();
        match (&request.method, rest) {
            (&Method::GET, "") => self.list(&request.uri).map(|list| (StatusCode::OK, list)),
            (&Method::GET, id) => self.get(id).map(|mapping| (StatusCode::OK, mapping)),
            (&Method::PUT, id) if !id.is_empty() => self.update(id, body).map(|made| (StatusCode::ACCEPTED, made)),
            (method, _) => {
                let message = format!("{method} {} is not played here.", request.uri.path());
                Err(Refusal(StatusCode::NOT_FOUND, "UnknownOperationException", message))
            }
        }
    }

    fn list(&self, uri: &Uri) -> Result<Value, Refusal> {
        let (mut source, mut function) = (None, None);
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match &*name {
                "EventSourceArn" => source = Some(value.into_owned()),
                "FunctionName" => function = Some(value.into_owned()),
                "MaxItems" => {}
                other => return Err(invalid(format!("The parameter {other} is not played here."))),
            }
        }
        let is_asked = |mapping: &Mapping| {
            source.as_ref().is_none_or(|arn| *arn == queue_arn(&mapping.queue))
                && function.as_ref().is_none_or(|name| *name == mapping.function || *name == function_arn(name))
        };
        let mappings = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        let found = mappings.iter().filter(|(_, mapping)| is_asked(mapping)).take(MAX_ITEMS);
        Ok(json!({ "EventSourceMappings": found.map(|(id, mapping)| view(*id, mapping, None)).collect::<Vec<_>>() }))
    }

    fn get(&self, id: &str) -> Result<Value, Refusal> {
        let mappings = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        let id = id.parse().map_err(|_| not_found())?;
        mappings.get(&id).map(|mapping| view(id, mapping, None)).ok_or_else(not_found)
    }

    fn update(&self, id: &str, body: &[u8]) -> Result<Value, Refusal> {
        let update: Update = serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?;
        let mut mappings = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        let id = id.parse().map_err(|_| not_found())?;
        let mapping = mappings.get_mut(&id).ok_or_else(not_found)?;
        let begun = match update.enabled {
            Some(enabled) if enabled != mapping.enabled => {
                mapping.enabled = enabled;
                if enabled { "Enabling" } else { "Disabling" }
            }
            _ => "Updating",
        };
        let answer = view(id, mapping, Some(begun));
        let failed =
            |error: anyhow::Error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", format!("{error:#}"));
        self.write(&mappings).map_err(failed)?;
        Ok(answer)
    }
}

fn view(id: Uuid, mapping: &Mapping, state: Option<&str>) -> Value {
    let settled = if mapping.enabled { "Enabled" } else { "Disabled" };
    json!({
        "UUID": id,
        "EventSourceArn": queue_arn(&mapping.queue),
        "FunctionArn": function_arn(&mapping.function),
        "BatchSize": mapping.batch_size,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "State": state.unwrap_or(settled),
        "StateTransitionReason": "USER_INITIATED",
    })
}

fn queue_arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

fn function_arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
}

fn invalid(message: String) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
}

fn not_found() -> Refusal {
    let message = "The resource you requested does not exist.".to_owned();
    Refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn ask(mappings: &Mappings, method: Method, path: &str, body: &str) -> Result<Value, StatusCode> {
        let request = Request::builder().method(method).uri(format!("{PATH}{path}")).body(()).unwrap();
        let answer = mappings.answer(&request.into_parts().0, body.as_bytes());
        answer.map(|(_, body)| body).map_err(|Refusal(status, ..)| status)
    }

    #[tokio::test]
    async fn disabled_mapping_stays_disabled_until_it_is_enabled() {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("mappings.json");
        let mappings = Mappings::open(&file).unwrap();
        for queue in ["photos", "emails"] {
            mappings.create(queue, "worker", 10).unwrap();
        }
        let arn = "arn%3Aaws%3Asqs%3Aus-east-1%3A000000000000%3Aphotos";
        let list = |mappings: &Mappings| ask(mappings, Method::GET, &format!("?EventSourceArn={arn}"), "").unwrap();
        let found = list(&mappings);
        assert_eq!(found["EventSourceMappings"].as_array().map(Vec::len), Some(1), "{found}");
        assert_eq!(found["EventSourceMappings"][0]["State"], "Enabled");
        let id = found["EventSourceMappings"][0]["UUID"].as_str().unwrap().to_owned();
        assert_eq!(ask(&mappings, Method::PUT, &id, r#"{"Enabled":false}"#).unwrap()["State"], "Disabling");
        assert!(!mappings.is_enabled("photos") && mappings.is_enabled("emails") && !mappings.is_enabled("others"));

        let mappings = Mappings::open(&file).unwrap();
        mappings.create("photos", "worker", 10).unwrap();
        assert_eq!(list(&mappings)["EventSourceMappings"][0]["State"], "Disabled", "after a restart");
        let waits = mappings.enabled("photos");
        ask(&mappings, Method::PUT, &id, r#"{"Enabled":true}"#).unwrap();
        waits.await;
        assert_eq!(ask(&mappings, Method::GET, &id, "").unwrap()["State"], "Enabled");
    }

    #[test]
    fn unknown_mappings_and_fields_are_refused() {
        let data = tempfile::tempdir().unwrap();
        let mappings = Mappings::open(&data.path().join("mappings.json")).unwrap();
        let nil = Uuid::nil().to_string();
        assert_eq!(ask(&mappings, Method::PUT, &nil, "{}"), Err(StatusCode::NOT_FOUND));
        assert_eq!(ask(&mappings, Method::PUT, &nil, r#"{"BatchSize":1}"#), Err(StatusCode::BAD_REQUEST));
        assert_eq!(ask(&mappings, Method::GET, "none", ""), Err(StatusCode::NOT_FOUND));
        assert_eq!(ask(&mappings, Method::DELETE, &nil, ""), Err(StatusCode::NOT_FOUND));
        assert_eq!(ask(&mappings, Method::GET, "?Marker=x", ""), Err(StatusCode::BAD_REQUEST));
    }
}
