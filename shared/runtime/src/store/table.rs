//! DynamoDB table of one kind of record.

use std::{collections::HashMap, convert::Infallible, marker::PhantomData, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::put_item::{PutItemError, builders::PutItemFluentBuilder},
    types::{KeysAndAttributes, ReturnValuesOnConditionCheckFailure},
};
use domain::{
    error::ServiceUnavailable,
    record::{POSITION, Record},
    studio::Studio,
    studio_profile::StudioProfile,
};
use futures::{StreamExt as _, stream};
use tokio::time::Instant;
use tracing::error;
use uuid::Uuid;

use super::{
    index::{DUE_AT, DUE_SHARDS, FAILED_AT, FAILED_SHARD, list_key},
    item::{Item, number, text},
};
use crate::{aws::failed, metrics, world::World};

/// Time for which a change is applied again after conflicts. A request must have a response within 29 s.
const CONTENTION: Duration = Duration::from_secs(8);
/// Longest wait between two such attempts. The wait starts at 10 ms, doubles each time, and is jittered.
const MAX_CONTENTION_WAIT: Duration = Duration::from_millis(500);
/// Largest number of requests for one batch of reads, of which DynamoDB may leave some unprocessed.
const MAX_ROUNDS: usize = 16;
/// DynamoDB: at most 100 keys per BatchGetItem.
pub(super) const MAX_BATCH_GET: usize = 100;
/// Number of batches read concurrently.
const CONCURRENT_BATCHES: usize = 8;

/// Attribute with the version of the index attributes that the writer of an item knew.
pub(super) const INDEXED: &str = "indexed";
/// Version of the index attributes. A higher version causes older items to be filled (see [`crate::fill`]).
pub(crate) const INDEXED_VERSION: u32 = 3;

/// Client of one table.
pub struct Table<R> {
    pub(super) client: Client,
    pub(super) name: String,
    world: World,
    record: PhantomData<fn() -> R>,
}

/// Result of [`Table::create`].
#[derive(Debug)]
pub enum Created<R> {
    /// The record was created, possibly by an earlier attempt whose response was lost.
    New,
    /// The record existed already.
    Existed(Box<R>),
}

/// Marks an error in its chain: this build cannot read an item, because a newer build wrote it or it is damaged.
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
    /// Creates a client of the table with this name. Write ids and waits use random numbers of this world.
    pub fn new(client: Client, name: impl Into<String>, world: &World) -> Self {
        Self { client, name: name.into(), world: world.clone(), record: PhantomData }
    }

    /// Returns the current record, or `None` if it does not exist.
    pub async fn get(&self, studio: &Studio, id: Uuid) -> Result<Option<R>> {
        Ok(self.see(studio, id).await?.map(|seen| seen.record))
    }

    /// Returns the current record; `None` if it does not exist, or if this build cannot read it, which is reported to
    /// operators.
    pub async fn get_readable(&self, studio: &Studio, id: Uuid) -> Result<Option<R>> {
        match self.get(studio, id).await {
            Err(error) if error.downcast_ref::<Unreadable>().is_some() => {
                skipped(&error);
                Ok(None)
            }
            found => found,
        }
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

    /// Decodes a record of a list. An unreadable one is skipped and reported to operators, so that it does not block
    /// the list.
    pub(super) fn readable(item: Item) -> Option<R> {
        match Self::decode(item) {
            Ok(seen) => Some(seen.record),
            Err(error) => {
                skipped(&error);
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
            if index.range() == POSITION {
                item.insert(POSITION.into(), text(record.position()));
            }
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

    /// Creates the record unless one with its id exists.
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

    /// Applies `change` to the record by one conditional write. Returns `None` if the record does not exist.
    ///
    /// An `Err` of `change` writes nothing and is returned unchanged, with the current record. A change without effect
    /// writes nothing either.
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
            // Waits, because concurrent writers that all retry immediately would conflict again.
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

    /// Applies `change` to a record that counts as `absent` until somebody changes it, and returns it. A change without effect
    /// writes nothing. For records that nobody deletes.
    pub async fn update_or_create(&self, absent: R, change: impl Fn(&mut R)) -> Result<R> {
        let apply = |record: &mut R| {
            change(record);
            Ok::<_, Infallible>(())
        };
        if let Some((changed, _)) = self.update(absent.studio(), absent.id(), apply).await? {
            return Ok(changed);
        }
        let mut new = absent.clone();
        change(&mut new);
        if new == absent {
            return Ok(new);
        }
        match self.create(&new).await? {
            Created::New => Ok(new),
            // Another request created it meanwhile.
            Created::Existed(_) => {
                let changed = self.update(absent.studio(), absent.id(), apply).await?;
                Ok(changed.with_context(|| format!("A {} has disappeared", R::NAME))?.0)
            }
        }
    }

    /// Writes an item of an earlier build with the attributes of this build. Does nothing if the item is unreadable, or
    /// is written concurrently.
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

    /// Deletes the record. A missing record is not an error.
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

    /// Deletes the record if it meets the condition and does not change meanwhile.
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
            // Changed meanwhile: another request owns it now, or this call deleted it and the first response was lost.
            _ => Ok(()),
        }
    }

    /// Returns those records of these ids that exist.
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

    /// Returns those items of at most 100 ids that exist.
    pub(super) async fn get_chunk(&self, studio: &Studio, ids: &[Uuid]) -> Result<Vec<Item>> {
        let keys =
            ids.iter().map(|id| Item::from([("studio".into(), text(studio)), ("id".into(), text(id))])).collect();
        let mut keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?;
        let mut found = Vec::with_capacity(ids.len());
        // DynamoDB may leave keys for another request, above 16 MB of items or under load.
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

/// Reports an unreadable item that is skipped.
fn skipped(error: &anyhow::Error) {
    error!(error = format!("{error:#}"), "Skipped an unreadable item");
    metrics::unreadable();
}

impl Table<StudioProfile> {
    /// Returns the profile of a studio, which is neutral if the studio has set nothing.
    pub async fn profile(&self, studio: &Studio) -> Result<StudioProfile> {
        let found = self.get(studio, StudioProfile::ID).await?;
        Ok(found.unwrap_or_else(|| StudioProfile::neutral(studio.clone())))
    }
}

/// Returns `None` if the write took effect, otherwise the item that violated the condition (empty if there was none).
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
