//! Lists of a studio's records, page by page.

use anyhow::Result;
use uuid::Uuid;

use super::{
    Record, Table,
    table::{Item, text},
};
use crate::{aws::failed, studio::Studio};

/// Items read at once for a list: two of its usual pages, so that most lists are one query.
const LIST_AT_ONCE: i32 = 100;
/// Queries for one page of a list.
const MAX_LIST_QUERIES: usize = 40;

/// Some of a studio's records, newest first.
#[derive(Debug)]
pub struct Page<R> {
    /// The records.
    pub items: Vec<R>,
    /// Where to go on; `None` at the end.
    pub next: Option<Uuid>,
}

impl<R: Record> Table<R> {
    /// A studio's records, newest first, those that `keep` takes. A page may hold fewer than `limit` and yet have a
    /// next one, where `keep` takes few: the work of one call is bounded.
    pub async fn list(
        &self,
        studio: &Studio,
        after: Option<Uuid>,
        limit: usize,
        keep: impl Fn(&R) -> bool,
    ) -> Result<Page<R>> {
        let mut items = Vec::new();
        let mut seen = None;
        let mut start = after.map(|id| Item::from([("studio".into(), text(studio)), ("id".into(), text(id))]));
        for _ in 0..MAX_LIST_QUERIES {
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression("studio = :studio")
                .filter_expression("attribute_exists(revision)")
                .expression_attribute_values(":studio", text(studio))
                .scan_index_forward(false)
                .consistent_read(true)
                .limit(LIST_AT_ONCE)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failed("Failed to list records", error))?;
            for item in answer.items.unwrap_or_default() {
                let Some(record) = Self::readable(item) else { continue };
                let kept = keep(&record);
                if kept && items.len() == limit {
                    return Ok(Page { next: seen, items });
                }
                seen = Some(record.id());
                if kept {
                    items.push(record);
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(Page { items, next: None });
            }
        }
        Ok(Page { items, next: seen })
    }
}
