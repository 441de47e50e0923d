//! Lists of a studio's records, page by page.

use std::collections::HashMap;

use anyhow::Result;
use domain::{
    record::{ListIndex, Record},
    studio::Studio,
};
use uuid::Uuid;

use super::{
    Table,
    index::list_key,
    item::{Item, text},
};
use crate::aws::failed;

/// Items read at once for a list, at most; where all are shown, a page reads one more than it shows.
const RECORDS_PER_READ: usize = 100;
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
        for n in 0..MAX_LIST_QUERIES {
            let at_once = if n == 0 { limit.saturating_add(1).min(RECORDS_PER_READ) } else { RECORDS_PER_READ };
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression("studio = :studio")
                .filter_expression("attribute_exists(revision)")
                .expression_attribute_values(":studio", text(studio))
                .scan_index_forward(false)
                .consistent_read(true)
                .limit(query_limit(at_once))
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

    /// The studio's records with this value in the index, newest first, those that `keep` takes: it must refuse those whose
    /// value has changed, since the index lags behind. Reads a key and a record for each that it shows, and one more.
    pub async fn list_by(
        &self,
        studio: &Studio,
        (index, value): (ListIndex, &str),
        after: Option<Uuid>,
        limit: usize,
        keep: impl Fn(&R) -> bool,
    ) -> Result<Page<R>> {
        let key = list_key(studio, value);
        let start = |id: Uuid| {
            Item::from([("studio".into(), text(studio)), ("id".into(), text(id)), (index.name().into(), text(&key))])
        };
        let mut items = Vec::new();
        let mut seen = after;
        for _ in 0..MAX_LIST_QUERIES {
            let left = (limit - items.len() + 1).min(RECORDS_PER_READ);
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .index_name(index.name())
                .key_condition_expression("#index = :key")
                .expression_attribute_names("#index", index.name())
                .expression_attribute_values(":key", text(&key))
                .scan_index_forward(false)
                .limit(query_limit(left))
                .set_exclusive_start_key(seen.map(start))
                .send()
                .await
                .map_err(|error| failed("Failed to list records", error))?;
            let id = |item: &Item| item.get("id").and_then(|id| id.as_s().ok()?.parse().ok());
            let ids: Vec<Uuid> = answer.items().iter().filter_map(id).collect();
            let mut found: HashMap<Uuid, R> = HashMap::with_capacity(ids.len());
            if !ids.is_empty() {
                let records = self.get_chunk(studio, &ids).await?.into_iter().filter_map(Self::readable);
                found.extend(records.map(|record| (record.id(), record)));
            }
            for id in ids {
                let record = found.remove(&id).filter(&keep);
                if record.is_some() && items.len() == limit {
                    return Ok(Page { next: seen, items });
                }
                seen = Some(id);
                items.extend(record);
            }
            if answer.last_evaluated_key.is_none() {
                return Ok(Page { items, next: None });
            }
        }
        Ok(Page { items, next: seen })
    }
}

/// A query's limit.
fn query_limit(items: usize) -> i32 {
    i32::try_from(items).unwrap_or(i32::MAX)
}
