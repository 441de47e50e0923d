//! Orders, the chunk items with their photo ids, and an item for each photo of an order.
//!
//! **A photo is either deleted or ordered, never both.** A deletion looks for orders of the photo, marks the photo, and
//! looks again. If it finds one, it removes the mark. Otherwise it condemns the photo, which is irreversible, and
//! deletes the pictures, the original and, last, the record. A request for an order reads its photos, writes the chunks
//! and an item for each photo, reads the photos again, and then creates the order. The one that writes first is visible
//! to the other. Items of a photo share a partition and are read consistently, without an index. An item whose order
//! does not exist counts for a minute, because the request of the order may still be in progress. Repeating the request
//! continues an interrupted deletion.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, DeleteRequest, PutRequest, WriteRequest},
};
use domain::{
    error::ServiceUnavailable,
    order::{CHUNK, Order, OrderChunk},
    record::ListIndex,
    studio::Studio,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Created, Page, ScanKey, Table,
    item::{number, text},
};
use crate::{aws::failed, world::World};

/// Attribute with the time at which a chunk was written, in seconds since the epoch.
const WRITTEN_AT: &str = "written_at";
/// Time within which an order is created after its photo items were written; a request takes 30 s at most.
const MAKING_SECONDS: i64 = 60;

/// DynamoDB: at most 25 items per BatchWriteItem.
const MAX_BATCH_WRITE: usize = 25;
/// Number of batches written concurrently.
const CONCURRENT_BATCHES: usize = 8;
/// Largest number of requests for one batch of writes, of which DynamoDB may leave some unprocessed.
const MAX_ROUNDS: usize = 16;

/// The orders table: an order under its id, its photo ids under `{id}#{n}`, and for each photo an item per order, in a
/// partition of its own (`{studio}#{photo}`).
pub struct Orders {
    client: Client,
    name: String,
    whole: Table<Order>,
    world: World,
}

impl Orders {
    /// Creates a client of the table with this name.
    pub fn new(client: Client, name: impl Into<String>, world: &World) -> Self {
        let name = name.into();
        Self { whole: Table::new(client.clone(), name.clone(), world), client, name, world: world.clone() }
    }

    /// Returns the table of orders without their chunks and photo items.
    pub fn table(&self) -> &Table<Order> {
        &self.whole
    }

    /// Writes the order's chunks and photo items. They precede the order, so that no order is visible without its
    /// photos.
    pub async fn put_photos(&self, order: &Order, photos: &[Uuid], now: Timestamp) -> Result<()> {
        for (n, chunk) in photos.chunks(CHUNK).enumerate() {
            let mut item: HashMap<String, AttributeValue> =
                serde_dynamo::to_item(OrderChunk { photos: chunk.to_vec() })?;
            item.insert("studio".into(), AttributeValue::S(order.studio.to_string()));
            item.insert("id".into(), AttributeValue::S(chunk_id(order.id, n)));
            item.insert(WRITTEN_AT.into(), AttributeValue::N(now.as_second().to_string()));
            self.client
                .put_item()
                .table_name(&self.name)
                .set_item(Some(item))
                .send()
                .await
                .map_err(|error| failed("Failed to write an order's photos", error))?;
        }
        self.put_photo_items(order, photos, now).await
    }

