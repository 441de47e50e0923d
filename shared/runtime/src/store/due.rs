//! Sparse index of records that are due.

use std::{fmt, str::FromStr};

use anyhow::Result;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
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

/// Place of a record in the index of due records. Its text is the cursor of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueKey {
    shard: u128,
    /// Due date in milliseconds since the epoch.
    due_at: i64,
    /// Studio of the record.
    pub studio: Studio,
    /// Id of the record.
    pub id: Uuid,
}

impl fmt::Display for DueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.shard, self.due_at, self.studio, self.id)
    }
}

/// Error: the text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoDueKey;

impl FromStr for DueKey {
    type Err = NoDueKey;

    fn from_str(text: &str) -> Result<Self, NoDueKey> {
        let mut parts = text.splitn(4, ':');
        let mut part = || parts.next().ok_or(NoDueKey);
        let shard = part()?.parse().ok().filter(|shard| *shard < DUE_SHARDS).ok_or(NoDueKey)?;
        let due_at = part()?.parse().map_err(|_| NoDueKey)?;
        let studio = part()?.parse().map_err(|_| NoDueKey)?;
        Ok(Self { shard, due_at, studio, id: part()?.parse().map_err(|_| NoDueKey)? })
    }
}

impl DueKey {
    fn of(shard: u128, item: &Item) -> Option<Self> {
        let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        Some(Self {
            shard,
            due_at: item.get(DUE_AT)?.as_n().ok()?.parse().ok()?,
            studio: part("studio")?.parse().ok()?,
            id: part("id")?.parse().ok()?,
        })
    }

    fn item(&self) -> Item {
        Item::from([
            ("due_shard".to_owned(), text(self.shard)),
            (DUE_AT.to_owned(), number(self.due_at)),
            ("studio".to_owned(), text(&self.studio)),
            ("id".to_owned(), text(self.id)),
        ])
    }
}

impl<R: Record> Table<R> {
    /// Returns up to `limit` keys of records that are due after `from` and by `until`, shard by shard, and in order of their
    /// due dates within a shard. `after` is the last key of the page before. Fewer than `limit` keys are the last.
    pub async fn due_keys(
        &self,
        from: Timestamp,
        until: Timestamp,
        after: Option<DueKey>,
        limit: usize,
    ) -> Result<Vec<DueKey>> {
        let mut keys = Vec::new();
        let first = after.as_ref().map_or(0, |after| after.shard);
        let mut start = after.filter(|after| after.due_at > from.as_millisecond()).map(|after| after.item());
        for shard in first..DUE_SHARDS {
            while keys.len() < limit {
                let left = i32::try_from(limit - keys.len()).unwrap_or(MAX_DUE_PAGE).min(MAX_DUE_PAGE);
                let query = self.due_query(shard, "due_shard = :shard AND due_at BETWEEN :from AND :until");
                let query = query.expression_attribute_values(":from", number(from.as_millisecond() + 1));
                let query = query.expression_attribute_values(":until", number(until.as_millisecond()));
                let answer = query.limit(left).set_exclusive_start_key(start).send().await;
                let answer = answer.map_err(|error| failed("Failed to query what is due", error))?;
                keys.extend(answer.items.unwrap_or_default().iter().filter_map(|item| self.due_key(shard, item)));
                start = answer.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(keys)
    }

    fn due_query(&self, shard: u128, condition: &str) -> QueryFluentBuilder {
        let query = self.client.query().table_name(&self.name).index_name(DUE_AT).key_condition_expression(condition);
        query.expression_attribute_values(":shard", text(shard))
    }

    /// Returns the keys of all records with a due date.
    pub async fn all_due(&self) -> Result<Vec<(Studio, Uuid)>> {
        let keys = self.due_keys(Timestamp::UNIX_EPOCH, Timestamp::MAX, None, usize::MAX).await?;
        Ok(keys.into_iter().map(|key| (key.studio, key.id)).collect())
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
        let answer = self
            .due_query(shard, "due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .limit(limit)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| failed("Failed to query what is due", error))?;
        let keys = answer.items.unwrap_or_default();
        let keys = keys.iter().filter_map(|item| self.due_key(shard, item)).map(|key| (key.studio, key.id));
        Ok((keys.collect(), answer.last_evaluated_key))
    }

    /// Returns the key of an item of the index; `None` for one that is no record's, which is reported.
    fn due_key(&self, shard: u128, item: &Item) -> Option<DueKey> {
        let key = DueKey::of(shard, item);
        if key.is_none() {
            warn!(table = self.name, "An item that is due has a key of no record");
        }
        key
    }
}
