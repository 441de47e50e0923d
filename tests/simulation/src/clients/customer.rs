//! Customers: open the page behind their link and fetch the files, from several devices at once.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header::LOCATION};
use serde_json::Value;

use super::Clients;
use crate::{faults::ServiceName, gateway::Call, truth::KnownDownload};

pub async fn fetch(clients: &Clients, download: usize, times: usize) {
    let Some(known) = clients.truth.facts().downloads.get(&download).cloned() else { return };
    let requests = (0..times).map(|_| one(clients, &known));
    futures::future::join_all(requests).await;
}

async fn one(clients: &Clients, known: &KnownDownload) {
    let call =
        |method| Call { method, path: known.link.clone(), body: Value::Null, key: None, studio: None, operator: false };
    clients.ask(call(Method::GET)).await;
    let cloud = &clients.gateway.cloud;
    let is_quiet = !cloud.state().faults.may_fail();
    // A browser sends the form once.
    clients.truth.facts().requests += 1;
    clients.truth.facts().fetches.entry(known.id).or_default().push(cloud.time.now());
    let Some(answer) = clients.gateway.send(&call(Method::POST)).await else { return };
    match answer.status {
        StatusCode::SEE_OTHER => {}
        StatusCode::SERVICE_UNAVAILABLE if !is_quiet => return,
        StatusCode::OK | StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::GONE => return,
        status => {
            cloud.violated(format!("A fetch of download {} was answered {status}: {}", known.id, answer.text));
            return;
        }
    }
    let location = answer.headers.get(LOCATION).and_then(|location| location.to_str().ok()).unwrap_or_default();
    let Ok(request) = Request::builder().uri(location).body(Bytes::new()) else { return };
    let file = cloud.apply("customer", ServiceName::S3, &request);
    let may_be_gone = clients.truth.facts().erasures.contains(&known.order);
    if file.status() != StatusCode::OK && !may_be_gone {
        let (status, text) = (file.status(), String::from_utf8_lossy(file.body()).into_owned());
        cloud.violated(format!("The file of download {} was answered {status}: {text}", known.id));
    }
}
