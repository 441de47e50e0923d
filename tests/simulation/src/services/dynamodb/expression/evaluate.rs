//! Evaluation of conditions.

use std::{borrow::Cow, cmp::Ordering};

use super::condition::{Comparator, Condition, Operand};
use crate::services::dynamodb::value::{Item, Value};

impl Condition<'_> {
    /// Returns whether the item meets the condition.
    pub fn is_met(&self, item: &Item) -> bool {
        match self {
            Self::Compare(left, comparator, right) => {
                compare(left.resolve(item).as_deref(), *comparator, right.resolve(item).as_deref())
            }
            Self::Between(operand, low, high) => {
                let Some(value) = operand.resolve(item) else { return false };
                ordering(&value, low.resolve(item).as_deref()).is_some_and(Ordering::is_ge)
                    && ordering(&value, high.resolve(item).as_deref()).is_some_and(Ordering::is_le)
            }
            Self::In(operand, candidates) => {
                let Some(value) = operand.resolve(item) else { return false };
                candidates.iter().any(|candidate| candidate.resolve(item).as_ref() == Some(&value))
            }
            Self::Exists(path) => path.find(item).is_some(),
            Self::NotExists(path) => path.find(item).is_none(),
            Self::HasType(path, kind) => path.find(item).is_some_and(|value| value.type_name() == *kind),
            Self::BeginsWith(operand, prefix) => {
                match (operand.resolve(item).as_deref(), prefix.resolve(item).as_deref()) {
                    (Some(Value::S(text)), Some(Value::S(prefix))) => text.starts_with(prefix),
                    (Some(Value::B(bytes)), Some(Value::B(prefix))) => bytes.starts_with(prefix),
                    _ => false,
                }
            }
            Self::Contains(operand, part) => match (operand.resolve(item).as_deref(), part.resolve(item).as_deref()) {
                (Some(operand), Some(part)) => contains(operand, part),
                _ => false,
            },
            Self::And(left, right) => left.is_met(item) && right.is_met(item),
            Self::Or(left, right) => left.is_met(item) || right.is_met(item),
            Self::Not(condition) => !condition.is_met(item),
        }
    }
}

impl Operand<'_> {
    fn resolve<'i>(&'i self, item: &'i Item) -> Option<Cow<'i, Value>> {
        match self {
            Self::Path(path) => path.find(item).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Size(path) => Some(Cow::Owned(Value::N(size(path.find(item)?)?.into()))),
        }
    }
}

/// Returns the result of the function `size`, or `None` for a type that has no size.
fn size(value: &Value) -> Option<usize> {
    match value {
        // DynamoDB counts UTF-16 units.
        Value::S(text) => Some(text.encode_utf16().count()),
        Value::B(bytes) => Some(bytes.len()),
        Value::L(values) => Some(values.len()),
        Value::M(entries) => Some(entries.len()),
        Value::Ss(set) => Some(set.len()),
        Value::Ns(set) => Some(set.len()),
        Value::Bs(set) => Some(set.len()),
        Value::N(_) | Value::Bool(_) | Value::Null => None,
    }
}

fn contains(operand: &Value, part: &Value) -> bool {
    match (operand, part) {
        (Value::S(text), Value::S(part)) => text.contains(part.as_str()),
        (Value::B(bytes), Value::B(part)) => part.is_empty() || bytes.windows(part.len()).any(|bytes| bytes == part),
        (Value::Ss(set), Value::S(part)) => set.contains(part),
        (Value::Ns(set), Value::N(part)) => set.contains(part),
        (Value::Bs(set), Value::B(part)) => set.contains(part),
        (Value::L(values), part) => values.contains(part),
        _ => false,
    }
}

/// Compares two operands. A missing operand is equal to nothing.
fn compare(left: Option<&Value>, comparator: Comparator, right: Option<&Value>) -> bool {
    let is_equal = left.is_some() && left == right;
    let ordering = || left.and_then(|left| ordering(left, right));
    match comparator {
        Comparator::Equal => is_equal,
        Comparator::NotEqual => !is_equal,
        Comparator::Less => ordering().is_some_and(Ordering::is_lt),
        Comparator::LessOrEqual => ordering().is_some_and(Ordering::is_le),
        Comparator::Greater => ordering().is_some_and(Ordering::is_gt),
        Comparator::GreaterOrEqual => ordering().is_some_and(Ordering::is_ge),
    }
}

/// Returns the order of two values of the same ordered type.
fn ordering(left: &Value, right: Option<&Value>) -> Option<Ordering> {
    match (left, right?) {
        (Value::S(left), Value::S(right)) => Some(left.cmp(right)),
        (Value::N(left), Value::N(right)) => Some(left.cmp(right)),
        (Value::B(left), Value::B(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
