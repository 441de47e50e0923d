//! Requests as JSON through the SDK, and the transcript of their responses.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::put_item::PutItemError,
    primitives::Blob,
    types::{
        AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure,
        Select, WriteRequest,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value as Json, json};

/// Pages after which a query or scan counts as endless.
const MAX_PAGES: usize = 50;

/// Start of some messages, which DynamoDB uses for the same refusals in some regions and operations.
const ENVELOPE: &str = "1 validation error detected: ";
/// Ends of the parts of messages that name a reason. A place or a copy of the value follows.
const REASONS: [&str; 3] = ["Syntax error", "Input collection", "numeric value"];

type Attributes = HashMap<String, AttributeValue>;

/// Client of one target, and what it observed.
pub struct Session {
    client: Client,
    case: String,
    step: usize,
    transcript: Vec<(String, String)>,
}

impl Session {
    pub fn new(client: Client) -> Self {
        Self { client, case: String::new(), step: 0, transcript: Vec::new() }
    }

    /// Begins a case. The observations are labelled `case/step`.
    pub fn case(&mut self, name: &str) {
        name.clone_into(&mut self.case);
        self.step = 0;
    }

    /// Returns the labelled observations.
    pub fn transcript(self) -> Vec<(String, String)> {
        self.transcript
    }

    fn log(&mut self, observation: &Json) {
        self.step += 1;
        self.transcript.push((format!("{}/{}", self.case, self.step), observation.to_string()));
    }

