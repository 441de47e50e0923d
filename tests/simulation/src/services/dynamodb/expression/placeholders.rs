//! Placeholders of names and values.

use std::collections::{BTreeMap, BTreeSet};

use crate::services::dynamodb::{
    error::Error,
    value::{Item, Value},
};

/// Names and values of a request that its expressions refer to.
#[derive(Debug)]
pub struct Placeholders<'a> {
    names: Option<&'a BTreeMap<String, String>>,
    values: Option<&'a Item>,
    used_names: BTreeSet<&'a str>,
    used_values: BTreeSet<&'a str>,
}

impl<'a> Placeholders<'a> {
    /// Creates the placeholders of a request. `has_expressions`: the request has an expression.
    pub fn new(
        names: Option<&'a BTreeMap<String, String>>,
        values: Option<&'a Item>,
        has_expressions: bool,
    ) -> Result<Self, Error> {
        for (kind, is_given, is_empty, invalid) in [
            ("Names", names.is_some(), names.is_some_and(BTreeMap::is_empty), invalid_key(names, '#')),
            ("Values", values.is_some(), values.is_some_and(BTreeMap::is_empty), invalid_key(values, ':')),
        ] {
            if is_given && !has_expressions {
                return Err(Error::validation(format!(
                    "ExpressionAttribute{kind} can only be specified when using expressions"
                )));
            }
            if is_empty {
                return Err(Error::validation(format!("ExpressionAttribute{kind} must not be empty")));
            }
            if let Some(key) = invalid {
                return Err(Error::validation(format!(
                    "ExpressionAttribute{kind} contains invalid key: Syntax error; key: \"{key}\""
                )));
            }
        }
        Ok(Self { names, values, used_names: BTreeSet::new(), used_values: BTreeSet::new() })
    }

    /// Returns the attribute name of a placeholder.
    pub fn name(&mut self, placeholder: &str) -> Result<&'a str, String> {
        let found = self.names.and_then(|names| names.get_key_value(placeholder));
        let (key, name) = found.ok_or_else(|| {
            format!(
                "An expression attribute name used in the document path is not defined; attribute name: {placeholder}"
            )
        })?;
        self.used_names.insert(key);
        Ok(name)
    }

    /// Returns the value of a placeholder.
    pub fn value(&mut self, placeholder: &str) -> Result<&'a Value, String> {
        let found = self.values.and_then(|values| values.get_key_value(placeholder));
        let (key, value) = found.ok_or_else(|| {
            format!("An expression attribute value used in expression is not defined; attribute value: {placeholder}")
        })?;
        self.used_values.insert(key);
        Ok(value)
    }

    /// Refuses names and values that no expression uses.
    pub fn refuse_unused(&self) -> Result<(), Error> {
        let names = unused(self.names, &self.used_names);
        let values = unused(self.values, &self.used_values);
        for (kind, keys) in [("Names", names), ("Values", values)] {
            if !keys.is_empty() {
                let keys = keys.join(", ");
                return Err(Error::validation(format!(
                    "Value provided in ExpressionAttribute{kind} unused in expressions: keys: {{{keys}}}"
                )));
            }
        }
        Ok(())
    }
}

fn unused<'a, T>(given: Option<&'a BTreeMap<String, T>>, used: &BTreeSet<&str>) -> Vec<&'a str> {
    given.into_iter().flat_map(BTreeMap::keys).map(String::as_str).filter(|key| !used.contains(key)).collect()
}

fn invalid_key<T>(given: Option<&BTreeMap<String, T>>, sign: char) -> Option<&str> {
    let is_valid = |key: &str| {
        let name = key.strip_prefix(sign).unwrap_or_default();
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    given.into_iter().flat_map(BTreeMap::keys).map(String::as_str).find(|key| !is_valid(key))
}
