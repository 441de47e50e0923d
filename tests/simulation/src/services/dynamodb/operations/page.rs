//! Pages of queries and scans.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::body;
use crate::services::dynamodb::{
    error::Error,
    expression::{self, Condition, Placeholders, Projection},
    key::{Key, KeyValue, Partition, Position, Tie, pick},
    schema::{self, IndexSchema, KeyAttribute, KeySchema},
    value::{self, Item},
};

/// DynamoDB: at most 1 MB of items that one request evaluates.
const MAX_PAGE: usize = 1024 * 1024;

/// Attributes that a query or scan returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Select {
    AllAttributes,
    AllProjectedAttributes,
    SpecificAttributes,
    Count,
}

/// Limits, filter and form of a page.
pub struct PageRequest<'a> {
    pub limit: Option<i32>,
    pub filter: Option<Condition<'a>>,
    pub projection: Option<Projection<'a>>,
    pub select: Option<Select>,
}

/// Page of items, with the number of bytes that were evaluated.
pub struct Page {
    items: Vec<Arc<Item>>,
    count: usize,
    scanned: usize,
    last: Option<Item>,
    pub bytes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<&'a Item>>,
    count: usize,
    scanned_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluated_key: Option<&'a Item>,
}

impl<'a> PageRequest<'a> {
    /// Parses the filter and the attributes to return. Refuses names and values that no expression of the request uses.
    pub fn parse(
        (limit, select): (Option<i32>, Option<Select>),
        filter: Option<&'a str>,
        projection: Option<&'a str>,
        mut placeholders: Placeholders<'a>,
    ) -> Result<Self, Error> {
        let page = Self {
            limit,
            filter: filter.map(|text| expression::filter(text, &mut placeholders)).transpose()?,
            projection: projection.map(|text| expression::projection(text, &mut placeholders)).transpose()?,
            select,
        };
        placeholders.refuse_unused()?;
        Ok(page)
    }

    /// Refuses invalid limits and combinations of `Select`.
    pub fn check(&self, index: Option<(&str, &IndexSchema)>, table: &KeySchema) -> Result<(), Error> {
        match self.select {
            Some(Select::SpecificAttributes) if self.projection.is_none() => {
                return Err(Error::validation(
                    "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
                ));
            }
            Some(Select::Count) if self.projection.is_some() => {
                return Err(Error::validation(
                    "Cannot specify the ProjectionExpression when choosing to get only the Count",
                ));
            }
            Some(select @ (Select::AllAttributes | Select::AllProjectedAttributes)) if self.projection.is_some() => {
                let select =
                    if select == Select::AllAttributes { "ALL_ATTRIBUTES" } else { "ALL_PROJECTED_ATTRIBUTES" };
                return Err(Error::validation(format!(
                    "Cannot specify the ProjectionExpression when choosing to get {select}"
                )));
            }
            Some(Select::AllProjectedAttributes) if index.is_none() => {
                return Err(Error::validation(
                    "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
                ));
            }
            _ => {}
        }
        let Some((name, index)) = index else { return Ok(()) };
        let copied: Vec<&str> = match &index.projection {
            schema::Projection::All => return Ok(()),
            schema::Projection::KeysOnly => Vec::new(),
            schema::Projection::Include(names) => names.iter().map(String::as_str).collect(),
        };
        if self.select == Some(Select::AllAttributes) {
            return Err(Error::parameter(format_args!(
                "Select type ALL_ATTRIBUTES is not supported for global secondary index {name} because its projection \
                 type is not ALL"
            )));
        }
        let is_copied = |attribute: &str| {
            copied.contains(&attribute) || table.names().chain(index.keys.names()).any(|key| key == attribute)
        };
        let selected = self.projection.iter().flat_map(Projection::attributes);
        let missing: Vec<&str> = selected.filter(|attribute| !is_copied(attribute)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        Err(Error::parameter(format_args!("Global secondary index {name} does not project [{missing}]")))
    }

    /// Evaluates items until the limit or 1 MB is reached. `keys`: names of the attributes of the last key.
    pub fn collect<'i>(&self, items: impl Iterator<Item = &'i Arc<Item>>, keys: &[&str]) -> Page {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let mut page = Page { items: Vec::new(), count: 0, scanned: 0, last: None, bytes: 0 };
        let mut evaluated = None;
        for item in items {
            let size = value::size(item);
            if page.scanned > 0 && page.bytes + size > MAX_PAGE {
                page.last = evaluated.map(|item: &Arc<Item>| pick(item, keys.iter().copied()));
                break;
            }
            page.bytes += size;
            page.scanned += 1;
            evaluated = Some(item);
            if self.filter.as_ref().is_none_or(|filter| filter.is_met(item)) {
                page.count += 1;
                if self.select != Some(Select::Count) {
                    page.items.push(match &self.projection {
                        Some(projection) => Arc::new(projection.apply(item)),
                        None => item.clone(),
                    });
                }
            }
            if page.scanned == limit {
                page.last = Some(pick(item, keys.iter().copied()));
                break;
            }
        }
        page
    }

    /// Returns the body of the response.
    pub fn response(&self, page: &Page) -> Result<Vec<u8>, Error> {
        let items = || page.items.iter().map(Arc::as_ref).collect();
        body(&Response {
            items: (self.select != Some(Select::Count)).then(items),
            count: page.count,
            scanned_count: page.scanned,
            last_evaluated_key: page.last.as_ref(),
        })
    }
}

/// Refuses a limit below 1.
pub fn check_limit(limit: Option<i32>) -> Result<(), Error> {
    if limit.is_some_and(|limit| limit < 1) {
        return Err(Error::validation(
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater \
             than or equal to 1",
        ));
    }
    Ok(())
}

/// Place after which a page begins.
pub struct Start {
    pub partition: Partition,
    pub position: Position,
}

impl Start {
    /// Reads a start key, which has exactly the key attributes of the table and of the index.
    pub fn of(given: &Item, table: &KeySchema, index: Option<&IndexSchema>) -> Result<Self, Error> {
        let invalid = || Error::validation("The provided starting key is invalid");
        let key = table.key(&pick(given, table.names())).map_err(|_| invalid())?;
        let names = key_names(table, index);
        if given.len() != names.len() || !names.iter().all(|name| given.contains_key(*name)) {
            return Err(invalid());
        }
        let Some(index) = index else {
            let Key { partition, sort } = key;
            return Ok(Self { partition, position: Position { sort, tie: Tie::First } });
        };
        let read = |attribute: &KeyAttribute| {
            given.get(&attribute.name).and_then(|value| KeyValue::of(value, attribute.kind)).ok_or_else(invalid)
        };
        let partition = Partition::new(read(&index.keys.partition)?);
        let sort = index.keys.sort.as_ref().map(read).transpose()?;
        let tie = Tie::Item(key.partition.value().clone(), key.sort);
        Ok(Self { partition, position: Position { sort, tie } })
    }
}

/// Returns the names of the key attributes of the table and of the index, each once.
pub fn key_names<'a>(table: &'a KeySchema, index: Option<&'a IndexSchema>) -> Vec<&'a str> {
    let mut names: Vec<&str> = table.names().collect();
    for name in index.into_iter().flat_map(|index| index.keys.names()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
