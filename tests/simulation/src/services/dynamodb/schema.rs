//! Keys and indexes of a table.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    error::Error,
    key::{Key, KeyType, KeyValue, Partition, Position, Tie, pick},
    value::{self, Item, Value},
};

/// DynamoDB: at most 2,048 bytes of a partition key.
const MAX_PARTITION_KEY: usize = 2048;
/// DynamoDB: at most 1,024 bytes of a sort key.
const MAX_SORT_KEY: usize = 1024;
/// DynamoDB: at most 400 KB of an item.
const MAX_ITEM: usize = 400 * 1024;
/// DynamoDB: at most 32 levels of lists and maps, of which the item is the first.
const MAX_DEPTH: usize = 32;

/// Key attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAttribute {
    pub name: String,
    pub kind: KeyType,
}

/// Key attributes of a table or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySchema {
    pub partition: KeyAttribute,
    pub sort: Option<KeyAttribute>,
}

/// Attributes that an index copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Projection {
    All,
    KeysOnly,
    Include(Vec<String>),
}

/// Keys and projection of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSchema {
    pub keys: KeySchema,
    pub projection: Projection,
}

/// Keys and indexes of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSchema {
    pub keys: KeySchema,
    pub indexes: BTreeMap<String, IndexSchema>,
}

/// Entry of an index, with its place.
pub struct Entry {
    pub partition: Partition,
    pub position: Position,
    pub item: Arc<Item>,
}

impl KeySchema {
    /// Returns the attributes of the key, the partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }

    /// Returns the names of the key attributes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes().map(|attribute| attribute.name.as_str())
    }

    /// Reads a complete key that a request names: exactly the key attributes, of their types and not empty.
    pub fn key(&self, given: &Item) -> Result<Key, Error> {
        let mismatch = || Error::validation("The provided key element does not match the schema");
        if given.len() != self.attributes().count() {
            return Err(mismatch());
        }
        let read = |attribute: &KeyAttribute| {
            let value = given.get(&attribute.name).ok_or_else(mismatch)?;
            attribute.checked(KeyValue::of(value, attribute.kind).ok_or_else(mismatch)?)
        };
        within_limits(read(&self.partition)?, self.sort.as_ref().map(read).transpose()?)
    }

    /// Reads the key of a complete item.
    fn key_of_item(&self, item: &Item) -> Result<Key, Error> {
        let read = |attribute: &KeyAttribute| {
            let name = &attribute.name;
            let value =
                item.get(name).ok_or_else(|| Error::parameter(format_args!("Missing the key {name} in the item")))?;
            let key = KeyValue::of(value, attribute.kind).ok_or_else(|| {
                let (expected, actual) = (attribute.kind.name(), value.type_name());
                Error::parameter(format_args!("Type mismatch for key {name} expected: {expected} actual: {actual}"))
            })?;
            attribute.checked(key)
        };
        within_limits(read(&self.partition)?, self.sort.as_ref().map(read).transpose()?)
    }
}

/// Refuses a key that is too long.
fn within_limits(partition: KeyValue, sort: Option<KeyValue>) -> Result<Key, Error> {
    if partition.len() > MAX_PARTITION_KEY {
        return Err(Error::parameter(format_args!(
            "Size of hashkey has exceeded the maximum size limit of{MAX_PARTITION_KEY} bytes"
        )));
    }
    if sort.as_ref().is_some_and(|sort| sort.len() > MAX_SORT_KEY) {
        return Err(Error::parameter(format_args!(
            "Aggregated size of all range keys has exceeded the size limit of {MAX_SORT_KEY} bytes"
        )));
    }
    Ok(Key { partition: Partition::new(partition), sort })
}

impl KeyAttribute {
    /// Refuses an empty key value.
    fn checked(&self, value: KeyValue) -> Result<KeyValue, Error> {
        if value.len() > 0 {
            return Ok(value);
        }
        let kind = if self.kind == KeyType::S { "string" } else { "binary" };
        Err(Error::validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
             {kind} value. Key: {}",
            self.name
        )))
    }
}

impl TableSchema {
    /// Checks an item and returns its key and size.
    pub fn check(&self, item: &Item) -> Result<(Key, usize), Error> {
        let key = self.keys.key_of_item(item)?;
        for (name, index) in &self.indexes {
            for attribute in index.keys.attributes() {
                let Some(value) = item.get(&attribute.name) else { continue };
                let key = KeyValue::of(value, attribute.kind).ok_or_else(|| {
                    Error::parameter(format_args!(
                        "Type mismatch for Index Key {} Expected: {} Actual: {} IndexName: {name}",
                        attribute.name,
                        attribute.kind.name(),
                        value.type_name(),
                    ))
                })?;
                if key.len() == 0 {
                    let kind = if attribute.kind == KeyType::S { "string" } else { "binary" };
                    return Err(Error::validation(format!(
                        "One or more parameter values are not valid. A value specified for a secondary index key is not \
                         supported. The AttributeValue for a key attribute cannot contain an empty {kind} value. \
                         IndexName: {name}, IndexKey: {}",
                        attribute.name
                    )));
                }
            }
        }
        if item.keys().any(String::is_empty) {
            return Err(Error::validation("Empty attribute name"));
        }
        if item.values().any(|value| 1 + depth(value) > MAX_DEPTH) {
            return Err(Error::validation(
                "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond \
                 supported limit",
            ));
        }
        let size = value::size(item);
        if size > MAX_ITEM {
            return Err(Error::validation("Item size has exceeded the maximum allowed size"));
        }
        Ok((key, size))
    }
}

impl IndexSchema {
    /// Returns the entry of a table's item, or `None` if the item lacks a key attribute of the index.
    pub fn entry(&self, table: &KeySchema, key: &Key, item: &Arc<Item>) -> Option<Entry> {
        let read = |attribute: &KeyAttribute| KeyValue::of(item.get(&attribute.name)?, attribute.kind);
        let partition = Partition::new(read(&self.keys.partition)?);
        let sort = match &self.keys.sort {
            None => None,
            Some(attribute) => Some(read(attribute)?),
        };
        let keys = || table.names().chain(self.keys.names());
        let projected = match &self.projection {
            Projection::All => item.clone(),
            Projection::KeysOnly => Arc::new(pick(item, keys())),
            Projection::Include(names) => Arc::new(pick(item, keys().chain(names.iter().map(String::as_str)))),
        };
        let tie = Tie::Item(key.partition.value().clone(), key.sort.clone());
        Some(Entry { partition, position: Position { sort, tie }, item: projected })
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::L(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::M(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
