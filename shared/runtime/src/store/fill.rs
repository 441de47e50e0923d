//! Items of earlier builds that lack attributes by which this build reads them.

use anyhow::Result;
use domain::{record::Record, studio::Studio};
use uuid::Uuid;

use super::{
    Table,
    item::{Item, number, text},
    table::{INDEXED, INDEXED_VERSION},
};
use crate::aws::failed;

/// Items read per request, including those that need no filling.
const ITEMS_PER_SCAN: i32 = 500;

impl<R: Record> Table<R> {
    /// Returns the keys of records that lack index attributes, from one page of the table, and where to continue.
    pub async fn unfilled(&self, after: Option<&str>) -> Result<(Vec<(Studio, Uuid)>, Option<String>)> {
        let start = after.and_then(|after| after.split_once('/'));
        let start = start.map(|(studio, id)| Item::from([("studio".into(), text(studio)), ("id".into(), text(id))]));
        let answer = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression("attribute_exists(revision) AND (attribute_not_exists(#indexed) OR #indexed < :version)")
            .projection_expression("studio, id")
            .expression_attribute_names("#indexed", INDEXED)
            .expression_attribute_values(":version", number(INDEXED_VERSION))
            .limit(ITEMS_PER_SCAN)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| failed("Failed to look for items to fill", error))?;
        let part = |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let items = answer.items.unwrap_or_default();
        let key = |item: &Item| Some((part(item, "studio")?.parse().ok()?, part(item, "id")?.parse().ok()?));
        let keys = items.iter().filter_map(key).collect();
        let next = answer.last_evaluated_key.as_ref();
        let next = next.and_then(|item| Some(format!("{}/{}", part(item, "studio")?, part(item, "id")?)));
        Ok((keys, next))
    }
}
