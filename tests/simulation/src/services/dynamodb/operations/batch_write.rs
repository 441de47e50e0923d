//! BatchWriteItem.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::body;
use crate::services::{
    Moment,
    dynamodb::{
        DynamoDb,
        error::Error,
        key::{Key, pick},
        value::Item,
    },
};

/// DynamoDB: at most 25 writes per request.
const MAX_WRITES: usize = 25;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct BatchWriteItem {
    request_items: BTreeMap<String, Vec<WriteRequest>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WriteRequest {
    put_request: Option<PutRequest>,
    delete_request: Option<DeleteRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutRequest {
    item: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteRequest {
    key: Item,
}

/// Valid write.
enum Write {
    Put(Arc<Item>),
    Delete(Item),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    unprocessed_items: BTreeMap<&'a str, Vec<Unprocessed<'a>>>,
}

#[derive(Serialize)]
enum Unprocessed<'a> {
    #[serde(rename = "PutRequest")]
    Put {
        #[serde(rename = "Item")]
        item: &'a Item,
    },
    #[serde(rename = "DeleteRequest")]
    Delete {
        #[serde(rename = "Key")]
        key: &'a Item,
    },
}

/// Writes and deletes items without conditions.
pub fn batch_write_item(
    model: &mut DynamoDb,
    request: BatchWriteItem,
    moment: &mut Moment<'_>,
) -> Result<Vec<u8>, Error> {
    check_counts(&request)?;
    let mut writes = BTreeMap::new();
    for (name, requests) in request.request_items {
        let valid = check(model, &name, requests)?;
        writes.insert(name, valid);
    }
    model.write_calls += 1;
    let settings = model.settings;
    let mut processed_any = false;
    let mut unprocessed: BTreeMap<&str, Vec<Unprocessed<'_>>> = BTreeMap::new();
    for (name, writes) in &writes {
        for (key, write) in writes {
            if processed_any && settings.is_unprocessed(moment) {
                unprocessed.entry(name).or_default().push(match write {
                    Write::Put(item) => Unprocessed::Put { item },
                    Write::Delete(key) => Unprocessed::Delete { key },
                });
                continue;
            }
            processed_any = true;
            let item = match write {
                Write::Put(item) => Some(item),
                Write::Delete(_) => None,
            };
            model.table_mut(name)?.write(key, item, &settings, moment);
            model.item_writes += 1;
        }
    }
    body(&Response { unprocessed_items: unprocessed })
}

fn check_counts(request: &BatchWriteItem) -> Result<(), Error> {
    if request.request_items.is_empty() {
        return Err(Error::validation("The requestItems parameter is required for BatchWriteItem"));
    }
    let counts = || request.request_items.values().map(Vec::len);
    if counts().any(|count| count == 0) || counts().sum::<usize>() > MAX_WRITES {
        return Err(Error::validation(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Map value must satisfy \
             constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal \
             to 1]",
        ));
    }
    Ok(())
}

/// Checks the writes to one table and returns them by key.
fn check(model: &mut DynamoDb, table: &str, requests: Vec<WriteRequest>) -> Result<Vec<(Key, Write)>, Error> {
    let schema = &model.table_mut(table)?.schema;
    let mut keys = BTreeSet::new();
    let mut writes = Vec::with_capacity(requests.len());
    for request in requests {
        let (key, write) = match (request.put_request, request.delete_request) {
            (Some(put), None) => {
                // Unlike PutItem, a batch reports a missing or mistyped key as it does for a deletion.
                schema.keys.key(&pick(&put.item, schema.keys.names()))?;
                (schema.check(&put.item)?.0, Write::Put(Arc::new(put.item)))
            }
            (None, Some(delete)) => (schema.keys.key(&delete.key)?, Write::Delete(delete.key)),
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::validation(
                    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
                     datatypes",
                ));
            }
        };
        if !keys.insert(key.clone()) {
            return Err(Error::validation("Provided list of item keys contains duplicates"));
        }
        writes.push((key, write));
    }
    Ok(writes)
}
