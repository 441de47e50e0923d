//! PutItem and DeleteItem.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::body;
use crate::services::{
    Moment,
    dynamodb::{
        DynamoDb,
        error::Error,
        expression::{self, Condition, Placeholders},
        key::Key,
        usage::write_units,
        value::{self, Item},
    },
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PutItem {
    table_name: String,
    item: Item,
    condition_expression: Option<String>,
    expression_attribute_names: Option<BTreeMap<String, String>>,
    expression_attribute_values: Option<Item>,
    #[serde(default)]
    return_values: ReturnedItem,
    #[serde(default)]
    return_values_on_condition_check_failure: ReturnedItem,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteItem {
    table_name: String,
    key: Item,
    condition_expression: Option<String>,
    expression_attribute_names: Option<BTreeMap<String, String>>,
    expression_attribute_values: Option<Item>,
    #[serde(default)]
    return_values: ReturnedItem,
    #[serde(default)]
    return_values_on_condition_check_failure: ReturnedItem,
}

/// Item that a response contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ReturnedItem {
    #[default]
    None,
    AllOld,
}

#[derive(Serialize)]
struct Response<'a> {
    #[serde(rename = "Attributes", skip_serializing_if = "Option::is_none")]
    attributes: Option<&'a Item>,
}

/// Condition and returned items of a write.
struct Terms<'a> {
    condition: Option<Condition<'a>>,
    return_old: ReturnedItem,
    return_current: ReturnedItem,
}

/// Creates or replaces an item.
pub fn put_item(model: &mut DynamoDb, request: PutItem, moment: &mut Moment<'_>) -> Result<Vec<u8>, Error> {
    let terms = Terms {
        condition: condition(
            request.condition_expression.as_deref(),
            request.expression_attribute_names.as_ref(),
            request.expression_attribute_values.as_ref(),
        )?,
        return_old: request.return_values,
        return_current: request.return_values_on_condition_check_failure,
    };
    let (key, _) = model.table_mut(&request.table_name)?.schema.check(&request.item)?;
    write(model, &request.table_name, &key, Some(&Arc::new(request.item)), &terms, moment)
}

/// Deletes an item.
pub fn delete_item(model: &mut DynamoDb, request: &DeleteItem, moment: &mut Moment<'_>) -> Result<Vec<u8>, Error> {
    let terms = Terms {
        condition: condition(
            request.condition_expression.as_deref(),
            request.expression_attribute_names.as_ref(),
            request.expression_attribute_values.as_ref(),
        )?,
        return_old: request.return_values,
        return_current: request.return_values_on_condition_check_failure,
    };
    let key = model.table_mut(&request.table_name)?.schema.keys.key(&request.key)?;
    write(model, &request.table_name, &key, None, &terms, moment)
}

fn condition<'a>(
    text: Option<&'a str>,
    names: Option<&'a BTreeMap<String, String>>,
    values: Option<&'a Item>,
) -> Result<Option<Condition<'a>>, Error> {
    let mut placeholders = Placeholders::new(names, values, text.is_some())?;
    let condition = text.map(|text| expression::condition(text, &mut placeholders)).transpose()?;
    placeholders.refuse_unused()?;
    Ok(condition)
}

fn write(
    model: &mut DynamoDb,
    table: &str,
    key: &Key,
    item: Option<&Arc<Item>>,
    terms: &Terms<'_>,
    moment: &mut Moment<'_>,
) -> Result<Vec<u8>, Error> {
    model.write_calls += 1;
    let settings = model.settings;
    let table = model.table_mut(table)?;
    if let Some(condition) = &terms.condition {
        let current = table.get(key).cloned();
        let absent = Item::new();
        if !condition.is_met(current.as_deref().unwrap_or(&absent)) {
            table.usage.write_units += write_units(current.as_ref().map_or(0, |item| value::size(item)));
            return Err(Error::condition(current.filter(|_| terms.return_current == ReturnedItem::AllOld)));
        }
    }
    let old = table.write(key, item, &settings, moment);
    model.item_writes += 1;
    body(&Response { attributes: old.as_deref().filter(|_| terms.return_old == ReturnedItem::AllOld) })
}
