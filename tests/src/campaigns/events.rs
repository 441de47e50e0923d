//! SIGKILL at random moments of the webhook sender, while the shop refuses a part of the requests.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Result, ensure};
use api_types::{DeliveryPage, DeliveryView, EventList, EventView};
use domain::{
    Studio,
    event::{Event, EventType, SETTLED_AFTER, Subject},
    webhook::DeliveryStatus,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use runtime::events::Events;
use serde_json::json;
use uuid::Uuid;

use super::{Row, drained, hide_for, killed_system, studio};
use crate::{
    TestApp,
    oracle::Findings,
    processes::{Host, build_functions},
    shop::{Refusals, Shop},
};

/// The plan of the kills and refusals.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// The number of events.
    pub events: usize,
    /// The number of kills.
    pub kills: u64,
    /// The number of an event's first requests that the shop may refuse. The attempts after three refusals come five
    /// minutes later, and time is not moved here.
    pub refusable: u32,
    /// The visibility timeout of the webhooks' queue: a message whose process died before it was hidden comes back then.
    pub visibility: Duration,
}

/// The probability, in percent, that the shop refuses a request that it may refuse.
const REFUSED: u8 = 20;
/// The processes of each function.
const PROCESSES: [(&str, usize); 6] = [
    ("api", 1),
    ("email-sender", 1),
    ("photo-processor", 1),
    ("archive-builder", 1),
    ("webhook-sender", 3),
    ("housekeeper", 1),
];
/// The first part of an invocation in which a process is killed.
const WITHIN: Duration = Duration::from_millis(150);
/// Events that are published at once.
const AT_ONCE: usize = 4;
/// The largest page.
const PAGE: usize = 200;

/// Publishes the events, kills the webhook sender meanwhile, and checks what the shop and a poller have received.
pub async fn events(plan: Told, seed: u64) -> Result<Row> {
    let bins = tokio::task::spawn_blocking(build_functions).await??;
    let host = Host::start(&bins, &PROCESSES).await?;
    let app = killed_system(&host, &[], |_| {}).await?;
    hide_for(&app, "webhooks", plan.visibility).await?;
    let shop = Shop::refusing(Refusals { seed, percent: REFUSED, requests: plan.refusable }).await;
    let studio = studio();
    let made = app.post(studio.as_str(), "/webhooks", json!({ "url": format!("{}/hook", shop.url) })).await;
    let (webhook, secret) = (made.text("/webhook/id"), made.text("/secret"));
    ensure!(!secret.is_empty(), "{made:?}");

    // An event has two messages, in batches of up to ten. More kills would be drawn than are planned.
    let chance = u8::try_from(plan.kills * 1000 / plan.events as u64).unwrap_or(100).clamp(1, 100);
    host.reaper.reap(seed, "webhook-sender", chance, WITHIN, plan.kills);
    let all_written = AtomicBool::new(false);
    let (published, polled) = tokio::try_join!(
        async {
            let published = publish(&app, &studio, plan.events).await;
            all_written.store(true, Ordering::SeqCst);
            published
        },
        poll(&app, &studio, &all_written),
    )?;
    let bound = plan.visibility * 4 + Duration::from_secs(120) + Duration::from_millis(300) * plan.events.try_into()?;
    drained(&app, &["webhooks"], bound).await?;

    let mut findings = Findings::default();
    let log = deliveries(&app, &studio, &webhook).await?;
    let listed = listed(&app, &studio).await?;
    listing(&mut findings, "polled meanwhile", &published, &polled);
    listing(&mut findings, "read at the end", &published, &listed);
    let figures = told(&mut findings, &published, &shop, (&secret, &log));
    if findings.failed > 0 {
        let jobs = app.operator().get("/queues/webhooks/failed?limit=20").await.body;
        let items = jobs["items"].as_array().into_iter().flatten();
        findings.violations.extend(items.map(|job| format!("failed: {}", job["error"])));
    }
    let dead = app.system().queues().peek_all("webhooks-dlq")?.len();
    if dead > 0 {
        findings.violations.push(format!("{dead} dead letters"));
    }
    let mut row = Row::new("SIGKILL at random, webhook-sender; the shop refuses 20 %");
    row.add(&findings, || format!("--only events --seed {seed}"));
    row.runs = host.reaper.kills();
    for (name, figure) in figures {
        row.figures.insert(name.to_owned(), f64::from(u32::try_from(figure)?));
    }
    Ok(row)
}

/// Publishes made-up events as the functions do, and returns their ids.
async fn publish(app: &TestApp, studio: &Studio, count: usize) -> Result<HashSet<Uuid>> {
    let events = &Events::from_env(&app.env(), &app.dynamodb(), app.sqs())?;
    let ids: HashSet<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
    let publish = |(n, id): (usize, &Uuid)| {
        let (kind, status) = match n % 3 {
            0 => (EventType::PhotoReady, "ready"),
            1 => (EventType::DownloadReady, "ready"),
            _ => (EventType::EmailSent, "sent"),
        };
        let (at, subject) = (Timestamp::now(), Subject { photo: Some(Uuid::new_v4()), ..Subject::default() });
        let (studio, status) = (studio.clone(), status.to_owned());
        let event = Event { studio, id: *id, kind, at, subject, status, created_at: at, due_at: None };
        async move { events.publish(&event).await }
    };
    stream::iter(ids.iter().enumerate().map(publish)).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(ids)
}

