//! Poison in a batch: undecodable bodies among good ones.

use anyhow::{Context as _, Result};
use fastrand::Rng;
use serde_json::json;

use super::{Rig, Row, judge, none_may_fail, studio};
use crate::{oracle::Findings, walk};

/// SQS: at most 10 messages per batch.
const BATCH: usize = 10;
/// Bodies that are no job: not JSON, of another kind, of a later version, for another worker, without an id.
const POISON: [&str; 5] = [
    "not a job",
    r#"{"v":1,"job":"format_disk"}"#,
    r#"{"v":2,"job":"send_email","studio":"anna","email":"00000000-0000-0000-0000-000000000000"}"#,
    r#"{"v":1,"job":"build_archive","studio":"anna","download":"00000000-0000-0000-0000-000000000000"}"#,
    r#"{"v":1,"job":"send_email","studio":"ANNA"}"#,
];

/// Delivers batches of ten with poison in the places of each mask (bit n: message n). The mixed masks are 1 to 1,022.
pub async fn poison(masks: impl IntoIterator<Item = u16>) -> Result<Row> {
    let mut row = Row::new("mixed subsets of poison in a batch of ten");
    let rig = Rig::patient().await?;
    let studio = studio();
    let jpeg = crate::jpeg(1, 60, 40);
    let photo = walk::upload(&rig.app, &studio, "a.jpg", "image/jpeg", &jpeg).await?;
    walk::settle(&rig.app).await?;
    let customer = json!({ "name": "Eva", "email": "eva@example.com" });
    let order = json!({ "reference": "P-1", "customer": customer, "photo_ids": [photo] });
    let order = walk::insist(&rig.app, &studio, "/orders", order, &[201]).await?;
    let order = order["id"].as_str().context("an id")?;
    for mask in masks {
        let findings = match batch(&rig, &studio, order, mask).await {
            Ok(findings) => findings,
            Err(error) => super::failed(&format!("{error:#}")),
        };
        row.add(&findings, || format!("--poison {mask}"));
    }
    let mut findings = judge(&rig.app, &studio, &[(photo, jpeg)].into()).await;
    none_may_fail(&mut findings);
    let runs = row.runs;
    row.add(&findings, || "all batches together".into());
    row.runs = runs;
    Ok(row)
}

async fn batch(rig: &Rig, studio: &domain::Studio, order: &str, mask: u16) -> Result<Findings> {
    let (app, mut rng) = (&rig.app, Rng::with_seed(mask.into()));
    let queues = app.system().queues();
    let poison = mask.count_ones() as usize;
    let before = (queues.counts("emails-dlq")?.visible, app.emails().await.len());
    for place in 0..BATCH {
        if mask >> place & 1 == 1 {
            app.send("emails", POISON[rng.usize(..POISON.len())]).await;
        } else {
            let data = json!({ "order_id": order });
            let email = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": data });
            walk::insist(app, studio, "/emails", email, &[202]).await?;
        }
    }
    let source = app.system().source("emails").context("a queue")?;
    source.poll(0).await?;
    let mut findings = Findings::default();
    // Each good message was received once and deleted; only the poison is left.
    let left = queues.peek_all("emails")?;
    if left.len() != poison {
        findings.violations.push(format!("{} messages are left of {poison} poisonous ones", left.len()));
    }
    let sent = app.emails().await.len() - before.1;
    if sent != BATCH - poison {
        findings.violations.push(format!("{sent} emails of {}", BATCH - poison));
    }
    while source.poll(0).await? {}
    let dead = queues.counts("emails-dlq")?.visible - before.0;
    if dead != poison {
        findings.violations.push(format!("{dead} dead letters of {poison}"));
    }
    Ok(findings)
}
