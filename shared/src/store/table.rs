//! One DynamoDB table of one kind of record.

use std::{
    collections::HashMap,
    marker::PhantomData,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::put_item::{PutItemError, builders::PutItemFluentBuilder},
    types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure},
};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tracing::{error, warn};
use uuid::Uuid;

use super::{
    Record,
    failures::{FAILED_AT, FAILED_SHARD},
};
use crate::{aws::failed, batch::jitter, error::ServiceUnavailable, metrics, studio::Studio};

/// A change is applied to a newer item again and again for so long. A request must be answered within 29 s.
const CONTENTION: Duration = Duration::from_secs(8);
/// The longest wait between two such times; from 10 ms on it doubles with each, and is jittered.
const MAX_CONTENTION_WAIT: Duration = Duration::from_millis(500);
/// Rounds of a batch of reads of which DynamoDB leaves some for later.
const MAX_ROUNDS: usize = 16;
/// DynamoDB: at most 100 keys per BatchGetItem.
const MAX_BATCH_GET: usize = 100;
/// Batches read at once.
const BATCHES_AT_ONCE: usize = 8;
/// The sparse index spreads over so many partitions; one partition takes 1,000 writes a second.
pub(crate) const DUE_SHARDS: u128 = 4;
/// The sparse index's name, and its range key's (milliseconds since the epoch).
const DUE_AT: &str = "due_at";

/// Items read at once for a list: two of its usual pages, so that most lists are one query.
const LIST_AT_ONCE: i32 = 100;
/// Queries for one page of a list.
const MAX_LIST_QUERIES: usize = 40;

/// Keys asked for at once where all are wanted.
const MAX_DUE_PAGE: i32 = 1000;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// One table.
pub struct Table<R> {
    pub(super) client: Client,
    pub(super) name: String,
    record: PhantomData<fn() -> R>,
}

/// What [`Table::create`] found.
#[derive(Debug)]
pub enum Created<R> {
    /// It is new (also when our own first try's reply was lost).
    New,
    /// Another step made it before.
    Existed(Box<R>),
}

/// Some of a studio's records, newest first.
#[derive(Debug)]
pub struct Page<R> {
    /// The records.
    pub items: Vec<R>,
    /// Where to go on; `None` at the end.
    pub next: Option<Uuid>,
}

/// This build can't read an item: a newer one wrote it, or it is damaged. Stands as a context in an error's chain.
#[derive(Debug, Clone, Copy)]
pub struct Unreadable;

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("This build can't read it")
    }
}

struct Seen<R> {
    record: R,
    revision: u64,
    write_id: String,
}

#[expect(clippy::needless_pass_by_value, reason = "callers hand over what they just made")]
pub(super) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "callers hand over what they just made")]
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

