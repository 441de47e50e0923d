use serde_json::json;
use tests::{TestApp, jpeg};

#[tokio::test(flavor = "multi_thread")]
async fn poison_bodies_neither_delay_nor_duplicate_emails() {
    let app = TestApp::start().await;
    let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "P-1", &[id]).await;
    let new = |n: usize| {
        let to = format!("customer-{n}@example.com");
        json!({ "template": "order_confirmation", "to": to, "data": { "order_id": order } })
    };
    let mut emails = Vec::new();
    for n in 0..10 {
        if n == 5 {
            app.send("emails", "{\"v\":1,\"job\":\"format_disk\"}").await;
            app.send("emails", "not JSON at all").await;
        }
        emails.push(app.post("anna", "/emails", new(n)).await.text("/email/id"));
    }
    for email in &emails {
        app.until("anna", &format!("/emails/{email}"), &["sent"]).await.unwrap();
    }
    app.until_empty("emails").await;
    assert_eq!(app.depth("emails-dlq").await, 2, "both poison bodies are in the DLQ");
    let emails = app.until_emails(10).await;
    let mut to: Vec<_> = emails.iter().map(|email| email.to[0].clone()).collect();
    to.sort();
    to.dedup();
    assert_eq!(to.len(), 10, "each customer got one email");
}

#[tokio::test(flavor = "multi_thread")]
async fn job_for_missing_record_is_acknowledged() {
    let app = TestApp::start().await;
    let nobody = uuid::Uuid::now_v7();
    for (queue, job) in [
        ("photos", json!({ "v": 1, "job": "process_photo", "studio": "anna", "photo": nobody })),
        ("downloads", json!({ "v": 1, "job": "build_archive", "studio": "anna", "download": nobody })),
        ("emails", json!({ "v": 1, "job": "send_email", "studio": "anna", "email": nobody })),
    ] {
        app.send(queue, &job.to_string()).await;
        app.until_empty(queue).await;
        assert_eq!(app.depth(&format!("{queue}-dlq")).await, 0, "{queue}");
    }
}