    pub async fn put(&mut self, request: Json) {
        let sent = self
            .client
            .put_item()
            .set_table_name(text(&request, "TableName"))
            .set_item(attributes(&request["Item"]))
            .set_condition_expression(text(&request, "ConditionExpression"))
            .set_expression_attribute_names(names(&request))
            .set_expression_attribute_values(attributes(&request["ExpressionAttributeValues"]))
            .set_return_values(text(&request, "ReturnValues").as_deref().map(ReturnValue::from))
            .set_return_values_on_condition_check_failure(on_failure(&request))
            .send()
            .await;
        let observed = match sent {
            Ok(response) => json!({ "put": item(response.attributes.as_ref()) }),
            Err(error) => {
                let refused = match error.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(refused)) => item(refused.item()),
                    _ => Json::Null,
                };
                json!({ "put": failure(&error), "item": refused })
            }
        };
        self.log(&observed);
    }

    pub async fn delete(&mut self, request: Json) {
        let sent = self
            .client
            .delete_item()
            .set_table_name(text(&request, "TableName"))
            .set_key(attributes(&request["Key"]))
            .set_condition_expression(text(&request, "ConditionExpression"))
            .set_expression_attribute_names(names(&request))
            .set_expression_attribute_values(attributes(&request["ExpressionAttributeValues"]))
            .set_return_values(text(&request, "ReturnValues").as_deref().map(ReturnValue::from))
            .send()
            .await;
        let observed = match sent {
            Ok(response) => item(response.attributes.as_ref()),
            Err(error) => failure(&error),
        };
        self.log(&json!({ "delete": observed }));
    }

    pub async fn get(&mut self, request: Json) {
        let sent = self
            .client
            .get_item()
            .set_table_name(text(&request, "TableName"))
            .set_key(attributes(&request["Key"]))
            .set_consistent_read(request["ConsistentRead"].as_bool())
            .set_projection_expression(text(&request, "ProjectionExpression"))
            .set_expression_attribute_names(names(&request))
            .send()
            .await;
        let observed = match sent {
            Ok(response) => item(response.item.as_ref()),
            Err(error) => failure(&error),
        };
        self.log(&json!({ "get": observed }));
    }

    /// Sends a query and returns the last evaluated key.
    pub async fn query(&mut self, request: &Json) -> Option<Json> {
        let sent = self
            .client
            .query()
            .set_table_name(text(request, "TableName"))
            .set_index_name(text(request, "IndexName"))
            .set_key_condition_expression(text(request, "KeyConditionExpression"))
            .set_filter_expression(text(request, "FilterExpression"))
            .set_projection_expression(text(request, "ProjectionExpression"))
            .set_expression_attribute_names(names(request))
            .set_expression_attribute_values(attributes(&request["ExpressionAttributeValues"]))
            .set_scan_index_forward(request["ScanIndexForward"].as_bool())
            .set_consistent_read(request["ConsistentRead"].as_bool())
            .set_select(text(request, "Select").as_deref().map(Select::from))
            .set_limit(limit(request))
            .set_exclusive_start_key(attributes(&request["ExclusiveStartKey"]))
            .send()
            .await;
        let (observed, last) = match sent {
            Ok(response) => {
                let last = response.last_evaluated_key.as_ref().map(|key| item(Some(key)));
                let items = response.items.as_ref();
                let items = items.map(|items| items.iter().map(|found| item(Some(found))).collect::<Vec<_>>());
                let counts = [response.count, response.scanned_count];
                (json!({ "query": items, "counts": counts, "last": last }), last)
            }
            Err(error) => (json!({ "query": failure(&error) }), None),
        };
        self.log(&observed);
        last
    }

    /// Sends a query for each page until the last.
    pub async fn query_all(&mut self, mut request: Json) {
        for _ in 0..MAX_PAGES {
            let Some(last) = self.query(&request).await else { return };
            request["ExclusiveStartKey"] = last;
        }
        self.log(&json!("more pages"));
    }

    /// Scans all pages. The order of partitions is not observed, nor which page a filtered item is on.
    pub async fn scan_all(&mut self, mut request: Json) {
        let (mut found, mut scanned) = (Vec::new(), Vec::new());
        for _ in 0..MAX_PAGES {
            let sent = self
                .client
                .scan()
                .set_table_name(text(&request, "TableName"))
                .set_filter_expression(text(&request, "FilterExpression"))
                .set_projection_expression(text(&request, "ProjectionExpression"))
                .set_expression_attribute_names(names(&request))
                .set_expression_attribute_values(attributes(&request["ExpressionAttributeValues"]))
                .set_select(text(&request, "Select").as_deref().map(Select::from))
                .set_limit(limit(&request))
                .set_exclusive_start_key(attributes(&request["ExclusiveStartKey"]))
                .send()
                .await;
            let response = match sent {
                Ok(response) => response,
                Err(error) => return self.log(&json!({ "scan": failure(&error) })),
            };
            found.extend(response.items.iter().flatten().map(|found| item(Some(found)).to_string()));
            scanned.push(response.scanned_count);
            let Some(last) = response.last_evaluated_key else { break };
            request["ExclusiveStartKey"] = item(Some(&last));
        }
        found.sort();
        self.log(&json!({ "scan": found, "scanned": scanned }));
    }

    pub async fn batch_get(&mut self, request: Json) {
        let tables = request["RequestItems"].as_object().unwrap().iter().map(|(table, part)| {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(part["Keys"].as_array().unwrap().iter().filter_map(attributes).collect()))
                .set_consistent_read(part["ConsistentRead"].as_bool())
                .set_projection_expression(text(part, "ProjectionExpression"));
            (table.clone(), keys.build().unwrap())
        });
        let sent = self.client.batch_get_item().set_request_items(Some(tables.collect())).send().await;
        let observed = match sent {
            Ok(response) => {
                let sorted = |items: &Vec<Attributes>| {
                    let mut items: Vec<_> = items.iter().map(|found| item(Some(found)).to_string()).collect();
                    items.sort();
                    items
                };
                let found: BTreeMap<_, _> =
                    response.responses.iter().flatten().map(|(table, items)| (table.clone(), sorted(items))).collect();
                json!({ "found": found, "unprocessed": response.unprocessed_keys.map(|keys| keys.len()) })
            }
            Err(error) => failure(&error),
        };
        self.log(&json!({ "batch_get": observed }));
    }

    pub async fn batch_write(&mut self, request: Json) {
        let write = |write: &Json| {
            let put = attributes(&write["PutRequest"]["Item"]);
            let put = put.map(|item| PutRequest::builder().set_item(Some(item)).build().unwrap());
            let delete = attributes(&write["DeleteRequest"]["Key"]);
            let delete = delete.map(|key| DeleteRequest::builder().set_key(Some(key)).build().unwrap());
            WriteRequest::builder().set_put_request(put).set_delete_request(delete).build()
        };
        let tables = request["RequestItems"].as_object().unwrap().iter();
        let tables =
            tables.map(|(table, writes)| (table.clone(), writes.as_array().unwrap().iter().map(write).collect()));
        let sent = self.client.batch_write_item().set_request_items(Some(tables.collect())).send().await;
        let observed = match sent {
            Ok(response) => json!({ "unprocessed": response.unprocessed_items.map(|items| items.len()) }),
            Err(error) => failure(&error),
        };
        self.log(&json!({ "batch_write": observed }));
    }
}

