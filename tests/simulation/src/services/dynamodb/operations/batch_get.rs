//! BatchGetItem.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{body, only_projection};
use crate::services::{
    Moment,
    dynamodb::{
        DynamoDb,
        error::Error,
        value::{self, Item},
    },
};

/// DynamoDB: at most 100 keys per request.
const MAX_KEYS: usize = 100;
/// DynamoDB: at most 16 MB of items per response.
const MAX_RESPONSE: usize = 16 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct BatchGetItem {
    request_items: BTreeMap<String, KeysAndAttributes>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct KeysAndAttributes {
    keys: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consistent_read: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    projection_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression_attribute_names: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    responses: BTreeMap<&'a str, Vec<&'a Item>>,
    unprocessed_keys: BTreeMap<&'a str, &'a KeysAndAttributes>,
}

/// Reads items by their keys. The items are in no order of the request.
pub fn batch_get_item(model: &mut DynamoDb, request: BatchGetItem, moment: &mut Moment<'_>) -> Result<Vec<u8>, Error> {
    check_counts(&request)?;
    let mut found: BTreeMap<String, Vec<Arc<Item>>> = BTreeMap::new();
    let mut unprocessed: BTreeMap<String, KeysAndAttributes> = BTreeMap::new();
    let mut bytes = 0;
    let mut processed_any = false;
    let settings = model.settings;
    for (name, part) in &request.request_items {
        let table = model.table_mut(name)?;
        let mut keys = BTreeSet::new();
        for key in &part.keys {
            if !keys.insert(table.schema.keys.key(key)?) {
                return Err(Error::validation("Provided list of item keys contains duplicates"));
            }
        }
    }
    for (name, mut part) in request.request_items {
        let consistent = part.consistent_read.unwrap_or(false);
        let keys = std::mem::take(&mut part.keys);
        let projection =
            only_projection(part.projection_expression.as_deref(), part.expression_attribute_names.as_ref())?;
        let table = model.table_mut(&name)?;
        let items = found.entry(name.clone()).or_default();
        let mut left = Vec::new();
        // The order of the partitions' hashes, which is not the order of the request.
        let sorted: BTreeMap<_, _> =
            keys.into_iter().map(|key| Ok((table.schema.keys.key(&key)?, key))).collect::<Result<_, Error>>()?;
        for (key, given) in sorted {
            if processed_any && settings.is_unprocessed(moment) {
                left.push(given);
                continue;
            }
            let time = settings.read_time(consistent, moment);
            let item = table.items.get(&key.partition, &key.position(), time);
            let size = item.map_or(0, |item| value::size(item));
            if processed_any && bytes + size > MAX_RESPONSE {
                left.push(given);
                continue;
            }
            processed_any = true;
            bytes += size;
            items.extend(item.map(|item| match &projection {
                Some(projection) => Arc::new(projection.apply(item)),
                None => item.clone(),
            }));
            table.usage.read(size, consistent);
        }
        if !left.is_empty() {
            drop(projection);
            part.keys = left;
            unprocessed.insert(name, part);
        }
    }
    body(&Response {
        responses: found.iter().map(|(name, items)| (&**name, items.iter().map(Arc::as_ref).collect())).collect(),
        unprocessed_keys: unprocessed.iter().map(|(name, keys)| (&**name, keys)).collect(),
    })
}

fn check_counts(request: &BatchGetItem) -> Result<(), Error> {
    if request.request_items.is_empty() {
        return Err(Error::validation(
            "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Member must have length \
             greater than or equal to 1",
        ));
    }
    for (name, part) in &request.request_items {
        let limit = match part.keys.len() {
            0 => "greater than or equal to 1",
            count if count > MAX_KEYS => "less than or equal to 100",
            _ => continue,
        };
        return Err(Error::validation(format!(
            "1 validation error detected: Value at 'RequestItems.{name}.member.Keys' failed to satisfy constraint: \
             Member must have length {limit}"
        )));
    }
    if request.request_items.values().map(|part| part.keys.len()).sum::<usize>() > MAX_KEYS {
        return Err(Error::validation("Too many items requested for the BatchGetItem call"));
    }
    Ok(())
}