impl<R: Record> Table<R> {
    /// The table of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into(), record: PhantomData }
    }

    /// The record as it is now, or `None`.
    pub async fn get(&self, studio: &Studio, id: Uuid) -> Result<Option<R>> {
        Ok(self.see(studio, id).await?.map(|seen| seen.record))
    }

    async fn see(&self, studio: &Studio, id: Uuid) -> Result<Option<Seen<R>>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("studio", text(studio))
            .key("id", text(id))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed("Failed to read a record", error))?;
        answer.item.map(Self::decode).transpose()
    }

    fn decode(item: Item) -> Result<Seen<R>> {
        let revision = item.get("revision").and_then(|n| n.as_n().ok()?.parse().ok());
        let write_id = item.get("write_id").and_then(|w| w.as_s().ok()).cloned();
        let (Some(revision), Some(write_id)) = (revision, write_id) else {
            return Err(anyhow!("A {} item has no revision or write id", R::NAME).context(Unreadable));
        };
        let read = serde_dynamo::from_item(item).with_context(|| format!("A {} item can't be read", R::NAME));
        let record = read.context(Unreadable)?;
        Ok(Seen { record, revision, write_id })
    }

    /// A record of a list. One that this build can't read stands in nobody's way: it is left out, and operators are told.
    pub(super) fn readable(item: Item) -> Option<R> {
        match Self::decode(item) {
            Ok(seen) => Some(seen.record),
            Err(error) => {
                error!(error = format!("{error:#}"), "Left out an item that can't be read");
                metrics::unreadable();
                None
            }
        }
    }

    fn put(&self, record: &R, revision: u64, write_id: &str) -> Result<PutItemFluentBuilder> {
        let mut item: Item = serde_dynamo::to_item(record)?;
        item.insert("revision".into(), number(revision));
        item.insert("write_id".into(), text(write_id));
        if let Some(due_at) = record.due_at() {
            item.insert(DUE_AT.into(), number(due_at.as_millisecond()));
            item.insert("due_shard".into(), text(record.id().as_u128() % DUE_SHARDS));
        }
        if let Some(failed_at) = record.failed_at() {
            item.insert(FAILED_AT.into(), number(failed_at.as_millisecond()));
            item.insert(FAILED_SHARD.0.into(), text(FAILED_SHARD.1));
        }
        if let Some(expires_at) = record.expires_at() {
            item.insert("ttl".into(), number(expires_at.as_second()));
        }
        Ok(self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
    }

    /// Makes the record unless one with its id exists.
    pub async fn create(&self, record: &R) -> Result<Created<R>> {
        let write_id = Uuid::new_v4().to_string();
        let sent = self.put(record, 1, &write_id)?.condition_expression("attribute_not_exists(id)").send().await;
        match old_item(sent)? {
            None => Ok(Created::New),
            Some(item) => {
                let seen = Self::decode(item)?;
                Ok(if seen.write_id == write_id { Created::New } else { Created::Existed(Box::new(seen.record)) })
            }
        }
    }

    /// Applies `change` to the record by one conditional write; `None` when there is no such record.
    ///
    /// An `Err` of `change` writes nothing and is returned as it is, beside the record as it was seen. Nor is anything
    /// written where the change changes nothing.
    pub async fn update<T, E>(
        &self,
        studio: &Studio,
        id: Uuid,
        mut change: impl FnMut(&mut R) -> Result<T, E>,
    ) -> Result<Option<(R, Result<T, E>)>> {
        let Some(mut seen) = self.see(studio, id).await? else {
            return Ok(None);
        };
        let begun = Instant::now();
        for races in 0.. {
            let mut record = seen.record.clone();
            let outcome = match change(&mut record) {
                Ok(outcome) => outcome,
                Err(refusal) => return Ok(Some((seen.record, Err(refusal)))),
            };
            if record == seen.record {
                return Ok(Some((record, Ok(outcome))));
            }
            if begun.elapsed() > CONTENTION {
                break;
            }
            let write_id = Uuid::new_v4().to_string();
            let sent = self
                .put(&record, seen.revision + 1, &write_id)?
                .condition_expression("revision = :seen")
                .expression_attribute_values(":seen", number(seen.revision))
                .send()
                .await;
            match old_item(sent)? {
                None => return Ok(Some((record, Ok(outcome)))),
                Some(item) if item.is_empty() => return Ok(None),
                Some(item) => seen = Self::decode(item)?,
            }
            if seen.write_id == write_id {
                return Ok(Some((seen.record, Ok(outcome))));
            }
            // Losers that all come back at once would race anew.
            if races > 0 {
                let full = Duration::from_millis(10 << races.min(10)).min(MAX_CONTENTION_WAIT);
                tokio::time::sleep(full.mul_f64(jitter())).await;
                let Some(now) = self.see(studio, id).await? else { return Ok(None) };
                seen = now;
            }
        }
        let lost = anyhow!("A {} was changed by others all the time", R::NAME);
        Err(lost.context(ServiceUnavailable("Failed to write a record")))
    }

    /// Removes the record; none is as good as removed.
    pub async fn delete(&self, studio: &Studio, id: Uuid) -> Result<()> {
        self.client
            .delete_item()
            .table_name(&self.name)
            .key("studio", text(studio))
            .key("id", text(id))
            .send()
            .await
            .map_err(|error| failed("Failed to delete a record", error))?;
        Ok(())
    }

    /// Removes the record if it is so, and stays so until it is removed.
    pub async fn delete_if(&self, studio: &Studio, id: Uuid, condition: impl Fn(&R) -> bool) -> Result<()> {
        let Some(seen) = self.see(studio, id).await?.filter(|seen| condition(&seen.record)) else { return Ok(()) };
        let sent = self
            .client
            .delete_item()
            .table_name(&self.name)
            .key("studio", text(studio))
            .key("id", text(id))
            .condition_expression("revision = :seen")
            .expression_attribute_values(":seen", number(seen.revision))
            .send()
            .await;
        match sent {
            Err(error) if error.as_service_error().is_none_or(|e| !e.is_conditional_check_failed_exception()) => {
                Err(failed("Failed to delete a record", error))
            }
            // Changed meanwhile: it is another's by now, or removed by this very call, whose first answer was lost.
            _ => Ok(()),
        }
    }

    /// The records of these ids, those that exist.
    pub async fn get_many(&self, studio: &Studio, ids: &[Uuid]) -> Result<HashMap<Uuid, R>> {
        let mut found = HashMap::with_capacity(ids.len());
        let mut chunks =
            stream::iter(ids.chunks(MAX_BATCH_GET).map(|chunk| self.get_chunk(studio, chunk)).collect::<Vec<_>>())
                .buffer_unordered(BATCHES_AT_ONCE);
        while let Some(records) = chunks.next().await {
            found.extend(records?.into_iter().map(|record| (record.id(), record)));
        }
        Ok(found)
    }

    async fn get_chunk(&self, studio: &Studio, ids: &[Uuid]) -> Result<Vec<R>> {
        let keys =
            ids.iter().map(|id| Item::from([("studio".into(), text(studio)), ("id".into(), text(id))])).collect();
        let mut keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?;
        let mut records = Vec::with_capacity(ids.len());
        // DynamoDB may leave keys for another round, above 16 MB of items or when it is busy.
        for round in 0..MAX_ROUNDS {
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.name, keys)
                .send()
                .await
                .map_err(|error| failed("Failed to read records", error))?;
            for item in answer.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                records.push(Self::decode(item)?.record);
            }
            let Some(left) = answer.unprocessed_keys.and_then(|mut left| left.remove(&self.name)) else {
                return Ok(records);
            };
            keys = left;
            tokio::time::sleep(Duration::from_millis(20 << round.min(6))).await;
        }
        Err(anyhow!("DynamoDB left keys unread {MAX_ROUNDS} times")
            .context(ServiceUnavailable("Failed to read records")))
    }

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

    /// Keys of all records that something is due for, whenever that is.
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

    /// Keys of one shard's records that should have moved by `now`, at most `limit`, and where to go on; the longest overdue
    /// first.
    pub(crate) async fn due_page(
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

/// `None` when the write took effect, else the item that stood in its way (empty when there was none).
fn old_item<T>(sent: Result<T, SdkError<PutItemError>>) -> Result<Option<Item>> {
    match sent {
        Ok(_) => Ok(None),
        Err(error) => match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                Ok(Some(refused.item().cloned().unwrap_or_default()))
            }
            _ => Err(failed("Failed to write a record", error)),
        },
    }
}
