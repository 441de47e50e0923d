//! Document paths.

use std::fmt;

use crate::services::dynamodb::value::{Item, Value};

/// Step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step<'a> {
    /// Attribute of an item or map.
    Name(&'a str),
    /// Element of a list.
    Index(usize),
}

/// Document path, such as `a.b[0]`. The first step is a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<'a> {
    /// Attribute of the item.
    pub attribute: &'a str,
    /// Steps within the attribute.
    pub steps: Vec<Step<'a>>,
}

impl Path<'_> {
    /// Returns the value at this path.
    pub fn find<'i>(&self, item: &'i Item) -> Option<&'i Value> {
        let mut value = item.get(self.attribute)?;
        for step in &self.steps {
            value = match (step, value) {
                (Step::Name(name), Value::M(entries)) => entries.get(*name)?,
                (Step::Index(index), Value::L(values)) => values.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.attribute)?;
        for step in &self.steps {
            match step {
                Step::Name(name) => write!(f, ", {name}")?,
                Step::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}
