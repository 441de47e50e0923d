//! Scan.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::page::{PageRequest, Select, Start, check_limit, key_names};
use crate::services::{
    Moment,
    dynamodb::{DynamoDb, error::Error, expression::Placeholders, value::Item},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Scan {
    table_name: String,
    filter_expression: Option<String>,
    projection_expression: Option<String>,
    expression_attribute_names: Option<BTreeMap<String, String>>,
    expression_attribute_values: Option<Item>,
    #[serde(default)]
    consistent_read: bool,
    limit: Option<i32>,
    exclusive_start_key: Option<Item>,
    select: Option<Select>,
}

/// Reads the items of a table, ordered by the hash of their partition key.
pub fn scan(model: &mut DynamoDb, request: &Scan, moment: &mut Moment<'_>) -> Result<Vec<u8>, Error> {
    check_limit(request.limit)?;
    let (filter, projection) = (request.filter_expression.as_deref(), request.projection_expression.as_deref());
    let placeholders = Placeholders::new(
        request.expression_attribute_names.as_ref(),
        request.expression_attribute_values.as_ref(),
        filter.or(projection).is_some(),
    )?;
    let page = PageRequest::parse((request.limit, request.select), filter, projection, placeholders)?;

    let time = model.settings.read_time(request.consistent_read, moment);
    let table = model.table_mut(&request.table_name)?;
    page.check(None, &table.schema.keys)?;
    let start = request.exclusive_start_key.as_ref();
    let start = start.map(|start| Start::of(start, &table.schema.keys, None)).transpose()?;
    let after = start.map(|start| (start.partition, start.position));
    let found = page.collect(table.items.scan(after, time), &key_names(&table.schema.keys, None));
    table.usage.read(found.bytes, request.consistent_read);
    page.response(&found)
}
