//! Orders, and the chunk items that hold their photo ids.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use uuid::Uuid;

use super::{Created, Page, Record, Table};
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

    /// Makes the order. Its chunks are written first, so that no order is ever seen without its photos.
    pub async fn create(&self, order: &Order, photos: &[Uuid]) -> Result<Created<Order>> {
        for (n, chunk) in photos.chunks(CHUNK).enumerate() {
            let mut item: HashMap<String, AttributeValue> =
                serde_dynamo::to_item(OrderChunk { photos: chunk.to_vec() })?;
            item.insert("studio".into(), AttributeValue::S(order.studio.to_string()));
            item.insert("id".into(), AttributeValue::S(chunk_id(order.id, n)));
            self.client
                .put_item()
                .table_name(&self.name)
                .set_item(Some(item))
                .send()
                .await
                .map_err(|error| failed("Failed to write an order's photos", error))?;
        }
        self.whole.create(order).await
    }

    /// The order, or `None`.
    pub async fn get(&self, studio: &Studio, id: Uuid) -> Result<Option<Order>> {
        self.whole.get(studio, id).await
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

    /// A studio's orders, newest first.
    pub async fn list(&self, studio: &Studio, after: Option<Uuid>, limit: usize) -> Result<Page<Order>> {
        self.whole.list(studio, after, limit, |_| true).await
    }
}

fn chunk_id(order: Uuid, n: usize) -> String {
    format!("{order}#{n}")
}
