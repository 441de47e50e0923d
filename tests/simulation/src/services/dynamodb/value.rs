//! Items and attribute values.

mod json;
mod number;
mod plain;

use std::collections::{BTreeMap, BTreeSet};

pub use json::INVALID;
pub use number::{Number, NumberError};
pub use plain::to_plain;

/// An item, or the entries of a map: values by name.
pub type Item = BTreeMap<String, Value>;

/// Value of an attribute.
///
/// Deserializes from and serializes to DynamoDB's JSON (`{"S": "text"}`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// String.
    S(String),
    /// Number, in normal form.
    N(Number),
    /// Bytes.
    B(Vec<u8>),
    /// Boolean.
    Bool(bool),
    /// Null.
    Null,
    /// List.
    L(Vec<Value>),
    /// Map.
    M(Item),
    /// Set of strings.
    Ss(BTreeSet<String>),
    /// Set of numbers.
    Ns(BTreeSet<Number>),
    /// Set of byte strings.
    Bs(BTreeSet<Vec<u8>>),
}

/// DynamoDB: overhead of a list or map, in bytes.
const COLLECTION_OVERHEAD: usize = 3;

impl Value {
    /// Returns the name of the type, as in DynamoDB's JSON.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::L(_) => "L",
            Self::M(_) => "M",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
        }
    }

    /// Returns the text of a string.
    pub fn as_s(&self) -> Option<&str> {
        match self {
            Self::S(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a number.
    pub fn as_n(&self) -> Option<&Number> {
        match self {
            Self::N(number) => Some(number),
            _ => None,
        }
    }

    /// Returns the size in bytes by which DynamoDB bills and limits.
    pub fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::L(values) => COLLECTION_OVERHEAD + values.iter().map(|value| 1 + value.size()).sum::<usize>(),
            Self::M(entries) => {
                COLLECTION_OVERHEAD + entries.iter().map(|(name, value)| name.len() + 1 + value.size()).sum::<usize>()
            }
            Self::Ss(set) => set.iter().map(String::len).sum(),
            Self::Ns(set) => set.iter().map(Number::size).sum(),
            Self::Bs(set) => set.iter().map(Vec::len).sum(),
        }
    }
}

/// Returns the size of an item in bytes by which DynamoDB bills and limits.
pub fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.size()).sum()
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::S(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::S(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::N(number.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