/// Polls as a shop does while the events are written, until all are listed.
async fn poll(app: &TestApp, studio: &Studio, all_written: &AtomicBool) -> Result<Vec<EventView>> {
    let (mut seen, mut after, mut settled) = (Vec::new(), None, None);
    loop {
        let was_settled = settled.is_some_and(|at: tokio::time::Instant| at.elapsed() > SETTLED_AFTER.unsigned_abs());
        let page = page(app, studio, after).await?;
        after = page.after.or(after);
        seen.extend(page.items);
        if page.more {
            continue;
        }
        if was_settled {
            return Ok(seen);
        }
        if all_written.load(Ordering::SeqCst) {
            settled = settled.or_else(|| Some(tokio::time::Instant::now()));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Reads the whole list, page by page.
async fn listed(app: &TestApp, studio: &Studio) -> Result<Vec<EventView>> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = page(app, studio, after).await?;
        after = page.after.or(after);
        seen.extend(page.items);
        if !page.more {
            return Ok(seen);
        }
    }
}

async fn page(app: &TestApp, studio: &Studio, after: Option<Uuid>) -> Result<EventList> {
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    let answer = app.get(studio.as_str(), &format!("/events?limit={PAGE}{after}")).await;
    ensure!(answer.status.is_success(), "{answer:?}");
    Ok(answer.view())
}

/// Reads the webhook's log, page by page.
async fn deliveries(app: &TestApp, studio: &Studio, webhook: &str) -> Result<Vec<DeliveryView>> {
    let (mut log, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/webhooks/{webhook}/deliveries?limit={PAGE}{cursor}");
        let answer = app.get(studio.as_str(), &path).await;
        ensure!(answer.status.is_success(), "{answer:?}");
        let page = answer.view::<DeliveryPage>();
        log.extend(page.items);
        let Some(next) = page.next_cursor else { return Ok(log) };
        cursor = format!("&cursor={next}");
    }
}

/// Checks that a list has each event once, in the order of positions.
fn listing(findings: &mut Findings, how: &str, published: &HashSet<Uuid>, listed: &[EventView]) {
    let ids: HashSet<Uuid> = listed.iter().map(|event| event.id).collect();
    let missing = published.difference(&ids).count();
    if missing > 0 || ids.len() > published.len() {
        findings.lost += missing as u64;
        findings.violations.push(format!("the list {how} has {} events, and lacks {missing}", ids.len()));
    }
    if listed.len() > ids.len() {
        findings.duplicates += (listed.len() - ids.len()) as u64;
        findings.violations.push(format!("the list {how} has {} events twice", listed.len() - ids.len()));
    }
    if !listed.windows(2).all(|pair| pair[0].position < pair[1].position) {
        findings.violations.push(format!("the list {how} is out of order"));
    }
}

/// Checks that the shop has accepted each event with a valid signature, and that the log says so. Returns figures.
fn told(
    findings: &mut Findings,
    published: &HashSet<Uuid>,
    shop: &Shop,
    (secret, log): (&str, &[DeliveryView]),
) -> Vec<(&'static str, u64)> {
    let received = shop.received();
    let unsigned = received.iter().filter(|hook| !hook.is_signed_by(secret)).count();
    if unsigned > 0 {
        findings.violations.push(format!("{unsigned} requests without a valid signature"));
    }
    let tallies = shop.tallies();
    let of = |id: &Uuid| tallies.get(&id.to_string()).copied().unwrap_or_default();
    let logged: HashSet<Uuid> = log
        .iter()
        .filter(|delivery| delivery.status == DeliveryStatus::Delivered)
        .map(|delivery| delivery.event_id)
        .collect();
    findings.failed += log.iter().filter(|delivery| delivery.status == DeliveryStatus::Failed).count() as u64;
    for id in published {
        if of(id).accepted == 0 || !logged.contains(id) {
            findings.lost += 1;
            let delivery = log.iter().find(|delivery| delivery.event_id == *id);
            findings.violations.push(format!("event {id} is not delivered: {:?}, {delivery:?}", of(id)));
        }
    }
    if log.len() != published.len() || tallies.len() != published.len() {
        let (log, told) = (log.len(), tallies.len());
        findings.violations.push(format!("{log} deliveries, and {told} events told, not {}", published.len()));
    }
    let requests = received.len() as u64;
    let attempts: u64 = log.iter().map(|delivery| u64::from(delivery.attempts)).sum();
    let accepted: u64 = tallies.values().map(|tally| u64::from(tally.accepted)).sum();
    vec![
        ("events", published.len() as u64),
        ("requests", requests),
        ("refused", requests - accepted),
        // The log does not know the requests whose sender was killed before it had written the answer.
        ("repeated", requests.saturating_sub(attempts)),
        ("accepted_twice", tallies.values().filter(|tally| tally.accepted > 1).count() as u64),
    ]
}
