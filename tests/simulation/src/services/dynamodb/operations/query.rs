//! Query.

use std::{collections::BTreeMap, ops::Bound};

use serde::Deserialize;

use super::page::{PageRequest, Select, Start, check_limit, key_names};
use crate::services::{
    Moment,
    dynamodb::{
        DynamoDb,
        error::Error,
        expression::{self, Condition, Placeholders, SortCondition},
        key::Partition,
        schema::{IndexSchema, KeySchema},
        value::Item,
    },
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Query {
    table_name: String,
    index_name: Option<String>,
    key_condition_expression: Option<String>,
    filter_expression: Option<String>,
    projection_expression: Option<String>,
    expression_attribute_names: Option<BTreeMap<String, String>>,
    expression_attribute_values: Option<Item>,
    #[serde(default)]
    consistent_read: bool,
    scan_index_forward: Option<bool>,
    limit: Option<i32>,
    exclusive_start_key: Option<Item>,
    select: Option<Select>,
}

/// Reads items of one partition of a table or index, in order.
pub fn query(model: &mut DynamoDb, request: &Query, moment: &mut Moment<'_>) -> Result<Vec<u8>, Error> {
    check_limit(request.limit)?;
    let names = request.expression_attribute_names.as_ref();
    let mut placeholders = Placeholders::new(names, request.expression_attribute_values.as_ref(), true)?;
    let text = request.key_condition_expression.as_deref().ok_or_else(|| {
        Error::validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        )
    })?;
    let condition = expression::key_condition(text, &mut placeholders)?;
    let filter = request.filter_expression.as_deref();
    let projection = request.projection_expression.as_deref();
    let page = PageRequest::parse((request.limit, request.select), filter, projection, placeholders)?;

    let time = model.settings.read_time(request.consistent_read, moment);
    let table = model.table_mut(&request.table_name)?;
    let table_keys = &table.schema.keys;
    let index = match request.index_name.as_deref() {
        None => None,
        Some(name) => {
            let index = table
                .indexes
                .get_mut(name)
                .ok_or_else(|| Error::validation(format!("The table does not have the specified index: {name}")))?;
            if request.consistent_read {
                return Err(Error::validation("Consistent reads are not supported on global secondary indexes"));
            }
            index.catch_up(moment.now);
            Some((name, &*index))
        }
    };
    let index_schema = index.map(|(name, index)| (name, &index.schema));
    page.check(index_schema, table_keys)?;
    let keys = index_schema.map_or(table_keys, |(_, index)| &index.keys);
    let (partition, sort) = condition.bind(keys)?;
    if let Some(filter) = &page.filter {
        refuse_keys(filter, keys)?;
    }

    let forward = request.scan_index_forward.unwrap_or(true);
    let mut range = sort.range();
    if let Some(start) = &request.exclusive_start_key {
        let start = start_within(start, (table_keys, index_schema.map(|(_, index)| index)), &partition, &sort)?;
        let end = if forward { &mut range.0 } else { &mut range.1 };
        *end = Bound::Excluded(start.position);
    }
    // An index lags by the delay of its changes instead.
    let (items, time) = index.map_or((&table.items, time), |(_, index)| (&index.entries, None));
    let keys = key_names(table_keys, index_schema.map(|(_, index)| index));
    let found = page.collect(items.query(&partition, range, forward, time), &keys);
    table.usage.read(found.bytes, request.consistent_read);
    page.response(&found)
}

/// Reads a start key and refuses one that the query could not have returned.
fn start_within(
    given: &Item,
    (table, index): (&KeySchema, Option<&IndexSchema>),
    partition: &Partition,
    sort: &SortCondition,
) -> Result<Start, Error> {
    let start = Start::of(given, table, index)?;
    if start.position.sort.as_ref().is_some_and(|key| !sort.is_met(key)) {
        return Err(Error::validation("The provided starting key does not match the range key predicate"));
    }
    if start.partition != *partition {
        return Err(Error::validation(
            "The provided starting key is outside query boundaries based on provided conditions",
        ));
    }
    Ok(start)
}

fn refuse_keys(filter: &Condition<'_>, keys: &KeySchema) -> Result<(), Error> {
    let mut refused = None;
    filter.paths(&mut |path| {
        if keys.names().any(|name| name == path.attribute) {
            refused = Some(path.attribute.to_owned());
        }
    });
    match refused {
        None => Ok(()),
        Some(name) => Err(Error::validation(format!(
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
        ))),
    }
}
