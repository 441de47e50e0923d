//! The customer's page: every response below a link, the way to a file, PINs, new links, sizes and selections.

mod door;
mod pin;
mod renewal;
mod selection;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tests::{TestApp, jpeg};

/// A download of `count` photos with these terms: the app, the order, the download's id and its link.
async fn delivered(count: u32, terms: Value) -> (TestApp, String, String, String) {
    delivered_by(TestApp::start().await, count, terms).await
}

async fn delivered_by(app: TestApp, count: u32, terms: Value) -> (TestApp, String, String, String) {
    let mut photos = Vec::new();
    for n in 1..=count {
        photos.push(app.ready_photo("anna", &format!("{n}.jpg"), &jpeg(n, 60, 40)).await);
    }
    let order = app.order("anna", "D-1", &photos).await;
    let (download, link) = app.download("anna", &order, terms).await;
    (app, order, download.id.to_string(), link)
}

/// Sends a request as a browser does.
async fn browse(app: &TestApp, method: Method, url: &str, form: Option<&str>) -> Response {
    let mut request = app.http().request(method, url).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    if let Some(form) = form {
        request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
    }
    request.send().await.unwrap()
}

/// Returns status and page of a response, which must be a page.
async fn page(response: Response) -> (u16, String) {
    let (status, media_type) = (response.status().as_u16(), response.headers()["content-type"].clone());
    assert_eq!(media_type, "text/html; charset=utf-8", "{status}");
    (status, response.text().await.unwrap())
}

/// Returns where a response leads to.
fn location(response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// Returns the download's record as the API shows it.
async fn shown(app: &TestApp, download: &str) -> Value {
    app.get("anna", &format!("/downloads/{download}")).await.body
}

fn quiet() -> Value {
    json!({ "notify": false })
}
