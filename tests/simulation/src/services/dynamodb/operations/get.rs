//! GetItem.

use std::{borrow::Cow, collections::BTreeMap};

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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetItem {
    table_name: String,
    key: Item,
    #[serde(default)]
    consistent_read: bool,
    projection_expression: Option<String>,
    expression_attribute_names: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
struct Response<'a> {
    #[serde(rename = "Item", skip_serializing_if = "Option::is_none")]
    item: Option<Cow<'a, Item>>,
}

/// Reads an item by its key.
pub fn get_item(model: &mut DynamoDb, request: &GetItem, moment: &mut Moment<'_>) -> Result<Vec<u8>, Error> {
    let projection =
        only_projection(request.projection_expression.as_deref(), request.expression_attribute_names.as_ref())?;
    let time = model.settings.read_time(request.consistent_read, moment);
    let table = model.table_mut(&request.table_name)?;
    let key = table.schema.keys.key(&request.key)?;
    let item = table.items.get(&key.partition, &key.position(), time);
    table.usage.read(item.map_or(0, |item| value::size(item)), request.consistent_read);
    let item = item.map(|item| match &projection {
        Some(projection) => Cow::Owned(projection.apply(item)),
        None => Cow::Borrowed(item.as_ref()),
    });
    body(&Response { item })
}
