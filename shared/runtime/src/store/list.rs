//! Paginated lists of a studio's records.

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

/// Largest number of items read per request for a list. If all are shown, a page reads one more than it shows.
pub(super) const RECORDS_PER_READ: usize = 100;
/// Largest number of queries for one page of a list.
pub(super) const MAX_LIST_QUERIES: usize = 40;

/// Range of ids, or of positions, that a list covers. Both begin with a time, so it is a range of creation times too.
#[derive(Debug, Clone, Copy, Default)]
pub struct IdRange {
    /// Id or position after which the page begins: the last one of the page before.
    pub after: Option<Uuid>,
    /// Lowest id or position, included.
    pub since: Option<Uuid>,
}

impl From<Option<Uuid>> for IdRange {
    fn from(after: Option<Uuid>) -> Self {
        Self { after, since: None }
    }
}

impl IdRange {
    /// Returns the lowest id as text. No id is lower than the nil UUID.
    fn lowest(self) -> Uuid {
        self.since.unwrap_or_default()
    }

    /// Returns whether no id can be in the range: the cursor is below it. DynamoDB refuses such a query.
    fn is_empty(self) -> bool {
        self.after.is_some_and(|after| after <= self.lowest())
    }
}

/// A page of a studio's records, newest first.
#[derive(Debug)]
pub struct Page<R> {
    /// Records on the page.
    pub items: Vec<R>,
    /// Cursor of the next page, an id or position; `None` on the last page.
    pub next: Option<Uuid>,
}

impl<R: Record> Table<R> {
    /// Returns a studio's records that match `keep`, newest first. If few match, a page can have fewer than `limit`
    /// records and still have a next page, because the work of one call is limited.
    pub async fn list(
        &self,
        studio: &Studio,
        range: impl Into<IdRange>,
        limit: usize,
        keep: impl Fn(&R) -> bool,
    ) -> Result<Page<R>> {
        let range = range.into();
        if range.is_empty() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let mut items = Vec::new();
        let mut seen = None;
        let mut start = range.after.map(|id| Item::from([("studio".into(), text(studio)), ("id".into(), text(id))]));
        for n in 0..MAX_LIST_QUERIES {
            let at_once = if n == 0 { limit.saturating_add(1).min(RECORDS_PER_READ) } else { RECORDS_PER_READ };
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression("studio = :studio AND id >= :since")
                .expression_attribute_values(":since", text(range.lowest()))
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

    /// Returns the studio's records with this value in the index that match `keep`, newest first.
    ///
    /// The index lags behind, so `keep` must refuse records whose value has changed. Reads a key and a record for each
    /// shown record, and one more.
    pub async fn list_by(
        &self,
        studio: &Studio,
        (index, value): (ListIndex, &str),
        range: impl Into<IdRange>,
        limit: usize,
        keep: impl Fn(&R) -> bool,
    ) -> Result<Page<R>> {
        let key = list_key(studio, value);
        let range = range.into();
        if range.is_empty() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let mut items = Vec::new();
        let mut seen = range.after;
        for _ in 0..MAX_LIST_QUERIES {
            // Below the position seen last, since a start key would need the id of its record too.
            let highest = seen.map_or(Uuid::max(), |seen| Uuid::from_u128(seen.as_u128().saturating_sub(1)));
            if highest < range.lowest() {
                return Ok(Page { items, next: None });
            }
            let left = (limit - items.len() + 1).min(RECORDS_PER_READ);
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .index_name(index.name())
                .key_condition_expression("#index = :key AND #range BETWEEN :since AND :highest")
                .expression_attribute_values(":since", text(range.lowest()))
                .expression_attribute_values(":highest", text(highest))
                .expression_attribute_names("#index", index.name())
                .expression_attribute_names("#range", index.range())
                .expression_attribute_values(":key", text(&key))
                .scan_index_forward(false)
                .limit(query_limit(left))
                .send()
                .await
                .map_err(|error| failed("Failed to list records", error))?;
            let uuid = |item: &Item, name| item.get(name).and_then(|id| id.as_s().ok()?.parse::<Uuid>().ok());
            let keys = answer.items().iter().filter_map(|item| uuid(item, "id").zip(uuid(item, index.range())));
            let (ids, positions): (Vec<Uuid>, Vec<Uuid>) = keys.unzip();
            let mut found: HashMap<Uuid, R> = HashMap::with_capacity(ids.len());
            if !ids.is_empty() {
                let records = self.get_chunk(studio, &ids).await?.into_iter().filter_map(Self::readable);
                found.extend(records.map(|record| (record.id(), record)));
            }
            for (id, position) in ids.into_iter().zip(positions) {
                let record = found.remove(&id).filter(&keep);
                if record.is_some() && items.len() == limit {
                    return Ok(Page { next: seen, items });
                }
                seen = Some(position);
                items.extend(record);
            }
            if answer.last_evaluated_key.is_none() {
                return Ok(Page { items, next: None });
            }
        }
        Ok(Page { items, next: seen })
    }
}

/// Converts a number of items to the type of a query's limit.
pub(super) fn query_limit(items: usize) -> i32 {
    i32::try_from(items).unwrap_or(i32::MAX)
}
