//! SIGKILL in the call of SES, while SES reports what became of the emails: its report replaces the lost reply.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use domain::{Studio, email::Email};
use fastrand::Rng;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::{Row, drained, hide_for, judge, killed_system, studio};
use crate::{
    TestApp, jpeg, oracle,
    oracle::Findings,
    processes::{Host, Reaper, build_functions},
    walk,
};

/// The plan of the kills.
#[derive(Debug, Clone, Copy)]
pub struct Reports {
    /// The number of kills in a call of SES, per system.
    pub kills: u64,
    /// The number of emails per round. Rounds follow until all kills are done.
    pub emails: usize,
    /// The number of systems side by side.
    pub systems: u64,
    /// The probability, in percent, that the sender is killed in a call of SES.
    pub chance: u8,
    /// The share, in percent, of SES's reports that are lost. There are two of each email: `Send` and `Delivery`.
    pub lost: u8,
    /// The time for which an email whose reply was lost waits for a report. Reports must come sooner, however busy this
    /// machine is.
    pub wait: Duration,
    /// The visibility timeout of the emails' queue: a message whose process died before it was claimed comes back then.
    pub visibility: Duration,
}

/// The processes of each function.
const PROCESSES: [(&str, usize); 6] = [
    ("api", 2),
    ("email-sender", 3),
    ("photo-processor", 1),
    ("archive-builder", 1),
    ("webhook-sender", 1),
    ("housekeeper", 2),
];
/// Requests that create emails, at once.
const AT_ONCE: usize = 4;

/// Numbers of one system, which [`Row::absorb`] would not add up.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    emails: u64,
    reports: u64,
    reports_lost: u64,
    completed_by_report: u64,
    silent_copies: u64,
}

/// Kills the email sender in calls of SES until the planned kills are done, and checks all emails.
pub async fn reports(plan: Reports, seed: u64) -> Result<Row> {
    let bins = tokio::task::spawn_blocking(build_functions).await??;
    let systems = (0..plan.systems).map(|system| on_one_system(plan, &bins, seed + system * 1000));
    let mut row = Row::new(&format!("SIGKILL in SES's call, {} % of its reports lost", plan.lost));
    for (part, counts) in futures::future::try_join_all(systems).await? {
        row.absorb(part);
        for (name, count) in [
            ("emails", counts.emails),
            ("reports", counts.reports),
            ("reports_lost", counts.reports_lost),
            ("completed_by_report", counts.completed_by_report),
            ("copies_without_report", counts.silent_copies),
        ] {
            *row.figures.entry(name.into()).or_default() += f64::from(u32::try_from(count)?);
        }
    }
    Ok(row)
}

/// Reports of SES that arrived.
struct Heard {
    rng: Rng,
    lost: u8,
    /// For each email, its copies in the order of their acceptance, and whether a report of the copy has arrived.
    copies: HashMap<String, Vec<(String, bool)>>,
    reports: u64,
    reports_lost: u64,
}

impl Heard {
    /// Decides whether a report arrives, and records that.
    fn arrives(&mut self, report: &Value) -> bool {
        let (email, copy) = (email_of(report).to_owned(), &report["detail"]["mail"]["messageId"]);
        let copy = copy.as_str().unwrap_or_default().to_owned();
        let arrives = self.rng.u8(..100) >= self.lost;
        self.reports += 1;
        self.reports_lost += u64::from(!arrives);
        let copies = self.copies.entry(email).or_default();
        match copies.iter_mut().find(|(id, _)| *id == copy) {
            Some((_, heard)) => *heard |= arrives,
            None => copies.push((copy, arrives)),
        }
        arrives
    }
}

fn email_of(report: &Value) -> &str {
    report["detail"]["mail"]["tags"]["email"][0].as_str().unwrap_or_default()
}

/// SES's reports on their way to Darkroom.
#[derive(Clone)]
struct Line(Arc<Mutex<Heard>>);

impl Line {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the rule for SES's reports. The first of an email comes before the reply to the call.
    fn rule(&self, reaper: Arc<Reaper>) -> local::Reports {
        let line = self.clone();
        Arc::new(move |report| {
            if report["detail"]["eventType"] == "Send" {
                reaper.strike(email_of(report));
            }
            line.heard().arrives(report)
        })
    }
}

