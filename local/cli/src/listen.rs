//! `listen`: prints events as they are listed, and forwards them to a program on this machine, signed like webhooks.

use std::{
    io::{Write as _, stdout},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use api_types::{EventList, EventView};
use bytes::Bytes;
use domain::{event::SETTLED_AFTER, record::first_position, webhook::WebhookSecret};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;

use crate::{
    cli::Listen,
    client::{Answer, Client, Trouble},
};

/// The wait after a page that was the last for now.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// The time that the program has for an answer, as a shop has.
const PATIENCE: Duration = Duration::from_secs(10);
/// The number of consecutive requests that may fail.
const MISSED: u32 = 5;

/// Prints events until the command is stopped, or with `--once` until there are no more.
pub async fn listen(client: &Client, asked: &Listen, json: bool) -> Result<(), Trouble> {
    let forward = asked.forward.as_deref().map(|url| Forward::new(url, asked.secret.as_deref())).transpose()?;
    // An event is listed some seconds after it was written.
    let now = Timestamp::now().checked_sub(SETTLED_AFTER).map_err(anyhow::Error::from)?;
    let mut after = (!asked.all).then(|| first_position(now).to_string());
    let mut missed = 0;
    loop {
        let query = [("limit", Some("200")), ("type", asked.kind.as_deref()), ("after", after.as_deref())];
        let page: Answer<EventList> = match client.get(&["events"], &query).await {
            Ok(page) => page,
            Err(trouble) if trouble.may_pass() && missed < MISSED => {
                missed += 1;
                tokio::time::sleep(POLL_EVERY).await;
                continue;
            }
            Err(trouble) => return Err(trouble),
        };
        missed = 0;
        for event in &page.value.items {
            let answer = match &forward {
                Some(forward) => Some(forward.send(event).await?),
                None => None,
            };
            let line =
                if json { serde_json::to_string(event).map_err(anyhow::Error::from)? } else { line(event, answer) };
            writeln!(stdout().lock(), "{line}").map_err(anyhow::Error::from)?;
        }
        after = page.value.after.map(|after| after.to_string()).or(after);
        if page.value.more {
            continue;
        }
        if asked.once {
            return Ok(());
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// Returns the line of an event, with the answer of the program to which it was forwarded.
fn line(event: &EventView, answer: Option<Result<StatusCode, String>>) -> String {
    let data = &event.data;
    let ids =
        [("photo", data.photo_id), ("order", data.order_id), ("download", data.download_id), ("email", data.email_id)];
    let ids: Vec<_> = ids.iter().filter_map(|(name, id)| Some(format!("{name}={}", (*id)?))).collect();
    let answer = match answer {
        None => String::new(),
        Some(Ok(status)) => format!("  -> {}", status.as_u16()),
        Some(Err(why)) => format!("  -> {why}"),
    };
    format!("{}  {}  {}{answer}", event.timestamp, event.kind, ids.join(" "))
}

/// A program on this machine.
struct Forward {
    url: String,
    secret: Option<WebhookSecret>,
    http: Http<HttpConnector, Full<Bytes>>,
}

impl Forward {
    fn new(url: &str, secret: Option<&str>) -> anyhow::Result<Self> {
        if !url.starts_with("http://") {
            return Err(anyhow!("--forward takes a URL that begins with http://, such as http://localhost:3000/hook"));
        }
        let secret = secret.map(|text| WebhookSecret::parse(text).context("--secret is not of the form whsec_…"));
        let http = Http::builder(TokioExecutor::new()).build_http();
        Ok(Self { url: url.to_owned(), secret: secret.transpose()?, http })
    }

    /// Posts the event as a webhook gets it, and returns the status of the answer, or why there is none.
    async fn send(&self, event: &EventView) -> anyhow::Result<Result<StatusCode, String>> {
        let (id, now) = (event.id.to_string(), Timestamp::now());
        let body = serde_json::to_string(event)?;
        let mut request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.as_second());
        if let Some(secret) = &self.secret {
            request = request.header("webhook-signature", secret.sign(&id, now, &body));
        }
        let request = request.body(Full::from(body)).context("--forward is no URL")?;
        Ok(match tokio::time::timeout(PATIENCE, self.http.request(request)).await {
            Ok(Ok(answer)) => Ok(answer.status()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_elapsed) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> EventView {
        let event = json!({
            "id": "0199e0a0-0000-7000-8000-000000000001", "type": "photo.ready", "timestamp": "2026-11-24T10:00:00Z",
            "studio": "anna", "position": "0199e0a0-0000-7000-8000-000000000001",
            "data": { "status": "ready", "photo_id": "0199e0a0-0000-7000-8000-000000000002", "order_id": null,
                "download_id": null, "email_id": null },
        });
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn event_is_one_line() {
        let expected = "2026-11-24T10:00:00Z  photo.ready  photo=0199e0a0-0000-7000-8000-000000000002";
        assert_eq!(line(&event(), None), expected);
        assert_eq!(line(&event(), Some(Ok(StatusCode::OK))), format!("{expected}  -> 200"));
        assert_eq!(line(&event(), Some(Err("refused".to_owned()))), format!("{expected}  -> refused"));
    }

    #[tokio::test]
    async fn event_is_forwarded_with_a_signature() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let app = axum::Router::new().fallback(async move |headers: http::HeaderMap, body: String| {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            let at = Timestamp::from_second(header("webhook-timestamp").parse().unwrap()).unwrap();
            let expected = WebhookSecret::parse(secret).unwrap().sign(&header("webhook-id"), at, &body);
            if header("webhook-signature") == expected { StatusCode::NO_CONTENT } else { StatusCode::FORBIDDEN }
        });
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let forward = Forward::new(&url, Some(secret)).unwrap();
        assert_eq!(forward.send(&event()).await.unwrap(), Ok(StatusCode::NO_CONTENT));
        server.abort();
        assert!(Forward::new("https://shop.example/", None).is_err());
        assert!(Forward::new("http://localhost/", Some("whsec_?")).is_err());
    }
}
