//! Authorization: every route of the OpenAPI document, called without a token, as another studio, as the owner, as an
//! operator, and with a customer's token.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{TestApp, jpeg, until::found};

/// A route's status without a token, for another studio, for the owner, for an operator of that studio, and for a
/// customer who sends the token of a link as a bearer token.
type Expected = [u16; 5];

/// Returns the statuses of a route without authorization.
const fn open(status: u16) -> Expected {
    [status; 5]
}

/// Returns the statuses of a route for one record.
const fn record(status: u16) -> Expected {
    [401, 404, status, status, 401]
}

/// Returns the statuses of a route that any studio may call for itself.
const fn studio(status: u16) -> Expected {
    [401, status, status, status, 401]
}

/// Returns the statuses of a route for operators.
const fn operators(status: u16) -> Expected {
    [401, 403, 403, status, 401]
}

struct World {
    app: TestApp,
    photo: String,
    spare: String,
    awaiting: String,
    /// Photo with a multipart upload.
    parts: String,
    /// Photo whose original has arrived: its completion is repeated.
    completed: String,
    order: String,
    download: String,
    email: String,
    webhook: String,
    /// Webhook that is deleted.
    spare_webhook: String,
    delivery: String,
    operation: String,
    failed: String,
    /// Key of a logo.
    logo: String,
    token: String,
    ticket: String,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
        let spare = app.ready_photo("anna", "b.jpg", &jpeg(2, 60, 40)).await;
        let new = json!({ "filename": "c.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
        let awaiting = app.post("anna", "/photos", new).await.text("/photo/id");
        let new = json!({ "filename": "d.jpg", "content_type": "image/jpeg", "size_bytes": 10, "upload": "multipart" });
        let parts = app.post("anna", "/photos", new).await.text("/photo/id");
        let completed = app.ready_photo("anna", "e.jpg", &jpeg(3, 60, 40)).await;
        let order = app.order("anna", "I-1", std::slice::from_ref(&photo)).await;
        let (download, link) = app.download("anna", &order, json!({ "notify": false })).await;
        let new = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": { "order_id": order } });
        let email = app.post("anna", "/emails", new).await.text("/email/id");
        let webhook = app.post("anna", "/webhooks", json!({ "url": "http://127.0.0.1:1/" })).await.text("/webhook/id");
        let spare_webhook =
            app.post("anna", "/webhooks", json!({ "url": "http://127.0.0.1:1/" })).await.text("/webhook/id");
        app.ready_photo("anna", "f.jpg", &jpeg(4, 60, 40)).await;
        let path = format!("/webhooks/{webhook}/deliveries");
        let listed = || async { Some(app.get("anna", &path).await.text("/items/0/id")).filter(|id| !id.is_empty()) };
        let delivery = found(listed).await.unwrap();
        let operation = app.post("anna", "/photos/process", json!({ "which": "failed" })).await.text("/operation/id");
        let bad = app.upload("anna", "bad.jpg", "image/jpeg", b"no photo at all").await.unwrap();
        app.until("anna", &format!("/photos/{bad}"), &["failed"]).await.unwrap();
        let token = link.rsplit('/').next().unwrap().to_owned();
        let ticket = app.ticket(&link).await.unwrap().rsplit('/').next().unwrap().to_owned();
        let download = download.id.to_string();
        let failed = format!("anna:{bad}");
        let logo = format!("logos/anna/{}.png", "0".repeat(64));
        app.s3().put_object().bucket("photos").key(&logo).body(b"a PNG".to_vec().into()).send().await.unwrap();
        Self {
            app,
            photo,
            spare,
            awaiting,
            parts,
            completed,
            order,
            download,
            email,
            webhook,
            spare_webhook,
            delivery,
            operation,
            failed,
            logo,
            token,
            ticket,
        }
    }

    /// Returns the table: method, path as documented, path as called, body, expected statuses. Rows that change data
    /// come last.
    fn routes(&self) -> Vec<(Method, &'static str, String, Option<Value>, Expected)> {
        let Self {
            photo,
            spare,
            awaiting,
            parts,
            completed,
            order,
            download,
            email,
            webhook,
            spare_webhook,
            delivery,
            operation,
            failed,
            logo,
            token,
            ticket,
            ..
        } = self;
        let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
        let new_photo = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 10 });
        let customer = json!({ "name": "E", "email": "e@example.com" });
        let new_order = json!({ "reference": "R", "customer": customer, "photo_ids": [photo] });
        let new_email =
            json!({ "template": "order_confirmation", "to": "e@example.com", "data": { "order_id": order } });
        // The ids belong to another studio, so the field is refused.
        let others_ids = [401, 422, 201, 201, 401];
        vec![
            (get.clone(), "/health", "/health".into(), None, open(200)),
            (get.clone(), "/console", "/console".into(), None, open(200)),
            (get.clone(), "/console/{file}", "/console/app.js".into(), None, open(200)),
            (get.clone(), "/console/config.json", "/console/config.json".into(), None, open(200)),
            (get.clone(), "/openapi.json", "/openapi.json".into(), None, open(200)),
            (get.clone(), "/d/{token}", format!("/d/{token}"), None, open(200)),
            (post.clone(), "/d/{token}", format!("/d/{token}"), None, open(303)),
            (get.clone(), "/d/{token}/photo/{number}", format!("/d/{token}/photo/1"), None, open(200)),
            (post.clone(), "/d/{token}/photo/{number}", format!("/d/{token}/photo/1"), None, open(303)),
            (post.clone(), "/d/{token}/renew", format!("/d/{token}/renew"), None, open(303)),
            (post.clone(), "/d/{token}/size", format!("/d/{token}/size"), None, open(404)),
            (post.clone(), "/d/{token}/pin", format!("/d/{token}/pin"), None, open(415)),
            (get.clone(), "/d/{token}/file/{ticket}", format!("/d/{token}/file/{ticket}"), None, open(303)),
            (get.clone(), "/photos", "/photos".into(), None, studio(200)),
            (post.clone(), "/photos", "/photos".into(), Some(new_photo.clone()), studio(201)),
            (
                post.clone(),
                "/photos/batch",
                "/photos/batch".into(),
                Some(json!({ "photos": [new_photo] })),
                studio(201),
            ),
            (get.clone(), "/photos/{id}", format!("/photos/{photo}"), None, record(200)),
            (post.clone(), "/photos/{id}/upload", format!("/photos/{awaiting}/upload"), None, record(200)),
            (get.clone(), "/photos/{id}/upload", format!("/photos/{parts}/upload"), None, record(200)),
            (
                get.clone(),
                "/photos/{id}/upload/parts",
                format!("/photos/{parts}/upload/parts?numbers=1"),
                None,
                record(200),
            ),
            (
                post.clone(),
                "/photos/{id}/upload/sign",
                format!("/photos/{parts}/upload/sign"),
                Some(json!({ "method": "PUT" })),
                record(200),
            ),
            (
                post.clone(),
                "/photos/{id}/upload/complete",
                format!("/photos/{completed}/upload/complete"),
                Some(json!({ "parts": [{ "part_number": 1, "etag": "e" }] })),
                record(200),
            ),
            (delete.clone(), "/photos/{id}/upload", format!("/photos/{parts}/upload"), None, record(204)),
            (get.clone(), "/orders", "/orders".into(), None, studio(200)),
            (post.clone(), "/orders", "/orders".into(), Some(new_order), others_ids),
            (get.clone(), "/orders/{id}", format!("/orders/{order}"), None, record(200)),
            (
                post.clone(),
                "/orders/{id}/downloads",
                format!("/orders/{order}/downloads"),
                Some(json!({})),
                record(202),
            ),
            (get.clone(), "/downloads", "/downloads".into(), None, studio(200)),
            (get.clone(), "/downloads/{id}", format!("/downloads/{download}"), None, record(200)),
            (post.clone(), "/emails", "/emails".into(), Some(new_email), [401, 422, 202, 202, 401]),
            (
                post.clone(),
                "/emails/preview",
                "/emails/preview".into(),
                Some(json!({ "template": "download_ready" })),
                studio(200),
            ),
            (get.clone(), "/emails", "/emails?status=sent".into(), None, studio(200)),
            (get.clone(), "/emails/{id}", format!("/emails/{email}"), None, record(200)),
            (get.clone(), "/events", "/events".into(), None, studio(200)),
            (get.clone(), "/webhooks", "/webhooks".into(), None, studio(200)),
            (post.clone(), "/webhooks", "/webhooks".into(), Some(json!({ "url": "http://127.0.0.1:1/" })), studio(201)),
            (get.clone(), "/webhooks/{id}", format!("/webhooks/{webhook}"), None, record(200)),
            (post.clone(), "/webhooks/{id}/rotate", format!("/webhooks/{webhook}/rotate"), None, record(200)),
            (post.clone(), "/webhooks/{id}/enable", format!("/webhooks/{webhook}/enable"), None, record(200)),
            (
                post.clone(),
                "/webhooks/{id}/replay",
                format!("/webhooks/{webhook}/replay"),
                Some(json!({ "since": "2026-07-18T00:00:00Z" })),
                record(202),
            ),
            (get.clone(), "/webhooks/{id}/deliveries", format!("/webhooks/{webhook}/deliveries"), None, record(200)),
            (
                post.clone(),
                "/webhooks/{id}/deliveries/{delivery}/retry",
                format!("/webhooks/{webhook}/deliveries/{delivery}/retry"),
                None,
                record(202),
            ),
            (delete.clone(), "/webhooks/{id}", format!("/webhooks/{spare_webhook}"), None, [401, 404, 204, 404, 401]),
            (get.clone(), "/operations/{id}", format!("/operations/{operation}"), None, record(200)),
            (
                post.clone(),
                "/imports",
                "/imports".into(),
                Some(json!({ "studio": "anna", "source": "bucket", "prefix": "none/" })),
                operators(202),
            ),
            (get.clone(), "/studio", "/studio".into(), None, studio(200)),
            (put.clone(), "/studio", "/studio".into(), Some(json!({ "name": "S" })), studio(200)),
            (get.clone(), "/studios/{studio}/limits", "/studios/carla/limits".into(), None, operators(200)),
            (
                put.clone(),
                "/studios/{studio}/limits",
                "/studios/carla/limits".into(),
                Some(json!({ "emails_a_day": 5 })),
                operators(200),
            ),
            (
                post.clone(),
                "/studios/{studio}/suppressions/lift",
                "/studios/carla/suppressions/lift".into(),
                Some(json!({ "email": "eva@example.com" })),
                operators(200),
            ),
            (
                post.clone(),
                "/studio/logo",
                "/studio/logo".into(),
                Some(json!({ "content_type": "image/png", "size_bytes": 10 })),
                studio(201),
            ),
            (delete.clone(), "/studio/logo", "/studio/logo".into(), None, studio(204)),
            (get.clone(), "/logos/{studio}/{file}", format!("/{logo}"), None, open(200)),
            (get.clone(), "/orphans", "/orphans".into(), None, operators(200)),
            (
                post.clone(),
                "/orphans",
                "/orphans".into(),
                Some(json!({ "action": "delete", "keys": ["originals/none"] })),
                operators(200),
            ),
            (get.clone(), "/queues", "/queues".into(), None, operators(200)),
            (get.clone(), "/queues/{queue}/failed", "/queues/photos/failed".into(), None, operators(200)),
            (get.clone(), "/queues/{queue}/jobs", "/queues/photos/jobs?state=running".into(), None, operators(200)),
            (get.clone(), "/queues/{queue}/metrics", "/queues/photos/metrics?period=24h".into(), None, operators(200)),
            (post.clone(), "/queues/{queue}/pause", "/queues/webhooks/pause".into(), None, operators(200)),
            (post.clone(), "/queues/{queue}/resume", "/queues/webhooks/resume".into(), None, operators(200)),
            (get.clone(), "/jobs/{studio}/{id}", format!("/jobs/anna/{photo}"), None, operators(200)),
            (get.clone(), "/studios", "/studios".into(), None, operators(200)),
            (get.clone(), "/studios/{studio}/orders", "/studios/anna/orders?reference=R".into(), None, operators(200)),
            (
                post.clone(),
                "/queues/{queue}/failed/retry",
                "/queues/emails/failed/retry".into(),
                Some(json!({ "all": true })),
                operators(202),
            ),
            (
                delete.clone(),
                "/queues/{queue}/failed/{id}",
                format!("/queues/photos/failed/{failed}"),
                None,
                operators(200),
            ),
            (delete.clone(), "/queues/{queue}/failed", "/queues/photos/failed?all=true".into(), None, operators(202)),
            (
                post.clone(),
                "/photos/process",
                "/photos/process".into(),
                Some(json!({ "which": "failed" })),
                studio(202),
            ),
            // The operator's request arrives while the studio's own request is in progress or done.
            (
                post.clone(),
                "/photos/{id}/process",
                format!("/photos/{photo}/process"),
                Some(json!({ "queue": false })),
                record(200),
            ),
            (
                post.clone(),
                "/downloads/{id}/retry",
                format!("/downloads/{download}/retry"),
                Some(json!({ "queue": false })),
                record(200),
            ),
            (
                post.clone(),
                "/downloads/{id}/renew",
                format!("/downloads/{download}/renew"),
                Some(json!({ "queue": false })),
                record(200),
            ),
            (
                post.clone(),
                "/downloads/{id}/notify",
                format!("/downloads/{download}/notify"),
                Some(json!({})),
                record(202),
            ),
            (
                put.clone(),
                "/downloads/{id}/pin",
                format!("/downloads/{download}/pin"),
                Some(json!({ "pin": "123456" })),
                record(200),
            ),
            (delete.clone(), "/downloads/{id}", format!("/downloads/{download}"), None, record(200)),
            (
                post,
                "/customers/erase",
                "/customers/erase".into(),
                Some(json!({ "email": "nobody@example.com" })),
                studio(202),
            ),
            (delete.clone(), "/orders/{id}", format!("/orders/{order}"), None, record(204)),
            (delete, "/photos/{id}", format!("/photos/{spare}"), None, [401, 404, 204, 404, 401]),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_route_treats_identities_as_the_table_says() {
    let world = World::new().await;
    let app = &world.app;
    let identities = [None, Some("dev:berta"), Some("dev:anna"), Some("dev:anna:operator"), Some(world.token.as_str())];
    let routes = world.routes();
    for (method, _, path, body, expected) in &routes {
        for (identity, expected) in identities.iter().zip(expected) {
            let mut request = app.http().request(method.clone(), format!("{}{path}", app.api()));
            if let Some(identity) = identity {
                request = request.header("authorization", format!("Bearer {identity}"));
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let said = answer.text().await.unwrap();
            assert_eq!(status.as_u16(), *expected, "{method} {path} as {identity:?}: {said}");
        }
    }
    let covered: BTreeSet<_> = routes.iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    assert_eq!(covered, documented(app).await, "each route has a row and each row a route");
}

async fn documented(app: &TestApp) -> BTreeSet<String> {
    let document = app.http().get(format!("{}/openapi.json", app.api())).send().await.unwrap();
    assert_eq!(document.status(), StatusCode::OK);
    let document: Value = document.json().await.unwrap();
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect()
}
