//! All records at the end of a history.

use std::collections::BTreeMap;

use domain::{
    download::Download,
    email::Email,
    event::Event,
    operation::Operation,
    order::Order,
    photo::Photo,
    webhook::{Delivery, Webhook},
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{cloud::State, services::dynamodb::to_plain};

/// All records.
pub struct Records {
    pub photos: BTreeMap<Uuid, Photo>,
    pub orders: BTreeMap<Uuid, Order>,
    pub downloads: BTreeMap<Uuid, Download>,
    pub emails: BTreeMap<Uuid, Email>,
    pub events: BTreeMap<Uuid, Event>,
    pub webhooks: Vec<Webhook>,
    pub deliveries: BTreeMap<Uuid, Delivery>,
    pub operations: Vec<Operation>,
    pub unreadable: Vec<String>,
}

impl Records {
    /// Reads all records.
    pub fn of(state: &State) -> Self {
        let mut unreadable = Vec::new();
        let photos: Vec<Photo> = read(state, "photos", &mut unreadable);
        let orders: Vec<Order> = read(state, "orders", &mut unreadable);
        let downloads: Vec<Download> = read(state, "downloads", &mut unreadable);
        let emails: Vec<Email> = read(state, "emails", &mut unreadable);
        let events: Vec<Event> = read(state, "events", &mut unreadable);
        let webhooks = read(state, "webhooks", &mut unreadable);
        let deliveries: Vec<Delivery> = read(state, "deliveries", &mut unreadable);
        let operations = read(state, "requests", &mut unreadable);
        Self {
            photos: photos.into_iter().map(|photo| (photo.id, photo)).collect(),
            orders: orders.into_iter().map(|order| (order.id, order)).collect(),
            downloads: downloads.into_iter().map(|download| (download.id, download)).collect(),
            emails: emails.into_iter().map(|email| (email.id, email)).collect(),
            events: events.into_iter().map(|event| (event.id, event)).collect(),
            webhooks,
            deliveries: deliveries.into_iter().map(|delivery| (delivery.id, delivery)).collect(),
            operations,
            unreadable,
        }
    }
}

/// Reads the records of one table. Sentences about those that cannot be read go to `unreadable`.
fn read<R: DeserializeOwned>(state: &State, table: &str, unreadable: &mut Vec<String>) -> Vec<R> {
    let items = state.dynamodb.items(table).map(|item| to_plain(item));
    // Chunks, photo items, idempotency keys and tombstones are no records of a job.
    let records = items.filter(|item| item.get("revision").is_some() && item.get("studio").is_some());
    let is_record = |item: &serde_json::Value| {
        item["status"] != "of_tomorrow" && (table != "requests" || item.get("task").is_some())
    };
    let mut read = Vec::new();
    for item in records.filter(is_record) {
        match serde_json::from_value(item.clone()) {
            Ok(record) => read.push(record),
            Err(error) => unreadable.push(format!("{table}: {error} in {item}")),
        }
    }
    read
}