fn failure<E: ProvideErrorMetadata + Debug, R: Debug>(error: &SdkError<E, R>) -> Json {
    let Some(code) = error.code() else { panic!("no service error: {error:?}") };
    json!({ "error": code, "message": reason(error.message().unwrap_or_default()) })
}

/// Returns the part of a message that names the reason: no count, no place, no copy of the request.
fn reason(message: &str) -> String {
    let reason = message.strip_prefix(ENVELOPE).unwrap_or(message);
    let end = REASONS.iter().find_map(|end| Some(reason.find(end)? + end.len()));
    let reason = end.map_or(reason, |end| &reason[..end]);
    match reason.strip_prefix("Value '").and_then(|rest| rest.rsplit_once("' at 'requestItems'")) {
        Some((_, rest)) => format!("Value at 'requestItems'{rest}"),
        None => reason.to_owned(),
    }
}

fn text(request: &Json, name: &str) -> Option<String> {
    request[name].as_str().map(str::to_owned)
}

fn limit(request: &Json) -> Option<i32> {
    request["Limit"].as_i64().map(|limit| i32::try_from(limit).unwrap())
}

fn names(request: &Json) -> Option<HashMap<String, String>> {
    let names = request["ExpressionAttributeNames"].as_object()?;
    Some(names.iter().map(|(key, name)| (key.clone(), name.as_str().unwrap().to_owned())).collect())
}

fn on_failure(request: &Json) -> Option<ReturnValuesOnConditionCheckFailure> {
    let all_old = request["ReturnValuesOnConditionCheckFailure"].as_str()?;
    Some(ReturnValuesOnConditionCheckFailure::from(all_old))
}

fn attributes(json: &Json) -> Option<Attributes> {
    Some(json.as_object()?.iter().map(|(name, value)| (name.clone(), attribute(value))).collect())
}

/// Reads a value in DynamoDB's JSON.
fn attribute(json: &Json) -> AttributeValue {
    let (kind, value) = json.as_object().unwrap().iter().next().unwrap();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let texts = || value.as_array().unwrap().iter().map(text).collect();
    let blob = |value: &Json| Blob::new(STANDARD.decode(value.as_str().unwrap()).unwrap());
    match kind.as_str() {
        "S" => AttributeValue::S(text(value)),
        "N" => AttributeValue::N(text(value)),
        "B" => AttributeValue::B(blob(value)),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "NULL" => AttributeValue::Null(value.as_bool().unwrap()),
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(attribute).collect()),
        "M" => AttributeValue::M(attributes(value).unwrap()),
        "SS" => AttributeValue::Ss(texts()),
        "NS" => AttributeValue::Ns(texts()),
        "BS" => AttributeValue::Bs(value.as_array().unwrap().iter().map(blob).collect()),
        other => panic!("unknown type {other}"),
    }
}

/// Writes an item in DynamoDB's JSON, with sets in order.
fn item(item: Option<&Attributes>) -> Json {
    item.map_or(Json::Null, |item| {
        let sorted: BTreeMap<_, _> = item.iter().collect();
        Json::Object(sorted.into_iter().map(|(name, value)| (name.clone(), document(value))).collect::<Map<_, _>>())
    })
}

fn document(value: &AttributeValue) -> Json {
    let sorted = |texts: &[String]| {
        let mut texts = texts.to_vec();
        texts.sort();
        texts
    };
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(blob) => json!({ "B": STANDARD.encode(blob) }),
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::Null(value) => json!({ "NULL": value }),
        AttributeValue::L(values) => json!({ "L": values.iter().map(document).collect::<Vec<_>>() }),
        AttributeValue::M(entries) => json!({ "M": item(Some(entries)) }),
        AttributeValue::Ss(set) => json!({ "SS": sorted(set) }),
        AttributeValue::Ns(set) => json!({ "NS": sorted(set) }),
        AttributeValue::Bs(set) => json!({ "BS": sorted(&set.iter().map(|b| STANDARD.encode(b)).collect::<Vec<_>>()) }),
        _ => panic!("unknown value"),
    }
}
