//! Messages that are delivered many times, late, out of order, and to many workers concurrently.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use aws_sdk_sqs::types::Message;
use fastrand::Rng;
use futures::{StreamExt as _, stream};
use serde_json::json;
use uuid::Uuid;

use super::{Rig, Row, judge, none_may_fail, studio};
use crate::{jpeg, walk};

/// The size of a storm.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// Emails to send.
    pub emails: usize,
    /// Photos to develop.
    pub photos: usize,
    /// Archives to build.
    pub downloads: usize,
    /// Concurrent deliveries.
    pub at_once: usize,
}

/// Delivers each message 2 to 10 times, shuffled, and counts the effects.
pub async fn storm(size: Storm, seed: u64) -> Result<Row> {
    let mut row = Row::new("messages delivered 2 to 10 times, shuffled");
    let rig = Rig::start(None).await?;
    let (app, studio, mut rng) = (&rig.app, studio(), Rng::with_seed(seed));
    let mut originals = HashMap::new();
    for n in 0..size.photos.max(1) {
        let bytes = jpeg(u32::try_from(n)?, 60, 40);
        originals.insert(walk::upload(app, &studio, &format!("{n}.jpg"), "image/jpeg", &bytes).await?, bytes);
    }
    let mut deliveries = flood(&rig, "photos", size.at_once, &mut rng).await?;
    walk::settle(app).await?;
    let ids: Vec<Uuid> = originals.keys().copied().collect();
    let customer = json!({ "name": "Eva", "email": "eva@example.com" });
    let order = json!({ "reference": "S-1", "customer": customer, "photo_ids": ids.get(..3.min(ids.len())) });
    let order = walk::insist(app, &studio, "/orders", order, &[201]).await?["id"].as_str().context("an id")?.to_owned();
    for _ in 0..size.downloads {
        walk::insist(app, &studio, &format!("/orders/{order}/downloads"), json!({}), &[202]).await?;
    }
    deliveries += flood(&rig, "downloads", size.at_once, &mut rng).await?;
    for _ in 0..size.emails {
        let email = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": { "order_id": order } });
        walk::insist(app, &studio, "/emails", email, &[202]).await?;
    }
    deliveries += flood(&rig, "emails", size.at_once, &mut rng).await?;
    walk::settle(app).await?;
    let mut findings = judge(app, &studio, &originals).await;
    none_may_fail(&mut findings);
    row.add(&findings, || {
        let messages = size.emails + size.photos + size.downloads;
        format!("--only storm --storm {messages} --seed {seed}")
    });
    row.runs = deliveries;
    let effects = app.emails().await.len();
    if effects != size.emails + size.downloads {
        row.violations.push(format!("{effects} emails, not {}", size.emails + size.downloads));
    }
    row.figures.insert("messages".into(), u32::try_from(size.emails + size.photos + size.downloads)?.into());
    Ok(row)
}

/// Receives all messages of a queue and delivers each 2 to 10 times. Returns the number of deliveries.
async fn flood(rig: &Rig, queue: &str, at_once: usize, rng: &mut Rng) -> Result<u64> {
    let source = rig.app.system().source(queue).context("a queue")?;
    let mut deliveries: Vec<Message> = Vec::new();
    loop {
        let messages = source.receive(0).await?;
        if messages.is_empty() {
            break;
        }
        for message in messages {
            deliveries.extend(std::iter::repeat_n(message, rng.usize(2..=10)));
        }
    }
    rng.shuffle(&mut deliveries);
    let count = deliveries.len() as u64;
    let mut under_way = stream::iter(&deliveries)
        .map(|message| source.deliver(std::slice::from_ref(message)))
        .buffer_unordered(at_once);
    while let Some(delivered) = under_way.next().await {
        delivered?;
    }
    Ok(count)
}
