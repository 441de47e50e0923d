//! Model of SSM's Parameter Store.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::{
    Moment, Service,
    json::{self, ServiceError},
};

/// Parameters by name.
#[derive(Debug, Default)]
pub struct Ssm(pub BTreeMap<String, String>);

impl Service for Ssm {
    fn call(&mut self, request: &Request<Bytes>, _: &mut Moment<'_>) -> Response<Bytes> {
        json::response(json::body(request).and_then(|input: Value| {
            let Some(name) = input["Name"].as_str() else {
                return Err(ServiceError::client("ValidationException", "Name is required."));
            };
            match (json::operation(request), self.0.get(name)) {
                ("GetParameter", Some(value)) => {
                    // A request without decryption receives ciphertext.
                    let value = if input["WithDecryption"] == true { value } else { "ciphertext" };
                    Ok(json!({ "Parameter": { "Name": name, "Type": "SecureString", "Value": value } }))
                }
                ("GetParameter", None) => Err(ServiceError::client("ParameterNotFound", "")),
                (other, _) => Err(ServiceError::client("InvalidAction", format!("The model of SSM has no {other}."))),
            }
        }))
    }
}
