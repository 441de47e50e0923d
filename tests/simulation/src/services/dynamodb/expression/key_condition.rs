//! Key conditions of queries.

use std::ops::Bound;

use super::{
    condition::{Comparator, Condition, Operand},
    path::Path,
};
use crate::services::dynamodb::{
    collection::Range,
    error::Error,
    key::{KeyValue, Partition, Position, Tie},
    schema::{KeyAttribute, KeySchema},
    value::Value,
};

/// Conditions on key attributes, by name.
#[derive(Debug)]
pub struct KeyCondition<'a> {
    clauses: Vec<(&'a str, Clause<'a>)>,
}

#[derive(Debug, Clone, Copy)]
enum Clause<'a> {
    Compare(Comparator, &'a Value),
    Between(&'a Value, &'a Value),
    BeginsWith(&'a Value),
}

/// Condition on a sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortCondition {
    Any,
    Equal(KeyValue),
    Less(KeyValue),
    LessOrEqual(KeyValue),
    Greater(KeyValue),
    GreaterOrEqual(KeyValue),
    Between(KeyValue, KeyValue),
    BeginsWith(KeyValue),
}

impl<'a> KeyCondition<'a> {
    /// Reads a condition as a key condition.
    pub fn of(condition: Condition<'a>) -> Result<Self, String> {
        let mut clauses = Vec::new();
        collect(condition, &mut clauses)?;
        for (at, (name, _)) in clauses.iter().enumerate() {
            if clauses[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(
                    "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key"
                        .to_owned(),
                );
            }
        }
        Ok(Self { clauses })
    }

    /// Binds the condition to the keys of a table or index.
    pub fn bind(&self, keys: &KeySchema) -> Result<(Partition, SortCondition), Error> {
        let (given, defined) = (self.clauses.len(), keys.attributes().count());
        if given > defined {
            return Err(Error::validation(format!(
                "The number of query conditions ({given}) exceeds the number of key attributes defined in the schema \
                 ({defined})"
            )));
        }
        let clause = |name: &str| self.clauses.iter().find(|(given, _)| *given == name).map(|(_, clause)| *clause);
        let missed = |name: &str| Error::validation(format!("Query condition missed key schema element: {name}"));
        let partition = match clause(&keys.partition.name) {
            Some(Clause::Compare(Comparator::Equal, value)) => key_value(&keys.partition, value)?,
            Some(_) => return Err(Error::validation("Query key condition not supported")),
            None => return Err(missed(&keys.partition.name)),
        };
        let sort = match &keys.sort {
            Some(sort) if given == 2 => SortCondition::of(sort, clause(&sort.name).ok_or_else(|| missed(&sort.name))?)?,
            _ => SortCondition::Any,
        };
        Ok((Partition::new(partition), sort))
    }
}

fn collect<'a>(condition: Condition<'a>, clauses: &mut Vec<(&'a str, Clause<'a>)>) -> Result<(), String> {
    let invalid = |operator: &str| format!("Invalid operator used in KeyConditionExpression: {operator}");
    let (path, clause) = match condition {
        Condition::And(left, right) => {
            collect(*left, clauses)?;
            return collect(*right, clauses);
        }
        Condition::Compare(_, Comparator::NotEqual, _) => return Err(invalid("<>")),
        Condition::Compare(Operand::Path(path), comparator, Operand::Value(value)) => {
            (path, Clause::Compare(comparator, value))
        }
        Condition::Compare(Operand::Value(value), comparator, Operand::Path(path)) => {
            (path, Clause::Compare(comparator.swapped(), value))
        }
        Condition::Between(Operand::Path(path), Operand::Value(low), Operand::Value(high)) => {
            (path, Clause::Between(low, high))
        }
        Condition::BeginsWith(Operand::Path(path), Operand::Value(prefix)) => (path, Clause::BeginsWith(prefix)),
        Condition::Or(..) => return Err(invalid("OR")),
        Condition::Not(_) => return Err(invalid("NOT")),
        Condition::In(..) => return Err(invalid("IN")),
        Condition::Exists(_) => return Err(invalid("attribute_exists")),
        Condition::NotExists(_) => return Err(invalid("attribute_not_exists")),
        Condition::HasType(..) => return Err(invalid("attribute_type")),
        Condition::Contains(..) => return Err(invalid("contains")),
        Condition::Compare(Operand::Size(_), ..) | Condition::Compare(_, _, Operand::Size(_)) => {
            return Err(invalid("size"));
        }
        Condition::Compare(..) | Condition::Between(..) | Condition::BeginsWith(..) => {
            return Err("Invalid KeyConditionExpression: No key attribute is compared with a value".to_owned());
        }
    };
    let Path { attribute, steps } = path;
    if !steps.is_empty() {
        return Err(
            "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested attributes"
                .to_owned(),
        );
    }
    clauses.push((attribute, clause));
    Ok(())
}

