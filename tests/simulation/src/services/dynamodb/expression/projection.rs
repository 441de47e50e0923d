//! Projections: parts of items.

use std::collections::BTreeMap;

use super::path::{Path, Step};
use crate::services::dynamodb::value::{Item, Value};

/// Paths of a projection, as a tree.
#[derive(Debug, Default)]
pub struct Projection<'a> {
    attributes: BTreeMap<&'a str, Node<'a>>,
}

/// Part of a value that is selected.
#[derive(Debug)]
enum Node<'a> {
    Whole,
    Entries(BTreeMap<&'a str, Node<'a>>),
    Elements(BTreeMap<usize, Node<'a>>),
}

impl<'a> Projection<'a> {
    /// Creates the projection of these paths, of which none may contain another.
    pub fn of(paths: &[Path<'a>]) -> Result<Self, String> {
        let mut projection = Self::default();
        for (at, path) in paths.iter().enumerate() {
            if let Some(earlier) = paths[..at].iter().find(|earlier| overlap(earlier, path)) {
                return Err(format!(
                    "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: \
                     {earlier}, path two: {path}"
                ));
            }
            if let Some(earlier) = paths[..at].iter().find(|earlier| conflict(earlier, path)) {
                return Err(format!(
                    "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: \
                     {earlier}, path two: {path}"
                ));
            }
            let node = projection.attributes.entry(path.attribute).or_insert_with(|| Node::to(&path.steps));
            node.add(&path.steps);
        }
        Ok(projection)
    }

    /// Returns the names of the attributes that are selected at least in part.
    pub fn attributes(&self) -> impl Iterator<Item = &'a str> {
        self.attributes.keys().copied()
    }

    /// Returns the selected part of an item.
    pub fn apply(&self, item: &Item) -> Item {
        select(item, &self.attributes)
    }
}

impl<'a> Node<'a> {
    fn to(steps: &[Step<'a>]) -> Self {
        match steps {
            [] => Self::Whole,
            [Step::Name(name), rest @ ..] => Self::Entries(BTreeMap::from([(*name, Self::to(rest))])),
            [Step::Index(index), rest @ ..] => Self::Elements(BTreeMap::from([(*index, Self::to(rest))])),
        }
    }

    fn add(&mut self, steps: &[Step<'a>]) {
        match (self, steps) {
            (Self::Entries(entries), [Step::Name(name), rest @ ..]) => {
                entries.entry(name).or_insert_with(|| Self::to(rest)).add(rest);
            }
            (Self::Elements(elements), [Step::Index(index), rest @ ..]) => {
                elements.entry(*index).or_insert_with(|| Self::to(rest)).add(rest);
            }
            _ => {}
        }
    }

    fn apply(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Whole, value) => Some(value.clone()),
            (Self::Entries(nodes), Value::M(entries)) => {
                let selected = select(entries, nodes);
                (!selected.is_empty()).then_some(Value::M(selected))
            }
            // The selected elements form a list without gaps.
            (Self::Elements(nodes), Value::L(values)) => {
                let selected = nodes.iter().filter_map(|(index, node)| node.apply(values.get(*index)?));
                let selected: Vec<Value> = selected.collect();
                (!selected.is_empty()).then_some(Value::L(selected))
            }
            _ => None,
        }
    }
}

fn select(entries: &Item, nodes: &BTreeMap<&str, Node<'_>>) -> Item {
    let select = |(name, node): (&&str, &Node<'_>)| Some(((*name).to_owned(), node.apply(entries.get(*name)?)?));
    nodes.iter().filter_map(select).collect()
}

/// Whether one path is the other or contains it.
fn overlap(a: &Path<'_>, b: &Path<'_>) -> bool {
    a.attribute == b.attribute && (a.steps.starts_with(&b.steps) || b.steps.starts_with(&a.steps))
}

/// Whether the paths take the same value for a map and for a list.
fn conflict(a: &Path<'_>, b: &Path<'_>) -> bool {
    let differing = a.steps.iter().zip(&b.steps).find(|(a, b)| a != b);
    a.attribute == b.attribute
        && matches!(differing, Some((Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_))))
}
