//! Reads of a range of ids and of a whole table.

use std::{fmt, str::FromStr};

use anyhow::{Result, anyhow};
use domain::{record::Record, studio::Studio};
use uuid::Uuid;

use super::{
    Table,
    item::{Item, text},
};
use crate::aws::failed;

/// Items that one request of a scan reads.
const SCAN_PAGE: i32 = 1000;

/// Key of the item after which a scan continues, in text form `partition/sort`. Neither part contains a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanKey {
    partition: String,
    sort: String,
}

impl fmt::Display for ScanKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.sort)
    }
}

impl FromStr for ScanKey {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (partition, sort) = text.split_once('/').ok_or_else(|| anyhow!("Not a key of the form partition/sort"))?;
        Ok(Self { partition: partition.to_owned(), sort: sort.to_owned() })
    }
}

impl ScanKey {
    fn of(item: &Item) -> Option<Self> {
        let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        Some(Self { partition: part("studio")?, sort: part("id")? })
    }

    fn into_item(self) -> Item {
        Item::from([("studio".into(), text(self.partition)), ("id".into(), text(self.sort))])
    }
}

impl<R: Record> Table<R> {
    /// Returns the studio's records with ids from `first` to `last` that match `keep`.
    pub async fn between(
        &self,
        studio: &Studio,
        (first, last): (Uuid, Uuid),
        keep: impl Fn(&R) -> bool,
    ) -> Result<Vec<R>> {
        let mut records = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression("studio = :studio AND id BETWEEN :first AND :last")
                .filter_expression("attribute_exists(revision)")
                .expression_attribute_values(":studio", text(studio))
                .expression_attribute_values(":first", text(first))
                .expression_attribute_values(":last", text(last))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failed("Failed to read a range of records", error))?;
            records.extend(answer.items.unwrap_or_default().into_iter().filter_map(Self::readable).filter(&keep));
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(records);
            }
        }
    }

    /// Returns some records of all studios that were not erased, in no order, and where to continue; `None` at the end.
    pub async fn scan(&self, start: Option<ScanKey>) -> Result<(Vec<R>, Option<ScanKey>)> {
        let answer = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression("attribute_exists(revision) AND attribute_not_exists(erased_at)")
            .limit(SCAN_PAGE)
            .set_exclusive_start_key(start.map(ScanKey::into_item))
            .send()
            .await
            .map_err(|error| failed("Failed to scan a table", error))?;
        let next = answer.last_evaluated_key.as_ref().and_then(ScanKey::of);
        Ok((answer.items.unwrap_or_default().into_iter().filter_map(Self::readable).collect(), next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scan_key_is_read_back() {
        for text in ["anna/0199e0a0-0000-7000-8000-000000000001", "anna/0199e0a0-0000-7000-8000-000000000001#0"] {
            let key: ScanKey = text.parse().expect("a key");
            assert_eq!(key.to_string(), text);
            assert_eq!(ScanKey::of(&key.clone().into_item()), Some(key));
        }
        assert!("anna".parse::<ScanKey>().is_err());
    }
}