async fn on_one_system(plan: Reports, bins: &Path, seed: u64) -> Result<(Row, Counts)> {
    let rng = Rng::with_seed(seed);
    let heard = Heard { rng, lost: plan.lost, copies: HashMap::new(), reports: 0, reports_lost: 0 };
    let line = Line(Arc::new(Mutex::new(heard)));
    let host = Host::start(bins, &PROCESSES).await?;
    let rule = line.rule(host.reaper.clone());
    let waits = [("SES_REPORT_WAIT_SECONDS", plan.wait.as_secs().to_string())];
    let app = killed_system(&host, &waits, |options| options.reports = Some(rule)).await?;
    hide_for(&app, "emails", plan.visibility).await?;
    let (mut row, mut counts, mut round) = (Row::default(), Counts::default(), 0);
    let mut kills = 0;
    while kills < plan.kills {
        let studio = studio();
        let (order, originals) = order(&app, &studio).await?;
        host.reaper.reap_in_calls(seed + round, plan.chance, plan.kills - kills);
        send(&app, &studio, &order, plan.emails).await?;
        // Each of three attempts can end by a kill, and each of two copies be without a report.
        let bound = plan.visibility * 4 + plan.wait * 2 + Duration::from_secs(60 + plan.emails as u64);
        drained(&app, &["emails", "default", "webhooks"], bound).await?;
        kills += host.reaper.kills();
        host.reaper.rest();
        let mut findings = judge(&app, &studio, &originals).await;
        check(&app, &studio, &line, (plan.emails, &mut findings, &mut counts)).await?;
        row.add(&findings, || format!("--only reports --seed {seed}"));
        round += 1;
    }
    row.runs = kills;
    let heard = line.heard();
    (counts.reports, counts.reports_lost) = (heard.reports, heard.reports_lost);
    Ok((row, counts))
}

/// Creates an order of one photo, and returns it with its originals.
async fn order(app: &TestApp, studio: &Studio) -> Result<(String, oracle::Originals)> {
    let bytes = jpeg(1, 300, 200);
    let photo = walk::upload(app, studio, "a.jpg", "image/jpeg", &bytes).await?;
    app.until_empty("photos").await;
    let customer = json!({ "name": "Eva", "email": "eva@example.com" });
    let order = json!({ "reference": "R-1", "customer": customer, "photo_ids": [photo] });
    let order = walk::insist(app, studio, "/orders", order, &[201]).await?["id"].as_str().context("an id")?.to_owned();
    Ok((order, HashMap::from([(photo, bytes)])))
}

/// Requests emails to addresses of which SES's simulator reports a delivery.
async fn send(app: &TestApp, studio: &Studio, order: &str, emails: usize) -> Result<()> {
    let requests = (0..emails).map(|n| async move {
        let to = format!("success+{n}@simulator.amazonses.com");
        let email = json!({ "template": "order_confirmation", "to": to, "data": { "order_id": order } });
        walk::insist(app, studio, "/emails", email, &[202]).await.map(drop)
    });
    stream::iter(requests).buffer_unordered(AT_ONCE).try_collect().await
}

/// Checks that no email is missing, and that only emails without any report were sent twice.
async fn check(
    app: &TestApp,
    studio: &Studio,
    line: &Line,
    (emails, findings, counts): (usize, &mut Findings, &mut Counts),
) -> Result<()> {
    let table = oracle::table::<Email>(app, "EMAILS_TABLE")?;
    let records = table.list(studio, None, emails + 1, |_| true).await?.items;
    ensure!(records.len() == emails, "{} emails, not {emails}", records.len());
    let heard = line.heard();
    for email in &records {
        let copies = heard.copies.get(&email.id.to_string()).map_or(&[][..], Vec::as_slice);
        counts.emails += 1;
        // The worker that gets the reply writes its own time.
        let reported = [email.reported.accepted_at, email.reported.delivered_at];
        counts.completed_by_report += u64::from(email.sent_at.is_some() && reported.contains(&email.sent_at));
        if email.status.is_accepted() && (email.subject.is_none() || email.provider_message_id.is_none()) {
            findings.violations.push(format!("email {} is accepted without its subject or SES's id", email.id));
        }
        counts.silent_copies += copies.iter().filter(|(_, heard)| !heard).count() as u64;
        if let [.., (_, true), _] = copies {
            findings.violations.push(format!("email {} was sent again, though SES had reported it", email.id));
        }
    }
    Ok(())
}