    /// Writes an item for each photo of the order. Deletions find the order by it.
    pub async fn put_photo_items(&self, order: &Order, photos: &[Uuid], now: Timestamp) -> Result<()> {
        let item = |photo: &Uuid| {
            let put = PutRequest::builder()
                .item("studio", text(photo_partition(&order.studio, *photo)))
                .item("id", text(order.id))
                .item(WRITTEN_AT, number(now.as_second()))
                .build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        self.write_all(photos.iter().map(item).collect::<Result<_>>()?).await
    }

    async fn write_all(&self, requests: Vec<WriteRequest>) -> Result<()> {
        let writes: Vec<_> = requests.chunks(MAX_BATCH_WRITE).map(|batch| self.write(batch.to_vec())).collect();
        stream::iter(writes).buffer_unordered(CONCURRENT_BATCHES).try_collect().await
    }

    async fn write(&self, mut batch: Vec<WriteRequest>) -> Result<()> {
        for round in 0..MAX_ROUNDS {
            let answer = self
                .client
                .batch_write_item()
                .request_items(&self.name, batch)
                .send()
                .await
                .map_err(|error| failed("Failed to write an order's photos", error))?;
            let Some(left) = answer.unprocessed_items.and_then(|mut left| left.remove(&self.name)) else {
                return Ok(());
            };
            batch = left;
            tokio::time::sleep(Duration::from_millis(20 << round.min(6)).mul_f64(0.5 + self.world.jitter())).await;
        }
        let left = anyhow!("DynamoDB left items unwritten {MAX_ROUNDS} times");
        Err(left.context(ServiceUnavailable("Failed to write an order's photos")))
    }

    /// Creates the order after its photos were written.
    pub async fn create(&self, order: &Order) -> Result<Created<Order>> {
        self.whole.create(order).await
    }

    /// Returns an order of the studio that contains the photo, or that is being created with it. `filled`: all orders
    /// have an item for each of their photos.
    pub async fn holding(&self, studio: &Studio, photo: Uuid, now: Timestamp, filled: bool) -> Result<Option<Uuid>> {
        let partition = photo_partition(studio, photo);
        let found = self.first_holding(studio, &partition, None, now).await?;
        if found.is_some() || filled {
            return Ok(found);
        }
        // An order of an earlier build may have no photo items, so all chunks of the studio are read.
        self.first_holding(studio, studio.as_str(), Some(photo), now).await
    }

    /// Returns the first order in a partition that contains the photo. `within`: only chunks with this photo.
    async fn first_holding(
        &self,
        studio: &Studio,
        partition: &str,
        within: Option<Uuid>,
        now: Timestamp,
    ) -> Result<Option<Uuid>> {
        let mut values = HashMap::from([(":partition".to_owned(), text(partition))]);
        values.extend(within.map(|photo| (":photo".to_owned(), text(photo))));
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression("studio = :partition")
                .set_filter_expression(within.map(|_| "contains(photos, :photo)".to_owned()))
                .projection_expression("id, written_at")
                .set_expression_attribute_values(Some(values.clone()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failed("Failed to look for orders of a photo", error))?;
            for item in answer.items.unwrap_or_default() {
                let order = item.get("id").and_then(|id| id.as_s().ok()?.split('#').next()?.parse().ok());
                let Some(order) = order else { continue };
                let written_at = item.get(WRITTEN_AT).and_then(|at| at.as_n().ok()?.parse::<i64>().ok());
                // An order whose request crashed before it was created does not count.
                let is_young = written_at.is_some_and(|at| now.as_second().saturating_sub(at) < MAKING_SECONDS);
                let holds = self.get(studio, order).await?.map_or(is_young, |order| !order.is_erased());
                if holds {
                    return Ok(Some(order));
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(None);
            }
        }
    }

    /// Returns the order, or `None` if it does not exist.
    pub async fn get(&self, studio: &Studio, id: Uuid) -> Result<Option<Order>> {
        self.whole.get(studio, id).await
    }

    /// Returns those orders of these ids that exist.
    pub async fn get_many(&self, studio: &Studio, ids: &[Uuid]) -> Result<HashMap<Uuid, Order>> {
        self.whole.get_many(studio, ids).await
    }

    /// Marks the order as erased, removes its personal data, then its chunks and photo items. Returns `None` if the
    /// order does not exist. Can be repeated.
    pub async fn erase(&self, studio: &Studio, id: Uuid, now: Timestamp) -> Result<Option<Order>> {
        let erase = |order: &mut Order| {
            order.erase(now);
            Ok::<_, Infallible>(())
        };
        let Some((order, _)) = self.whole.update(studio, id, erase).await? else { return Ok(None) };
        for n in 0..(order.photo_count as usize).div_ceil(CHUNK) {
            // The chunk is deleted last, because a repeated erasure reads from it which items exist.
            let Some(photos) = self.chunk(studio, id, n).await? else { continue };
            let delete = |photo: &Uuid| {
                let delete = DeleteRequest::builder().key("studio", text(photo_partition(studio, *photo)));
                Ok(WriteRequest::builder().delete_request(delete.key("id", text(id)).build()?).build())
            };
            self.write_all(photos.iter().map(delete).collect::<Result<_>>()?).await?;
            self.client
                .delete_item()
                .table_name(&self.name)
                .key("studio", AttributeValue::S(studio.to_string()))
                .key("id", AttributeValue::S(chunk_id(id, n)))
                .send()
                .await
                .map_err(|error| failed("Failed to delete an order's photos", error))?;
        }
        Ok(Some(order))
    }

    /// Returns some orders of all studios that were not erased, in no order, and where to continue.
    pub async fn scan(&self, start: Option<ScanKey>) -> Result<(Vec<Order>, Option<ScanKey>)> {
        self.whole.scan(start).await
    }

    /// Returns the order's photo ids in their sequence.
    pub async fn photos(&self, order: &Order) -> Result<Vec<Uuid>> {
        let count = order.photo_count as usize;
        let mut photos = Vec::with_capacity(count);
        for n in 0..count.div_ceil(CHUNK) {
            let chunk = self.chunk(&order.studio, order.id, n).await?;
            photos.extend(chunk.with_context(|| format!("Order {} lacks its photos, chunk {n}", order.id))?);
        }
        Ok(photos)
    }

    /// Returns the photo ids of a chunk, or `None` if it does not exist.
    async fn chunk(&self, studio: &Studio, order: Uuid, n: usize) -> Result<Option<Vec<Uuid>>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("studio", text(studio))
            .key("id", text(chunk_id(order, n)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed("Failed to read an order's photos", error))?;
        Ok(answer.item.map(serde_dynamo::from_item::<_, OrderChunk>).transpose()?.map(|chunk| chunk.photos))
    }

    /// Lists a studio's orders with this reference, newest first: see [`Table::list_by`].
    pub async fn list_by_reference(
        &self,
        studio: &Studio,
        reference: &str,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Page<Order>> {
        let keep = |order: &Order| order.reference == reference;
        self.whole.list_by(studio, (ListIndex::Reference, reference), after, limit, keep).await
    }

    /// Lists a studio's orders that match `keep`, newest first.
    pub async fn list(
        &self,
        studio: &Studio,
        after: Option<Uuid>,
        limit: usize,
        keep: impl Fn(&Order) -> bool,
    ) -> Result<Page<Order>> {
        self.whole.list(studio, after, limit, keep).await
    }
}

fn chunk_id(order: Uuid, n: usize) -> String {
    format!("{order}#{n}")
}

fn photo_partition(studio: &Studio, photo: Uuid) -> String {
    format!("{studio}#{photo}")
}
