//! Keys, and their order in tables and indexes.

use super::value::{Item, Number, Value};

/// Value of a key attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyValue {
    S(String),
    N(Number),
    B(Vec<u8>),
}

/// Type of a key attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    S,
    N,
    B,
}

impl KeyType {
    /// Returns the name of the type, as in DynamoDB's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
        }
    }
}

impl KeyValue {
    /// Returns the value as a key value of this type, or `None` if it has another type.
    pub fn of(value: &Value, kind: KeyType) -> Option<Self> {
        match (value, kind) {
            (Value::S(text), KeyType::S) => Some(Self::S(text.clone())),
            (Value::N(number), KeyType::N) => Some(Self::N(number.clone())),
            (Value::B(bytes), KeyType::B) => Some(Self::B(bytes.clone())),
            _ => None,
        }
    }

    /// Returns the length in bytes of a string or byte string. A number is never empty.
    pub fn len(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.len(),
        }
    }

    /// Returns whether the value starts with the prefix.
    pub fn starts_with(&self, prefix: &Self) -> bool {
        match (self, prefix) {
            (Self::S(text), Self::S(prefix)) => text.starts_with(prefix),
            (Self::B(bytes), Self::B(prefix)) => bytes.starts_with(prefix),
            _ => false,
        }
    }

    /// Returns the smallest value after all values with this prefix, or `None` if there is none.
    pub fn after_prefix(&self) -> Option<Self> {
        match self {
            Self::S(text) => {
                let mut characters: Vec<char> = text.chars().collect();
                while let Some(last) = characters.pop() {
                    // The successor skips the surrogates, which are no characters.
                    let mut after = (u32::from(last) + 1..=u32::from(char::MAX)).filter_map(char::from_u32);
                    if let Some(next) = after.next() {
                        characters.push(next);
                        return Some(Self::S(characters.into_iter().collect()));
                    }
                }
                None
            }
            Self::B(bytes) => {
                let mut bytes = bytes.clone();
                while let Some(last) = bytes.pop() {
                    if let Some(next) = last.checked_add(1) {
                        bytes.push(next);
                        return Some(Self::B(bytes));
                    }
                }
                None
            }
            Self::N(_) => None,
        }
    }
}

impl From<KeyValue> for Value {
    fn from(value: KeyValue) -> Self {
        match value {
            KeyValue::S(text) => Self::S(text),
            KeyValue::N(number) => Self::N(number),
            KeyValue::B(bytes) => Self::B(bytes),
        }
    }
}

/// Partition key value, ordered by its hash: a scan returns partitions in no order of their values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition {
    hash: u64,
    value: KeyValue,
}

impl Partition {
    /// Creates the partition of this key value.
    pub fn new(value: KeyValue) -> Self {
        let hash = match &value {
            KeyValue::S(text) => hash(text.as_bytes()),
            KeyValue::N(number) => hash(number.as_str().as_bytes()),
            KeyValue::B(bytes) => hash(bytes),
        };
        Self { hash, value }
    }

    /// Returns the key value.
    pub fn value(&self) -> &KeyValue {
        &self.value
    }
}

/// FNV-1a with a final mix, so that similar keys are far apart.
fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

/// Primary key of a table's item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub partition: Partition,
    pub sort: Option<KeyValue>,
}

impl Key {
    /// Returns the item's place in its partition of the table.
    pub fn position(&self) -> Position {
        Position { sort: self.sort.clone(), tie: Tie::First }
    }
}

/// Place of an item or index entry in its partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub sort: Option<KeyValue>,
    pub tie: Tie,
}

/// Order of index entries with equal sort keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// Before all entries. The only value of a table's items, which have unique keys.
    First,
    /// Entry of the item with this partition and sort key.
    Item(KeyValue, Option<KeyValue>),
    /// After all entries.
    Last,
}

/// Copies these attributes of an item.
pub fn pick<'a>(item: &Item, names: impl IntoIterator<Item = &'a str>) -> Item {
    names.into_iter().filter_map(|name| item.get_key_value(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_has_a_successor() {
        let s = |text: &str| KeyValue::S(text.to_owned());
        assert_eq!(s("ab").after_prefix(), Some(s("ac")));
        assert_eq!(s("a\u{10ffff}").after_prefix(), Some(s("b")));
        assert_eq!(s("\u{d7ff}").after_prefix(), Some(s("\u{e000}")));
        assert_eq!(s("").after_prefix(), None);
        assert_eq!(KeyValue::B(vec![1, 255]).after_prefix(), Some(KeyValue::B(vec![2])));
    }
}
