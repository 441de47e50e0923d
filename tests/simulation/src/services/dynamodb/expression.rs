//! Expressions: conditions, filters, key conditions and projections.

mod condition;
mod evaluate;
mod key_condition;
mod lexer;
mod parser;
mod path;
mod placeholders;
mod projection;

pub use condition::Condition;
pub use key_condition::{KeyCondition, SortCondition};
pub use placeholders::Placeholders;
pub use projection::Projection;

use super::error::Error;

/// DynamoDB: at most 4 KB of an expression.
const MAX_EXPRESSION: usize = 4096;

/// Parses a condition of a write.
pub fn condition<'a>(text: &'a str, placeholders: &mut Placeholders<'a>) -> Result<Condition<'a>, Error> {
    parsed("ConditionExpression", text, |text| parser::condition(text, placeholders))
}

/// Parses a filter of a query or scan.
pub fn filter<'a>(text: &'a str, placeholders: &mut Placeholders<'a>) -> Result<Condition<'a>, Error> {
    parsed("FilterExpression", text, |text| parser::condition(text, placeholders))
}

/// Parses the key condition of a query.
pub fn key_condition<'a>(text: &'a str, placeholders: &mut Placeholders<'a>) -> Result<KeyCondition<'a>, Error> {
    let condition = parsed("KeyConditionExpression", text, |text| parser::condition(text, placeholders))?;
    KeyCondition::of(condition).map_err(Error::validation)
}

/// Parses a projection.
pub fn projection<'a>(text: &'a str, placeholders: &mut Placeholders<'a>) -> Result<Projection<'a>, Error> {
    parsed("ProjectionExpression", text, |text| Projection::of(&parser::paths(text, placeholders)?))
}

fn parsed<'a, T>(kind: &str, text: &'a str, parse: impl FnOnce(&'a str) -> Result<T, String>) -> Result<T, Error> {
    let parsed = if text.is_empty() {
        Err("The expression can not be empty;".to_owned())
    } else if text.len() > MAX_EXPRESSION {
        Err("Expression size has exceeded the maximum allowed size;".to_owned())
    } else {
        parse(text)
    };
    parsed.map_err(|message| Error::validation(format!("Invalid {kind}: {message}")))
}

#[cfg(test)]
mod tests;
