//! Lists of a studio's records by an index, oldest first.

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
    list::{MAX_LIST_QUERIES, RECORDS_PER_READ, query_limit},
};
use crate::aws::failed;

/// A page of a studio's records, oldest first.
#[derive(Debug)]
pub struct Oldest<R> {
    /// Records on the page.
    pub items: Vec<R>,
    /// Position after which the next page begins: the last one that was read; `None` if there was none.
    pub after: Option<Uuid>,
    /// Whether there may be more records now.
    pub more: bool,
}

impl<R: Record> Table<R> {
    /// Returns the studio's records with this value in the index that match `keep`, oldest first: those whose position is
    /// above `after`, and below `end`.
    ///
    /// The index lags behind. A page that ends some seconds before now misses nothing.
    pub async fn list_oldest(
        &self,
        studio: &Studio,
        (index, value): (ListIndex, &str),
        (after, end): (Option<Uuid>, Uuid),
        limit: usize,
        keep: impl Fn(&R) -> bool,
    ) -> Result<Oldest<R>> {
        let key = list_key(studio, value);
        let (mut items, mut seen) = (Vec::new(), after);
        let Some(highest) = end.as_u128().checked_sub(1).map(Uuid::from_u128) else {
            return Ok(Oldest { items, after: seen, more: false });
        };
        for _ in 0..MAX_LIST_QUERIES {
            let lowest = seen.map_or(Some(0), |seen| seen.as_u128().checked_add(1)).map(Uuid::from_u128);
            // DynamoDB refuses an empty range.
            let Some(lowest) = lowest.filter(|lowest| *lowest <= highest) else {
                return Ok(Oldest { items, after: seen, more: false });
            };
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .index_name(index.name())
                .key_condition_expression("#index = :key AND #range BETWEEN :lowest AND :highest")
                .expression_attribute_values(":lowest", text(lowest))
                .expression_attribute_values(":highest", text(highest))
                .expression_attribute_names("#index", index.name())
                .expression_attribute_names("#range", index.range())
                .expression_attribute_values(":key", text(&key))
                .scan_index_forward(true)
                .limit(query_limit((limit - items.len()).min(RECORDS_PER_READ)))
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
                seen = Some(position);
                items.extend(found.remove(&id).filter(&keep));
            }
            let more = answer.last_evaluated_key.is_some();
            if !more || items.len() >= limit {
                return Ok(Oldest { items, after: seen, more });
            }
        }
        Ok(Oldest { items, after: seen, more: true })
    }
}
