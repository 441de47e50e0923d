//! Tombstones of deleted photos. An object that arrives late for a tombstone is deleted.
//!
//! A tombstone stays until every upload URL of its photo has expired, and the last event of an upload has arrived. An
//! object without record or tombstone is kept and counted (`JobsWithoutRecord`).
//!
//! Once it is due, the sweep sends the photo's job again: no event tells of a picture that S3 stored after the deletion,
//! because its request was under way. Tombstones have a partition of their own in the index of due records.

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use domain::studio::Studio;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    index::DUE_AT,
    item::{Item, number, text},
};
use crate::aws::failed;

/// Beginning of an item's id, before that of the photo.
const PREFIX: &str = "tombstone#";
/// Partition of tombstones in the index of due records.
const SHARD: &str = "tombstones";
/// Largest number of due tombstones that one query returns.
const MAX_DUE: i32 = 100;

/// Tombstones of photos, in the `requests` table under `tombstone#{photo}`.
pub struct Tombstones {
    client: Client,
    table: String,
}

impl Tombstones {
    /// Creates a client of the tombstones in this table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Sets a photo's tombstone, due at `due_at`. DynamoDB may remove it after `until`.
    pub async fn set(&self, studio: &Studio, photo: Uuid, due_at: Timestamp, until: Timestamp) -> Result<()> {
        let mut item = key(studio, photo);
        item.insert("ttl".to_owned(), number(until.as_second()));
        item.insert("due_shard".to_owned(), text(SHARD));
        item.insert(DUE_AT.to_owned(), number(due_at.as_millisecond()));
        self.put(item).await
    }

    /// Returns up to [`MAX_DUE`] photos whose tombstones are due, the longest overdue first.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<(Studio, Uuid)>> {
        let query = self.client.query().table_name(&self.table).index_name(DUE_AT);
        let query = query.key_condition_expression("due_shard = :shard AND due_at <= :now");
        let query = query.expression_attribute_values(":shard", text(SHARD));
        let query = query.expression_attribute_values(":now", number(now.as_millisecond()));
        let answer = query.limit(MAX_DUE).send().await;
        let answer = answer.map_err(|error| failed("Failed to query the due tombstones", error))?;
        Ok(answer.items.unwrap_or_default().iter().filter_map(of_item).collect())
    }

    /// Records that the job of a due tombstone was sent.
    pub async fn sent(&self, studio: &Studio, photo: Uuid) -> Result<()> {
        let Some(mut item) = self.get(studio, photo).await? else { return Ok(()) };
        item.remove("due_shard");
        item.remove(DUE_AT);
        self.put(item).await
    }

    async fn put(&self, item: Item) -> Result<()> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(|error| failed("Failed to set a tombstone", error))?;
        Ok(())
    }

    /// Returns whether the photo has a tombstone.
    pub async fn has(&self, studio: &Studio, photo: Uuid) -> Result<bool> {
        Ok(self.get(studio, photo).await?.is_some())
    }

    async fn get(&self, studio: &Studio, photo: Uuid) -> Result<Option<Item>> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(studio, photo)));
        let answer = get.consistent_read(true).send().await;
        Ok(answer.map_err(|error| failed("Failed to look for a tombstone", error))?.item)
    }
}

fn key(studio: &Studio, photo: Uuid) -> Item {
    Item::from([("studio".to_owned(), text(studio)), ("id".to_owned(), text(format!("{PREFIX}{photo}")))])
}

fn of_item(item: &Item) -> Option<(Studio, Uuid)> {
    let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    Some((part("studio")?.parse().ok()?, part("id")?.strip_prefix(PREFIX)?.parse().ok()?))
}
