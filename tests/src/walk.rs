//! The whole workflow of a few photos, performed by a client that repeats requests after server errors. The clock moves
//! forward without real waits.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, Result, bail};
use domain::{Studio, job_record::JobRecord};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{TestApp, encode, jpeg, oracle};

/// The number of times that a client sends a request before it gives up.
const PATIENCE: usize = 12;
/// The time after which an upload of these small photos counts as hanging; the client then registers the photo again.
const HANGS: Duration = Duration::from_secs(2);
/// The rounds of sweeps and waits after which everything must have ended: three attempts of a job, each found by a
/// sweep, and its follow-up as often.
const ROUNDS: usize = 40;
/// The time per step, at least the longest lifetime of a function.
const STEP: Duration = Duration::from_secs(601);

/// The results of a run.
#[derive(Debug, Default)]
pub struct Walked {
    /// The bytes of each photo whose upload was confirmed.
    pub originals: HashMap<Uuid, Vec<u8>>,
    /// The downloads that the customer has fetched, each once, however often the link was requested until it worked.
    pub fetched: Vec<Uuid>,
}

/// Uploads two photos, orders them, requests a ZIP, a single file and a confirmation, and waits until all have ended.
pub async fn walk(app: &TestApp, studio: &Studio, seed: u64) -> Result<Walked> {
    let mut walked = Walked::default();
    let tone = u32::try_from(seed % 251)?;
    let size = 40 + tone;
    let photos = [
        ("a.jpg", "image/jpeg", jpeg(tone, size, 60)),
        ("b.png", "image/png", encode(tone + 1, 50, size, image::ImageFormat::Png)),
    ];
    let mut ids = Vec::new();
    for (name, content_type, bytes) in photos {
        let id = upload(app, studio, name, content_type, &bytes).await?;
        walked.originals.insert(id, bytes);
        ids.push(id);
    }
    settle(app).await?;
    let customer = json!({ "name": "Eva Beispiel", "email": "eva@example.com" });
    let order = json!({ "reference": format!("R-{seed}"), "customer": customer, "photo_ids": ids });
    let order = insist(app, studio, "/orders", order, &[201]).await?["id"].as_str().context("an id")?.to_owned();
    let path = format!("/orders/{order}/downloads");
    let batch = insist(app, studio, &path, json!({}), &[202]).await?;
    let single = insist(app, studio, &path, json!({ "kind": "single", "photo_id": ids[0] }), &[201]).await?;
    let confirmation =
        json!({ "template": "order_confirmation", "to": "eva@example.com", "data": { "order_id": order } });
    insist(app, studio, "/emails", confirmation, &[202]).await?;
    settle(app).await?;
    for made in [batch, single] {
        if press(app, made["link"].as_str().context("a link")?).await? {
            walked.fetched.push(made["download"]["id"].as_str().context("an id")?.parse()?);
        }
    }
    Ok(walked)
}

/// Submits a customer's link until it leads to the file. Returns false when its download has failed.
async fn press(app: &TestApp, link: &str) -> Result<bool> {
    for _ in 0..PATIENCE {
        // The form is submitted anew each time, as people do: its ticket counts nothing.
        let mut answer = app.http().post(link).send().await?;
        if let Some(ticket) = answer.headers().get("location") {
            answer = app.http().get(ticket.to_str()?).send().await?;
        }
        match answer.status() {
            StatusCode::SEE_OTHER => return Ok(true),
            status if status.is_server_error() => {}
            _ => return Ok(false),
        }
    }
    bail!("the link never worked")
}

/// Registers and uploads one photo.
pub async fn upload(app: &TestApp, studio: &Studio, name: &str, content_type: &str, bytes: &[u8]) -> Result<Uuid> {
    let new = json!({ "filename": name, "content_type": content_type, "size_bytes": bytes.len() });
    let made = insist(app, studio, "/photos", new, &[201]).await?;
    let id = made["photo"]["id"].as_str().context("an id")?.parse()?;
    for _ in 0..PATIENCE {
        // 412: the object exists, and only the first attempt's response was lost.
        match tokio::time::timeout(HANGS, app.put(&made["upload"], bytes.to_vec())).await {
            Ok(Ok(StatusCode::OK | StatusCode::PRECONDITION_FAILED)) => return Ok(id),
            Ok(Ok(status)) if !status.is_server_error() => bail!("the upload was answered {status}"),
            _ => {}
        }
    }
    bail!("the upload never went well")
}

/// Sends a POST request until the response has one of these statuses. Repeats it only after a 5xx, as a client may.
pub async fn insist(app: &TestApp, studio: &Studio, path: &str, body: Value, good: &[u16]) -> Result<Value> {
    let mut last = None;
    for _ in 0..PATIENCE {
        let answer = app.call(studio.as_str(), Method::POST, path, Some(body.clone())).await;
        if good.contains(&answer.status.as_u16()) {
            return Ok(answer.body);
        }
        if !answer.status.is_server_error() {
            bail!("POST {path} was answered {answer:?}");
        }
        last = Some(answer);
    }
    bail!("POST {path} never went well: {last:?}")
}

/// Processes the queues and moves the clock until nothing is left to do.
pub async fn settle(app: &TestApp) -> Result<()> {
    let system = app.system();
    for round in 0..ROUNDS {
        while system.step().await? {}
        let hidden = app.depth("uploads").await
            + app.depth("photos").await
            + app.depth("downloads").await
            + app.depth("emails").await
            + app.depth("webhooks").await;
        if hidden == 0 && !anything_due(app).await? {
            return Ok(());
        }
        // Hidden messages become visible by themselves; records without a message need a sweep.
        if hidden == 0 || round % 8 == 7 {
            system.sweep().await?;
        }
        system.advance(STEP);
    }
    // The oracle reports whatever is still in progress.
    Ok(())
}

async fn anything_due(app: &TestApp) -> Result<bool> {
    async fn due<R: JobRecord>(app: &TestApp, variable: &str) -> Result<bool> {
        let table = oracle::table::<R>(app, variable)?;
        for (studio, id) in table.all_due().await? {
            // A download that is only due for a notice, days later, is at rest.
            if table.get(&studio, id).await?.is_some_and(|record| record.work().due_at.is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
    Ok(due::<domain::photo::Photo>(app, "PHOTOS_TABLE").await?
        || due::<domain::download::Download>(app, "DOWNLOADS_TABLE").await?
        || due::<domain::email::Email>(app, "EMAILS_TABLE").await?)
}
