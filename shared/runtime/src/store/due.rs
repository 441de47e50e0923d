//! Sparse index of records that are due.

use anyhow::Result;
use domain::{record::Record, studio::Studio};
use jiff::Timestamp;
use tracing::warn;
use uuid::Uuid;

use super::{
    Table,
    index::{DUE_AT, DUE_SHARDS},
    item::{Item, number, text},
};
use crate::aws::failed;

/// Keys read per request when all keys are read.
const MAX_DUE_PAGE: i32 = 1000;

impl<R: Record> Table<R> {
    /// Returns the keys of all records with a due date.
    pub async fn all_due(&self) -> Result<Vec<(Studio, Uuid)>> {
        let mut keys = Vec::new();
        for shard in 0..DUE_SHARDS {
            let mut start = None;
            loop {
                let (page, next) = self.due_page(shard, Timestamp::MAX, MAX_DUE_PAGE, start).await?;
                keys.extend(page);
                start = next;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(keys)
    }

    /// Returns up to `limit` keys of one shard's records due by `now`, the longest overdue first, and where to
    /// continue.
    pub async fn due_page(
        &self,
        shard: u128,
        now: Timestamp,
        limit: i32,
        start: Option<Item>,
    ) -> Result<(Vec<(Studio, Uuid)>, Option<Item>)> {
        let mut keys = Vec::new();
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(DUE_AT)
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", text(shard))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .limit(limit)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| failed("Failed to query what is due", error))?;
        for item in answer.items.unwrap_or_default() {
            let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
            let key = |(studio, id): (&String, &String)| Some((studio.parse().ok()?, id.parse().ok()?));
            if let Some(key) = part("studio").zip(part("id")).and_then(key) {
                keys.push(key);
            } else {
                warn!(table = self.name, "An item that is due has a key of no record");
            }
        }
        Ok((keys, answer.last_evaluated_key))
    }
}
