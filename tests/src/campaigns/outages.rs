//! An hour without one of the services, in the middle of the work. Afterwards all work is done, and no customer was
//! told otherwise.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use domain::email::{Email, Message};
use local::functions::Layer;
use serde_json::json;

use super::{Rig, Row, judge, none_may_fail, studio};
use crate::{
    faults::{Outage, Service},
    jpeg, oracle,
    walk::{self, insist},
};

/// The duration of the outage on the movable clock.
const LASTS: Duration = Duration::from_secs(3600);
/// The time per step.
const STEP: Duration = Duration::from_secs(60);
/// The number of steps between two sweeps, as in the schedule.
const SWEEP_EVERY: u64 = 5;

/// The part that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Out {
    /// A service, for the workers.
    Of(Outage),
    /// The workers themselves, which cannot start.
    Workers,
}

impl Out {
    /// All outages.
    pub const ALL: [Self; 7] = [
        Self::Of(Outage::Of(Service::S3)),
        Self::Of(Outage::Of(Service::DynamoDb)),
        Self::Of(Outage::Of(Service::Sqs)),
        Self::Of(Outage::Of(Service::Ses)),
        Self::Of(Outage::Kms),
        Self::Of(Outage::Of(Service::Ssm)),
        Self::Workers,
    ];
}

/// Sends `jobs` jobs (photos, archives and emails, a third each), starts the outage when some of them are done, and
/// checks the result after an hour and the time to recover.
pub async fn outage(out: Out, jobs: usize, seed: u64) -> Result<Row> {
    let dead = Arc::new(AtomicBool::new(false));
    let rig = Rig::start(Some(unless(dead.clone()))).await?;
    let (app, studio) = (&rig.app, studio());
    let mut row = Row::new(&format!("an hour without: {out:?}"));
    let mut originals = HashMap::new();
    let mut photo = async |n: usize| {
        let bytes = jpeg(u32::try_from(n)?, 60, 40);
        let id = walk::upload(app, &studio, &format!("{n}.jpg"), "image/jpeg", &bytes).await?;
        originals.insert(id, bytes);
        anyhow::Ok(id)
    };
    let ids = [photo(0).await?, photo(1).await?];
    walk::settle(app).await?;
    let customer = json!({ "name": "Eva Beispiel", "email": "eva@example.com" });
    let order = json!({ "reference": "R-1", "customer": customer, "photo_ids": ids });
    let order = insist(app, &studio, "/orders", order, &[201]).await?["id"].as_str().context("an id")?.to_owned();
    for n in 0..jobs {
        match n % 3 {
            0 => drop(photo(n + 2).await?),
            1 => drop(insist(app, &studio, &format!("/orders/{order}/downloads"), json!({}), &[202]).await?),
            _ => {
                let data = json!({ "order_id": order });
                let email = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": data });
                insist(app, &studio, "/emails", email, &[202]).await?;
            }
        }
    }
    for _ in 0..jobs / 20 {
        app.system().step().await?;
    }
    match out {
        Out::Of(outage) => rig.net.out(Some(outage)),
        Out::Workers => dead.store(true, Ordering::SeqCst),
    }
    for minute in 0..LASTS.as_secs() / STEP.as_secs() {
        if minute % SWEEP_EVERY == 0 {
            app.system().sweep().await?;
        }
        while app.system().step().await? {}
        app.system().advance(STEP);
    }
    let told = app.emails().await.len();
    rig.net.out(None);
    dead.store(false, Ordering::SeqCst);
    walk::settle(app).await?;
    let mut findings = judge(app, &studio, &originals).await;
    none_may_fail(&mut findings);
    for queue in ["photos", "downloads", "emails"] {
        let letters = app.depth(&format!("{queue}-dlq")).await;
        if letters > 0 {
            findings.violations.push(format!("{letters} dead letters of {queue}"));
        }
    }
    let emails = oracle::table::<Email>(app, "EMAILS_TABLE")?.list(&studio, None, usize::MAX, |_| true).await?;
    let bad_news = |email: &&Email| matches!(email.message, Message::DownloadFailed { .. });
    for email in emails.items.iter().filter(bad_news) {
        findings.violations.push(format!("a customer was told of a failure: {:?}", email.message));
    }
    row.figures.insert("mails_before_and_during".into(), u32::try_from(told)?.into());
    row.add(&findings, || format!("--outage '{out:?}' --seed {seed}"));
    Ok(row)
}

/// Returns a layer that fails all invocations of workers while the switch is on, like functions that cannot start.
fn unless(dead: Arc<AtomicBool>) -> Layer {
    Arc::new(move |function: &str, run| {
        if function != "api" && dead.load(Ordering::SeqCst) {
            return Box::pin(async { anyhow::bail!("Runtime.ExitError") });
        }
        run
    })
}