fn key_value(attribute: &KeyAttribute, value: &Value) -> Result<KeyValue, Error> {
    let key = KeyValue::of(value, attribute.kind)
        .ok_or_else(|| Error::parameter("Condition parameter type does not match schema type"))?;
    if key.len() == 0 {
        let kind = if matches!(key, KeyValue::S(_)) { "string" } else { "binary" };
        return Err(Error::validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
             {kind} value. Key: {}",
            attribute.name
        )));
    }
    Ok(key)
}

impl SortCondition {
    fn of(attribute: &KeyAttribute, clause: Clause<'_>) -> Result<Self, Error> {
        let read = |value| key_value(attribute, value);
        Ok(match clause {
            Clause::Compare(Comparator::Less, value) => Self::Less(read(value)?),
            Clause::Compare(Comparator::LessOrEqual, value) => Self::LessOrEqual(read(value)?),
            Clause::Compare(Comparator::Greater, value) => Self::Greater(read(value)?),
            Clause::Compare(Comparator::GreaterOrEqual, value) => Self::GreaterOrEqual(read(value)?),
            Clause::Compare(Comparator::Equal | Comparator::NotEqual, value) => Self::Equal(read(value)?),
            Clause::Between(low, high) => Self::Between(read(low)?, read(high)?),
            Clause::BeginsWith(prefix) => Self::BeginsWith(read(prefix)?),
        })
    }

    /// Returns whether a sort key meets the condition.
    pub fn is_met(&self, sort: &KeyValue) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(value) => sort == value,
            Self::Less(value) => sort < value,
            Self::LessOrEqual(value) => sort <= value,
            Self::Greater(value) => sort > value,
            Self::GreaterOrEqual(value) => sort >= value,
            Self::Between(low, high) => low <= sort && sort <= high,
            Self::BeginsWith(prefix) => sort.starts_with(prefix),
        }
    }

    /// Returns the range of positions that meet the condition.
    pub fn range(&self) -> Range {
        let before = |value: &KeyValue| Position { sort: Some(value.clone()), tie: Tie::First };
        let after = |value: &KeyValue| Position { sort: Some(value.clone()), tie: Tie::Last };
        match self {
            Self::Any => (Bound::Unbounded, Bound::Unbounded),
            Self::Equal(value) => (Bound::Included(before(value)), Bound::Included(after(value))),
            Self::Less(value) => (Bound::Unbounded, Bound::Excluded(before(value))),
            Self::LessOrEqual(value) => (Bound::Unbounded, Bound::Included(after(value))),
            Self::Greater(value) => (Bound::Excluded(after(value)), Bound::Unbounded),
            Self::GreaterOrEqual(value) => (Bound::Included(before(value)), Bound::Unbounded),
            Self::Between(low, high) => (Bound::Included(before(low)), Bound::Included(after(high))),
            Self::BeginsWith(prefix) => {
                let end = prefix.after_prefix().map_or(Bound::Unbounded, |end| Bound::Excluded(before(&end)));
                (Bound::Included(before(prefix)), end)
            }
        }
    }
}
