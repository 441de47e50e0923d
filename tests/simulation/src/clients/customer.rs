//! Customers: open the page behind their link and fetch the files, from several devices at once.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header::LOCATION};
use serde_json::Value;

use super::Clients;
use crate::{
    faults::ServiceName,
    gateway::{Answer, Call},
    truth::KnownDownload,
};

/// Time that some customers leave the page open before they press the button again. Their ticket has expired by then.
const LEFT_OPEN: Duration = Duration::from_secs(2 * 3600);

/// Use that somebody makes of a link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    /// Fetches all files.
    Archive,
    /// Fetches the first photo.
    Photo,
    /// Fetches with a ticket that has expired, as a browser does that restores an old tab.
    OldTicket,
    /// Opens the link and submits its form, as email scanners do, but fetches nothing.
    Scanner,
    /// Asks for a new link, which a link that works does not give.
    AsksForRenewal,
    /// Chooses the other size of the photos.
    OtherSize,
    /// Has the link only, and guesses the PIN if there is one.
    Guesses,
}

pub async fn fetch(clients: &Clients, download: usize, times: usize) {
    let Some(known) = clients.truth.facts().downloads.get(&download).cloned() else { return };
    let visits = [
        Visit::Archive,
        Visit::Scanner,
        Visit::Photo,
        Visit::AsksForRenewal,
        Visit::OtherSize,
        Visit::Archive,
        Visit::OldTicket,
        Visit::Guesses,
    ];
    let requests = visits.into_iter().cycle().skip(download).take(times).map(|visit| one(clients, &known, visit));
    futures::future::join_all(requests).await;
}

async fn one(clients: &Clients, known: &KnownDownload, visit: Visit) {
    clients.ask(call(Method::GET, known.link.clone())).await;
    let link = match known.pin {
        Some(_) if visit == Visit::Guesses => return guess(clients, known).await,
        Some(pin) => match enter(clients, known, pin).await {
            Some(link) => link,
            None => return,
        },
        None => known.link.clone(),
    };
    let form = match visit {
        Visit::Photo => format!("{link}/photo/1"),
        Visit::AsksForRenewal => format!("{link}/renew"),
        Visit::OtherSize => format!("{link}/size"),
        Visit::Archive | Visit::OldTicket | Visit::Scanner | Visit::Guesses => link.clone(),
    };
    let Some(ticket) = redirect(clients, known, call(Method::POST, form)).await else { return };
    if let Visit::AsksForRenewal | Visit::OtherSize = visit {
        return;
    }
    // Tickets are absolute URLs of the deployment.
    let Some(at) = ticket.find(&link) else {
        clients.gateway.cloud.violated(format!("The form of download {} led to {ticket}", known.id));
        return;
    };
    match visit {
        Visit::Scanner | Visit::Guesses | Visit::AsksForRenewal | Visit::OtherSize => return,
        Visit::OldTicket => tokio::time::sleep(LEFT_OPEN).await,
        Visit::Archive | Visit::Photo => {}
    }
    let cloud = &clients.gateway.cloud;
    if visit != Visit::OldTicket {
        clients.truth.facts().fetches.entry(known.id).or_default().push(cloud.time.now());
    }
    let Some(location) = redirect(clients, known, call(Method::GET, ticket[at..].to_owned())).await else { return };
    if visit == Visit::OldTicket {
        cloud.violated(format!("An expired ticket opened download {}", known.id));
    }
    let Ok(request) = Request::builder().uri(location).body(Bytes::new()) else { return };
    let file = cloud.apply("customer", ServiceName::S3, &request);
    let may_be_gone = clients.truth.facts().erasures.contains(&known.order);
    if file.status() != StatusCode::OK && !may_be_gone {
        let (status, text) = (file.status(), String::from_utf8_lossy(file.body()).into_owned());
        cloud.violated(format!("The file of download {} was answered {status}: {text}", known.id));
    }
}

/// Enters the PIN, and returns the link that then opens the page.
async fn enter(clients: &Clients, known: &KnownDownload, pin: &str) -> Option<String> {
    let form = Call { body: format!("pin={pin}").into(), ..call(Method::POST, format!("{}/pin", known.link)) };
    let page = redirect(clients, known, form).await?;
    let link = page.find(&known.link).map(|at| page[at..].to_owned());
    if link.is_none() {
        clients.gateway.cloud.violated(format!("The PIN of download {} led to {page}", known.id));
    }
    clients.truth.facts().pins_entered += 1;
    link
}

/// Tries to get in without the PIN.
async fn guess(clients: &Clients, known: &KnownDownload) {
    let wrong = Call { body: "pin=000000".into(), ..call(Method::POST, format!("{}/pin", known.link)) };
    for form in [call(Method::POST, known.link.clone()), call(Method::POST, format!("{}/photo/1", known.link)), wrong] {
        if let Some(opened) = redirect(clients, known, form).await {
            clients.gateway.cloud.violated(format!("Download {} was opened without its PIN: {opened}", known.id));
        }
    }
}

fn call(method: Method, path: String) -> Call {
    Call { method, path, body: Value::Null, key: None, studio: None, operator: false }
}

/// Sends a request once, as a browser does, and returns where its response leads to.
async fn redirect(clients: &Clients, known: &KnownDownload, call: Call) -> Option<String> {
    let cloud = &clients.gateway.cloud;
    let is_quiet = !cloud.state().faults.may_fail();
    clients.truth.facts().requests += 1;
    let Answer { status, headers, text, .. } = clients.gateway.send(&call).await?;
    match status {
        StatusCode::SEE_OTHER => headers.get(LOCATION).and_then(|location| location.to_str().ok()).map(str::to_owned),
        StatusCode::SERVICE_UNAVAILABLE if !is_quiet => None,
        StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::GONE => None,
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS if known.pin.is_some() => None,
        // Not all photos of the order have previews.
        StatusCode::UNPROCESSABLE_ENTITY if call.path.ends_with("/size") => None,
        _ => {
            cloud.violated(format!("A fetch of download {} was answered {status}: {text}", known.id));
            None
        }
    }
}
