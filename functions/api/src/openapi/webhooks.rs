//! Requests that Darkroom sends to shops.

use domain::event::EventType;
use serde_json::{Map, Value, json};

/// Returns the requests by type of event. All have the same headers and the same schema.
pub fn described() -> Value {
    let of = |kind: &EventType| (kind.to_string(), json!({ "post": request(*kind) }));
    Value::Object(EventType::ALL.iter().map(of).collect::<Map<_, _>>())
}

fn request(kind: EventType) -> Value {
    let header = |name: &str, about: &str| json!({ "name": name, "in": "header", "required": true, "schema": { "type": "string" }, "description": about });
    json!({
        "summary": kind.about(),
        "description": "Signed by Standard Webhooks. See docs/EVENTS.md for attempts and verification.",
        "operationId": format!("on_{}", kind.as_str().replace('.', "_")),
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            header("webhook-id", "Id of the event, the same in every attempt"),
            header("webhook-timestamp", "Time of the attempt, in seconds since 1970"),
            header("webhook-signature", "Signatures, separated by spaces, each `v1,` and base64"),
        ],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Event" } } },
        },
        "responses": {
            "2XX": { "description": "The event is delivered" },
            "410": { "description": "The webhook is disabled" },
            "default": { "description": "The event is sent again later" },
        },
    })
}
