//! A backlog with few workers: a long wait must not count as a failure.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{Row, judge, none_may_fail, studio};
use crate::{TestApp, walk};

/// Puts `messages` emails on the queue and lets the pollers process them, `concurrency` batches at a time.
pub async fn backlog(messages: usize, concurrency: u32) -> Result<Row> {
    let mut row = Row::new("a backlog at low concurrency");
    let mut app = TestApp::with(|options| options.by_hand = true).await;
    let studio = studio();
    let jpeg = crate::jpeg(1, 60, 40);
    let photo = walk::upload(&app, &studio, "a.jpg", "image/jpeg", &jpeg).await?;
    while app.system().step().await? {}
    let customer = json!({ "name": "Eva", "email": "eva@example.com" });
    let order = json!({ "reference": "B-1", "customer": customer, "photo_ids": [photo] });
    let order =
        walk::insist(&app, &studio, "/orders", order, &[201]).await?["id"].as_str().context("an id")?.to_owned();
    for _ in 0..messages {
        let email = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": { "order_id": order } });
        walk::insist(&app, &studio, "/emails", email, &[202]).await?;
    }
    let begun = std::time::Instant::now();
    app.restart(|options| {
        options.by_hand = false;
        for worker in options.queues.values_mut() {
            worker.max_concurrency = concurrency;
        }
    })
    .await;
    app.until_empty("emails").await;
    let mut findings = judge(&app, &studio, &HashMap::from([(photo, jpeg)])).await;
    none_may_fail(&mut findings);
    if app.emails().await.len() != messages {
        findings.violations.push(format!("{} emails, not {messages}", app.emails().await.len()));
    }
    row.add(&findings, || format!("--only backlog --backlog {messages}"));
    row.runs = messages as u64;
    row.figures.insert("seconds".into(), begun.elapsed().as_secs_f64());
    Ok(row)
}
