//! The Parameter Store stand-in: GetParameter and PutParameter over one JSON file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::atomic_file;
use super::identity::{ACCOUNT, REGION};

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The decrypted value.
    pub value: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// The number of values that the parameter has had.
    pub version: u64,
}

/// All parameters. They survive restarts.
#[derive(Debug)]
pub struct Parameters {
    file: PathBuf,
    values: Mutex<BTreeMap<String, Parameter>>,
}

impl Parameters {
    /// Opens the parameters in this file.
    pub fn open(file: &Path) -> anyhow::Result<Self> {
        let values = match std::fs::read(file) {
            Ok(json) => serde_json::from_slice(&json).with_context(|| format!("Failed to read {}", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("Failed to read {}", file.display())),
        };
        Ok(Self { file: file.to_owned(), values: Mutex::new(values) })
    }

    /// Returns the parameter of this name.
    pub fn get(&self, name: &str) -> Option<Parameter> {
        self.values().get(name).cloned()
    }

    /// Sets the value of a SecureString.
    pub fn put(&self, name: &str, value: impl Into<String>) -> anyhow::Result<()> {
        self.store(name, value.into(), "SecureString").map(drop)
    }

    /// Returns the value of a SecureString, created on first use: a secret that survives restarts.
    pub fn get_or_create(&self, name: &str, make: impl FnOnce() -> String) -> anyhow::Result<String> {
        if let Some(parameter) = self.get(name) {
            return Ok(parameter.value);
        }
        Ok(self.store(name, make(), "SecureString")?.value)
    }

    fn store(&self, name: &str, value: String, kind: &str) -> anyhow::Result<Parameter> {
        let mut values = self.values();
        let version = values.get(name).map_or(1, |old| old.version + 1);
        let parameter = Parameter { value, kind: kind.into(), version };
        values.insert(name.into(), parameter.clone());
        atomic_file::write(&self.file, &serde_json::to_vec_pretty(&*values)?)
            .context("Failed to keep the parameters")?;
        Ok(parameter)
    }

    fn values(&self) -> MutexGuard<'_, BTreeMap<String, Parameter>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameter {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutParameter {
    name: String,
    value: String,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    overwrite: bool,
}

/// Handles one request of the JSON 1.1 protocol.
pub fn answer(parameters: &Parameters, target: &str, body: &[u8]) -> Response<Vec<u8>> {
    let result = match target {
        "AmazonSSM.GetParameter" => get_parameter(parameters, body),
        "AmazonSSM.PutParameter" => put_parameter(parameters, body),
        _ => Err(("UnknownOperationException", format!("The operation {target} is not played here."))),
    };
    let (status, body) = match result {
        Ok(output) => (StatusCode::OK, output),
        Err((error_type, message)) => (StatusCode::BAD_REQUEST, json!({ "__type": error_type, "message": message })),
    };
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
    response
}

type Answer = Result<Value, (&'static str, String)>;

fn get_parameter(parameters: &Parameters, body: &[u8]) -> Answer {
    let request: GetParameter =
        serde_json::from_slice(body).map_err(|error| ("ValidationException", error.to_string()))?;
    let found = parameters
        .get(&request.name)
        .ok_or_else(|| ("ParameterNotFound", format!("Parameter {} not found.", request.name)))?;
    // As on AWS, a request without decryption receives ciphertext.
    let hidden = found.kind == "SecureString" && !request.with_decryption;
    let value = if hidden { STANDARD.encode(format!("encrypted:{}", found.value)) } else { found.value };
    Ok(json!({ "Parameter": {
        "Name": request.name,
        "Type": found.kind,
        "Value": value,
        "Version": found.version,
        "ARN": format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", request.name.trim_start_matches('/')),
        "DataType": "text",
    } }))
}

fn put_parameter(parameters: &Parameters, body: &[u8]) -> Answer {
    let request: PutParameter =
        serde_json::from_slice(body).map_err(|error| ("ValidationException", error.to_string()))?;
    if parameters.get(&request.name).is_some() && !request.overwrite {
        return Err(("ParameterAlreadyExists", "The parameter already exists.".into()));
    }
    let kind = request.r#type.as_deref().unwrap_or("String");
    let stored = parameters
        .store(&request.name, request.value, kind)
        .map_err(|error| ("InternalServerError", format!("{error:#}")))?;
    Ok(json!({ "Version": stored.version, "Tier": "Standard" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn created_secret_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("parameters.json");
        let open = || Parameters::open(&file).unwrap();
        assert_eq!(open().get_or_create("/link", || "one".into()).unwrap(), "one");
        assert_eq!(open().get_or_create("/link", || "two".into()).unwrap(), "one");
    }

    #[test]
    fn secret_is_readable_only_with_decryption() {
        let folder = tempfile::tempdir().unwrap();
        let parameters = Parameters::open(&folder.path().join("parameters.json")).unwrap();
        parameters.put("/link", "secret").unwrap();
        let value = |body: Value| {
            let response = answer(&parameters, "AmazonSSM.GetParameter", body.to_string().as_bytes());
            let output: Value = serde_json::from_slice(response.body()).unwrap();
            (response.status(), output["Parameter"]["Value"].clone(), output["__type"].clone())
        };
        assert_eq!(value(json!({ "Name": "/link", "WithDecryption": true })).1, "secret");
        assert_ne!(value(json!({ "Name": "/link" })).1, "secret");
        let missing = value(json!({ "Name": "/none" }));
        assert_eq!((missing.0, missing.2), (StatusCode::BAD_REQUEST, json!("ParameterNotFound")));
    }
}
