//! Orders, and the chunk items that hold their photo ids.

use std::{collections::HashMap, convert::Infallible};

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use jiff::Timestamp;
use uuid::Uuid;

use super::{Created, Page, Record, ScanKey, Table};
use crate::{
    aws::failed,
    order::{CHUNK, Order, OrderChunk},
    studio::Studio,
};

impl Record for Order {
    const NAME: &'static str = "order";

    fn studio(&self) -> &Studio {
        &self.studio
    }
    fn id(&self) -> Uuid {
        self.id
    }
}

/// When a chunk was written, in seconds since the epoch.
const WRITTEN_AT: &str = "written_at";
/// An order is made within this time of writing its photos down: a request takes 30 s at most.
const MAKING_SECONDS: i64 = 60;

/// The orders table: an order under its id, its photo ids under `{id}#{n}`.
pub struct Orders {
    client: Client,
    name: String,
    whole: Table<Order>,
}

impl Orders {
    /// The table of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { whole: Table::new(client.clone(), name.clone()), client, name }
    }

    /// Writes the order's photos down. They come first, so that no order is ever seen without its photos.
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
        Ok(())
    }

    /// Makes the order, whose photos are written.
    pub async fn create(&self, order: &Order) -> Result<Created<Order>> {
        self.whole.create(order).await
    }

    /// An order of the studio that holds the photo, or is being made and will. All the studio's orders are read for that:
    /// photos are seldom deleted, and an order of 10,000 would have to mark each of its photos.
    pub async fn holding(&self, studio: &Studio, photo: Uuid, now: Timestamp) -> Result<Option<Uuid>> {
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression("studio = :studio")
                .filter_expression("contains(photos, :photo)")
                .projection_expression("id, written_at")
                .expression_attribute_values(":studio", AttributeValue::S(studio.to_string()))
                .expression_attribute_values(":photo", AttributeValue::S(photo.to_string()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failed("Failed to look for orders of a photo", error))?;
            for item in answer.items.unwrap_or_default() {
                let chunk = item.get("id").and_then(|id| id.as_s().ok()).and_then(|id| id.split('#').next());
                let Some(order) = chunk.and_then(|id| id.parse().ok()) else { continue };
                let written_at = item.get(WRITTEN_AT).and_then(|at| at.as_n().ok()?.parse::<i64>().ok());
                // One whose maker died before it was made holds nothing.
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

    /// The order, or `None`.
    pub async fn get(&self, studio: &Studio, id: Uuid) -> Result<Option<Order>> {
        self.whole.get(studio, id).await
    }

    /// The orders of these ids, those that exist.
    pub async fn get_many(&self, studio: &Studio, ids: &[Uuid]) -> Result<HashMap<Uuid, Order>> {
        self.whole.get_many(studio, ids).await
    }

    /// Marks the order as erased, removes its personal data, then the items that hold its photos; `None` where there is no such
    /// order. Can be repeated.
    pub async fn erase(&self, studio: &Studio, id: Uuid, now: Timestamp) -> Result<Option<Order>> {
        let erase = |order: &mut Order| {
            order.erase(now);
            Ok::<_, Infallible>(())
        };
        let Some((order, _)) = self.whole.update(studio, id, erase).await? else { return Ok(None) };
        for n in 0..(order.photo_count as usize).div_ceil(CHUNK) {
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

    /// Some orders of all studios that were not erased, in no order, and where to continue.
    pub async fn scan(&self, start: Option<ScanKey>) -> Result<(Vec<Order>, Option<ScanKey>)> {
        self.whole.scan(start).await
    }

    /// The order's photo ids, as ordered.
    pub async fn photos(&self, order: &Order) -> Result<Vec<Uuid>> {
        let count = order.photo_count as usize;
        let mut photos = Vec::with_capacity(count);
        for n in 0..count.div_ceil(CHUNK) {
            let answer = self
                .client
                .get_item()
                .table_name(&self.name)
                .key("studio", AttributeValue::S(order.studio.to_string()))
                .key("id", AttributeValue::S(chunk_id(order.id, n)))
                .consistent_read(true)
                .send()
                .await
                .map_err(|error| failed("Failed to read an order's photos", error))?;
            let item = answer.item.with_context(|| format!("Order {} lacks its photos, chunk {n}", order.id))?;
            let chunk: OrderChunk = serde_dynamo::from_item(item)?;
            photos.extend(chunk.photos);
        }
        Ok(photos)
    }

    /// A studio's orders, newest first, those that `keep` takes.
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
