//! Syntax tree of conditions and filters.

use std::fmt;

use super::path::Path;
use crate::services::dynamodb::value::Value;

/// Condition on an item.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition<'a> {
    Compare(Operand<'a>, Comparator, Operand<'a>),
    Between(Operand<'a>, Operand<'a>, Operand<'a>),
    In(Operand<'a>, Vec<Operand<'a>>),
    Exists(Path<'a>),
    NotExists(Path<'a>),
    HasType(Path<'a>, &'a str),
    BeginsWith(Operand<'a>, Operand<'a>),
    Contains(Operand<'a>, Operand<'a>),
    And(Box<Condition<'a>>, Box<Condition<'a>>),
    Or(Box<Condition<'a>>, Box<Condition<'a>>),
    Not(Box<Condition<'a>>),
}

/// Operand of a comparison or function.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand<'a> {
    Path(Path<'a>),
    Value(&'a Value),
    /// Size of the value at a path.
    Size(Path<'a>),
}

/// Comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    /// Returns the comparator with this symbol.
    pub fn of(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" => Self::Equal,
            "<>" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// Returns the symbol.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// Returns the comparator with its operands swapped.
    pub fn swapped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

impl<'a> Condition<'a> {
    /// Calls `visit` with each path.
    pub fn paths(&self, visit: &mut impl FnMut(&Path<'a>)) {
        match self {
            Self::Compare(a, _, b) | Self::BeginsWith(a, b) | Self::Contains(a, b) => {
                [a, b].into_iter().filter_map(Operand::path).for_each(visit);
            }
            Self::Between(a, b, c) => [a, b, c].into_iter().filter_map(Operand::path).for_each(visit),
            Self::In(operand, candidates) => {
                std::iter::once(operand).chain(candidates).filter_map(Operand::path).for_each(visit);
            }
            Self::Exists(path) | Self::NotExists(path) | Self::HasType(path, _) => visit(path),
            Self::And(a, b) | Self::Or(a, b) => {
                a.paths(visit);
                b.paths(visit);
            }
            Self::Not(inner) => inner.paths(visit),
        }
    }
}

impl<'a> Operand<'a> {
    fn path(&self) -> Option<&Path<'a>> {
        match self {
            Self::Path(path) | Self::Size(path) => Some(path),
            Self::Value(_) => None,
        }
    }
}

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) | Self::Size(path) => path.fmt(f),
            Self::Value(value) => {
                let json = serde_json::to_string(value).unwrap_or_default();
                write!(f, "AttributeValue: {}", json.replace('"', ""))
            }
        }
    }
}
