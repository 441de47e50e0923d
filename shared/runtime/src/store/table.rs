//! One DynamoDB table of one kind of record.

use std::{collections::HashMap, marker::PhantomData, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::put_item::{PutItemError, builders::PutItemFluentBuilder},
    types::{KeysAndAttributes, ReturnValuesOnConditionCheckFailure},
};
use domain::{error::ServiceUnavailable, record::Record, studio::Studio};
use futures::{StreamExt as _, stream};
use tokio::time::Instant;
use tracing::error;
use uuid::Uuid;

use super::{
    index::{DUE_AT, DUE_SHARDS, FAILED_AT, FAILED_SHARD, list_key},
    item::{Item, number, text},
};
use crate::{aws::failed, metrics, world::World};

/// A change is applied to a newer item again and again for so long. A request must be answered within 29 s.
const CONTENTION: Duration = Duration::from_secs(8);
/// The longest wait between two such times; from 10 ms on it doubles with each, and is jittered.
const MAX_CONTENTION_WAIT: Duration = Duration::from_millis(500);
/// Rounds of a batch of reads of which DynamoDB leaves some for later.
const MAX_ROUNDS: usize = 16;
/// DynamoDB: at most 100 keys per BatchGetItem.
pub(super) const MAX_BATCH_GET: usize = 100;
/// Batches read at once.
const CONCURRENT_BATCHES: usize = 8;

/// The attribute that tells which index attributes the writer of an item knew.
pub(super) const INDEXED: &str = "indexed";
/// Raised when records get another index attribute: older items are then filled (see [`crate::fill`]).
pub(crate) const INDEXED_VERSION: u32 = 1;

/// One table.
pub struct Table<R> {
    pub(super) client: Client,
    pub(super) name: String,
    world: World,
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

impl<R: Record> Table<R> {
    /// The table of this name; write ids and waits are made of this world's random numbers.
    pub fn new(client: Client, name: impl Into<String>, world: &World) -> Self {
        Self { client, name: name.into(), world: world.clone(), record: PhantomData }
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
        for (index, value) in record.listed_by() {
            item.insert(index.name().into(), text(list_key(record.studio(), &value)));
        }
        item.insert(INDEXED.into(), number(INDEXED_VERSION));
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
        let write_id = self.world.uuid_v4().to_string();
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
            let write_id = self.world.uuid_v4().to_string();
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
                tokio::time::sleep(full.mul_f64(self.world.jitter())).await;
                let Some(now) = self.see(studio, id).await? else { return Ok(None) };
                seen = now;
            }
        }
        let lost = anyhow!("A {} was changed by others all the time", R::NAME);
        Err(lost.context(ServiceUnavailable("Failed to write a record")))
    }

    /// Writes an item of an earlier build as this one would have; does nothing where it can't be read, or somebody else
    /// writes it meanwhile.
    pub async fn rewrite(&self, studio: &Studio, id: Uuid) -> Result<()> {
        let seen = match self.see(studio, id).await {
            Err(error) if error.downcast_ref::<Unreadable>().is_some() => {
                metrics::unreadable();
                return Ok(());
            }
            seen => seen?,
        };
        let Some(seen) = seen else { return Ok(()) };
        let sent = self
            .put(&seen.record, seen.revision + 1, &self.world.uuid_v4().to_string())?
            .condition_expression("revision = :seen")
            .expression_attribute_values(":seen", number(seen.revision))
            .send()
            .await;
        old_item(sent).map(drop)
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
                .buffer_unordered(CONCURRENT_BATCHES);
        while let Some(items) = chunks.next().await {
            for item in items? {
                let record = Self::decode(item)?.record;
                found.insert(record.id(), record);
            }
        }
        Ok(found)
    }

    /// Those of at most 100 ids that exist.
    pub(super) async fn get_chunk(&self, studio: &Studio, ids: &[Uuid]) -> Result<Vec<Item>> {
        let keys =
            ids.iter().map(|id| Item::from([("studio".into(), text(studio)), ("id".into(), text(id))])).collect();
        let mut keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?;
        let mut found = Vec::with_capacity(ids.len());
        // DynamoDB may leave keys for another round, above 16 MB of items or when it is busy.
        for round in 0..MAX_ROUNDS {
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.name, keys)
                .send()
                .await
                .map_err(|error| failed("Failed to read records", error))?;
            found.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            let Some(left) = answer.unprocessed_keys.and_then(|mut left| left.remove(&self.name)) else {
                return Ok(found);
            };
            keys = left;
            tokio::time::sleep(Duration::from_millis(20 << round.min(6))).await;
        }
        Err(anyhow!("DynamoDB left keys unread {MAX_ROUNDS} times")
            .context(ServiceUnavailable("Failed to read records")))
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
