//! Tombstones of deleted photos. An object that arrives late for a tombstone is deleted.
//!
//! A tombstone stays until every upload URL of its photo has expired. An object without record or tombstone is kept and
//! counted (`JobsWithoutRecord`).

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use domain::studio::Studio;
use jiff::Timestamp;
use uuid::Uuid;

use super::item::{number, text};
use crate::aws::failed;

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

    /// Sets a photo's tombstone. DynamoDB may remove it after `until`.
    pub async fn set(&self, studio: &Studio, photo: Uuid, until: Timestamp) -> Result<()> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("studio", text(studio))
            .item("id", text(id(photo)))
            .item("ttl", number(until.as_second()))
            .send()
            .await
            .map_err(|error| failed("Failed to set a tombstone", error))?;
        Ok(())
    }

    /// Returns whether the photo has a tombstone.
    pub async fn has(&self, studio: &Studio, photo: Uuid) -> Result<bool> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("studio", text(studio))
            .key("id", text(id(photo)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed("Failed to look for a tombstone", error))?;
        Ok(answer.item.is_some())
    }
}

fn id(photo: Uuid) -> String {
    format!("tombstone#{photo}")
}
