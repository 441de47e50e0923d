//! Failed jobs: listed with their reason and retried, by the API and by the command.

use std::time::Duration;

use api_types::{FailedJobPage, FailedKind, QueueView, StudioLoads, Verdict};
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Parser as _;
use darkroom::Cli;
use domain::{operation::Operation, queue_config::QueueName};
use futures::{StreamExt as _, stream};
use reqwest::StatusCode;
use runtime::clock::Clock;
use serde_json::{Value, json};
use tests::{TestApp, campaigns::Stops, jpeg, oracle::table};

/// The environment variable with the number of dead letters, by default 3,000: more than a run of nine seconds reads.
const LETTERS: &str = "DARKROOM_LETTERS";

/// Starts a system that cannot send emails: each email fails after its last attempt.
async fn with_broken_emails() -> TestApp {
    TestApp::with(|options| {
        options.set("email-sender", "ORDERS_TABLE", "no-such-table");
        options.set("email-sender", "RETRY_BACKOFF_SECONDS", "0");
    })
    .await
}

async fn mended(app: &mut TestApp) {
    app.restart(|options| options.overrides.clear()).await;
}

async fn order(app: &TestApp, studio: &str) -> String {
    let photo = app.ready_photo(studio, "a.jpg", &jpeg(1, 60, 40)).await;
    app.order(studio, "D-1", &[photo]).await
}

async fn email(app: &TestApp, studio: &str, order: &str, to: &str) -> String {
    let new = json!({ "template": "order_confirmation", "to": to, "data": { "order_id": order } });
    app.post(studio, "/emails", new).await.text("/email/id")
}

async fn queue(app: &TestApp, name: QueueName) -> QueueView {
    app.operator().queues().await.into_iter().find(|queue| queue.queue == name).unwrap()
}

async fn failed(app: &TestApp, path: &str) -> FailedJobPage {
    app.operator().get(path).await.view()
}

/// Returns the output of the command, and its exit code.
async fn darkroom(app: &TestApp, arguments: &[&str]) -> (String, u8) {
    let cli = ["darkroom", "--api", app.api(), "--token", "dev:ops:operator"];
    let cli = Cli::try_parse_from(cli.iter().chain(arguments)).unwrap();
    let outcome = darkroom::run(&cli).await;
    (format!("{}{}", outcome.output, outcome.complaint), outcome.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_jobs_are_listed_and_retried_after_repair() {
    let mut app = with_broken_emails().await;
    let (annas, bertas) = (order(&app, "anna").await, order(&app, "berta").await);
    let by_api = email(&app, "anna", &annas, "one@example.com").await;
    let by_command = email(&app, "berta", &bertas, "two@example.com").await;
    for (studio, email) in [("anna", &by_api), ("berta", &by_command)] {
        let failed = app.until(studio, &format!("/emails/{email}"), &["failed"]).await.unwrap();
        assert_eq!(failed["error"]["code"], "tries_exhausted");
    }
    app.until_empty("emails").await;

    let seen = queue(&app, QueueName::Emails).await;
    assert_eq!((seen.failed, seen.dead_letters, seen.verdict), (2, 2, Verdict::Failing));
    assert_eq!(queue(&app, QueueName::Photos).await.verdict, Verdict::Ok);
    let (said, code) = darkroom(&app, &["queues"]).await;
    assert!(code == 1 && said.contains("failing"), "{said}");

    let list = app.operator().failed("emails").await;
    assert_eq!(list.items.len(), 2, "{list:?}");
    for item in &list.items {
        assert_eq!((item.kind, item.job.as_deref(), item.tries), (FailedKind::Record, Some("send_email"), 3));
        assert_eq!((item.error.code.as_str(), item.dead_letters), ("tries_exhausted", 1));
        assert!(item.cause.as_ref().unwrap().contains("Failed to read"), "{item:?}");
        assert!(Some(item.first_failed_at) <= item.last_failed_at, "{item:?}");
    }
    assert_eq!(list.groups.unwrap()[0].count, 2);
    assert_eq!(failed(&app, "/queues/emails/failed?studio=anna").await.items.len(), 1);
    assert_eq!(failed(&app, "/queues/emails/failed?error=another").await.items.len(), 0);
    let (said, code) = darkroom(&app, &["failed", "emails"]).await;
    assert!(code == 0 && said.contains("tries_exhausted") && said.contains(&by_api), "{said}");

    mended(&mut app).await;
    let id = format!("anna:{by_api}");
    let retried = app.operator().post("/queues/emails/failed/retry", json!({ "ids": [id] })).await;
    assert_eq!((retried.status, &retried.body), (StatusCode::OK, &json!({ "retried": [id], "skipped": [] })));
    app.until("anna", &format!("/emails/{by_api}"), &["sent"]).await.unwrap();
    let (said, code) = darkroom(&app, &["retry", "emails", &format!("berta:{by_command}")]).await;
    assert_eq!(code, 0, "{said}");
    app.until("berta", &format!("/emails/{by_command}"), &["sent"]).await.unwrap();
    app.until_emails(2).await;

    let well = queue(&app, QueueName::Emails).await;
    assert_eq!((well.failed, well.dead_letters, well.verdict), (0, 0, Verdict::Ok), "{well:?}");
    assert_eq!(darkroom(&app, &["queues"]).await.1, 0);
    let again = app.operator().post("/queues/emails/failed/retry", json!({ "ids": [id] })).await;
    assert_eq!(again.body["skipped"][0]["id"], json!(id), "it has not failed any more");
    app.until_emails(2).await;
}

/// Creates `count` emails that fail, then removes the cause.
async fn failed_emails(mut app: TestApp, count: usize) -> TestApp {
    let order = order(&app, "anna").await;
    for n in 0..count {
        email(&app, "anna", &order, &format!("customer-{n}@example.com")).await;
    }
    app.until_empty("emails").await;
    assert_eq!(queue(&app, QueueName::Emails).await.failed, count as u64);
    mended(&mut app).await;
    app
}

/// Retries the selected jobs, and checks that each customer gets one email.
async fn retry_all(app: &TestApp, selection: Value, count: usize) {
    let begun = app.operator().post("/queues/emails/failed/retry", selection).await;
    let ended = app.until_done("ops", &begun).await;
    assert_eq!(ended["done"], count, "{ended}");
    app.until_empty("emails").await;
    let emails = app.until_emails(count).await;
    let mut to: Vec<_> = emails.iter().map(|email| email.to[0].clone()).collect();
    to.sort();
    to.dedup();
    assert_eq!(to.len(), count, "each customer got one email");
    let well = queue(app, QueueName::Emails).await;
    assert_eq!((well.failed, well.dead_letters, well.verdict), (0, 0, Verdict::Ok), "{well:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_failed_jobs_retry_once_by_error() {
    /// More jobs than an operation processes per step (`PAGE` in `functions/housekeeper/src/operations/paging.rs`), than a
    /// page of 50, and than a request counts (`FEW` in `shared/domain/src/job_counts.rs`).
    const COUNT: usize = 210;
    let app = TestApp::with(|options| {
        options.set("email-sender", "MAIL_FROM", "nobody");
    });
    let app = failed_emails(app.await, COUNT).await;
    let mut listed = Vec::new();
    let mut path = "/queues/emails/failed?limit=50".to_owned();
    loop {
        let page = failed(&app, &path).await;
        listed.extend(page.items.into_iter().map(|item| item.id));
        let Some(cursor) = page.next_cursor else { break };
        path = format!("/queues/emails/failed?limit=50&cursor={cursor}");
    }
    listed.sort();
    listed.dedup();
    assert_eq!(listed.len(), COUNT, "each is on one page");
    let first = failed(&app, "/queues/emails/failed").await;
    assert_eq!(first.groups.unwrap()[0].count, COUNT as u64);
    app.system().sweep().await.unwrap();
    app.until_empty("default").await;
    let counted = failed(&app, "/queues/emails/failed").await;
    let at = counted.groups_counted_at.expect("counted by the sweep");
    assert_eq!((counted.groups.unwrap()[0].count, counted.items.len()), (COUNT as u64, 50));
    assert_eq!(failed(&app, "/queues/emails/failed?error=another").await.groups.unwrap().len(), 0);
    assert_eq!(failed(&app, "/queues/emails/failed?studio=berta").await.groups.unwrap().len(), 0);
    let seen = queue(&app, QueueName::Emails).await;
    assert_eq!((seen.failed, seen.failed_counted_at, seen.verdict), (COUNT as u64, Some(at), Verdict::Failing));
    let loads: StudioLoads = app.operator().get("/studios").await.view();
    assert_eq!((loads.items[0].failed, loads.counted_at, loads.complete), (COUNT as u64, Some(at), true));
    let none = app.operator().post("/queues/emails/failed/retry", json!({ "error": "another" })).await;
    assert_eq!(app.until_done("ops", &none).await["done"], 0);
    retry_all(&app, json!({ "error": "refused_by_ses" }), COUNT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retried_dead_letters_leave_none_behind() {
    let app = failed_emails(with_broken_emails().await, 40).await;
    assert_eq!(queue(&app, QueueName::Emails).await.dead_letters, 40);
    retry_all(&app, json!({ "all": true, "studio": "anna" }), 40).await;
}

/// The API stops at each of its await points in turn; then the operator's request is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn interrupted_repeated_retry_sends_each_email_once() {
    const MOST_WAITS: usize = 60;
    let stops = Stops::default();
    let app = TestApp::with(|options| {
        options.set("email-sender", "MAIL_FROM", "nobody");
        options.layer = Some(stops.layer());
        options.clock = Clock::movable();
    });
    let app = failed_emails(app.await, MOST_WAITS).await;
    let listed = failed(&app, "/queues/emails/failed?limit=200").await.items;
    assert_eq!(listed.len(), MOST_WAITS);
    let mut retried = 0;
    for (waits, item) in listed.iter().enumerate() {
        let body = json!({ "ids": [item.id] });
        let operator = app.operator();
        let ask = || operator.post_keyed("/queues/emails/failed/retry", &item.id, body.clone());
        stops.aim("api", 1, waits);
        let mut answer = ask().await;
        retried += 1;
        if stops.struck() {
            app.system().advance(Duration::from_secs(31));
            answer = ask().await;
        }
        assert_eq!(answer.body["retried"], json!([item.id]), "wait {waits}: {answer:?}");
        if !stops.struck() {
            break;
        }
    }
    assert!((5..MOST_WAITS).contains(&retried), "{retried}");
    app.until_empty("emails").await;
    app.until_emails(retried).await;
    assert_eq!(queue(&app, QueueName::Emails).await.failed, (MOST_WAITS - retried) as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_records_and_invalid_messages_can_be_forgotten() {
    let app = TestApp::start().await;
    let bad = app.upload("anna", "bad.jpg", "image/jpeg", b"no photo at all").await.unwrap();
    let worse = app.upload("berta", "worse.jpg", "image/jpeg", b"no photo either").await.unwrap();
    app.until("anna", &format!("/photos/{bad}"), &["failed"]).await.unwrap();
    app.until("berta", &format!("/photos/{worse}"), &["failed"]).await.unwrap();
    app.send("photos", "not JSON at all").await;
    app.send("photos", &json!({ "v": 9, "job": "process_photo" }).to_string()).await;
    app.send("photos", &json!({ "v": 1, "job": "send_email", "studio": "anna", "email": bad }).to_string()).await;
    app.until_empty("photos").await;
    assert_eq!(app.depth("photos-dlq").await, 3);

    let listed = app.operator().failed("photos").await.items;
    let codes: Vec<_> = listed.iter().map(|item| item.error.code.as_str()).collect();
    assert_eq!(listed.len(), 5, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "undecodable").count(), 2, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "wrong_queue").count(), 1, "{codes:?}");
    assert_eq!(listed.iter().filter(|item| item.kind == FailedKind::Record).count(), 2);
    // Reading the list moves no message, however often.
    for _ in 0..10 {
        assert_eq!(app.operator().failed("photos").await.items.len(), 5);
    }
    assert_eq!(app.depth("photos-dlq").await, 3);

    // A retried message fails again, and is not lost.
    let message = &listed.iter().find(|item| item.error.code == "wrong_queue").unwrap().id;
    let retried = app.operator().post("/queues/photos/failed/retry", json!({ "ids": [message] })).await;
    assert_eq!(retried.body["retried"], json!([message]), "{retried:?}");
    app.until_empty("photos").await;
    assert_eq!(app.depth("photos-dlq").await, 3);

    let path = format!("/queues/photos/failed/anna:{bad}");
    assert_eq!(app.operator().delete(&path).await.body, json!({ "forgotten": format!("anna:{bad}") }));
    assert_eq!(app.operator().delete(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.get("anna", &format!("/photos/{bad}")).await.body["status"], "failed", "it stays failed");
    let undecodable = app.operator().delete("/queues/photos/failed?error=undecodable").await;
    assert_eq!(app.until_done("ops", &undecodable).await["done"], 2);
    assert_eq!(app.operator().failed("photos").await.items.len(), 2);
    let (said, code) = darkroom(&app, &["forget", "photos", "--all"]).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(app.operator().failed("photos").await.items.len(), 0);
    assert_eq!((app.depth("photos-dlq").await, queue(&app, QueueName::Photos).await.verdict), (0, Verdict::Ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_selection_is_refused_and_restarts_nothing() {
    let app = TestApp::start().await;
    let too_many: Vec<_> = (0..101).map(|n| format!("anna:{}", uuid::Uuid::from_u128(n))).collect();
    for body in [
        json!({}),
        json!({ "all": false }),
        json!({ "all": true, "error": "x" }),
        json!({ "ids": [] }),
        json!({ "ids": ["nonsense"] }),
        json!({ "ids": too_many }),
        json!({ "ids": ["anna:00000000-0000-0000-0000-000000000007"], "all": true }),
        json!({ "ids": ["anna:00000000-0000-0000-0000-000000000007"], "studio": "anna" }),
        json!({ "all": true, "studio": "Not a studio" }),
        json!({ "everything": true }),
    ] {
        let refused = app.operator().post("/queues/emails/failed/retry", body.clone()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {refused:?}");
        assert!(!refused.text("/field").is_empty(), "{body}: {refused:?}");
    }
    for query in ["", "?all=false", "?all=true&error=x", "?all=maybe", "?al=true", "?all=true&studio=_"] {
        let refused = app.operator().delete(&format!("/queues/emails/failed{query}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {refused:?}");
    }
    // A cursor that no list has returned: it is in the year 2100.
    let future = "?cursor=NDEwMjQ0NDgwMDAwMC9hbm5hLzAxOTAwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMA";
    for query in [future, "?limit=0", "?limit=201", "?limit=x", "?cursor=x", "?cursor=", "?studio=A", "?what=now"] {
        let refused = app.operator().get(&format!("/queues/emails/failed{query}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {refused:?}");
    }
    for path in ["/queues/mails/failed", "/queues/x/failed?limit=1"] {
        assert_eq!(app.operator().get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

/// A few selected letters are behind many others, while another operator lists the queue all the time.
#[tokio::test(flavor = "multi_thread")]
async fn few_selected_dead_letters_are_found_during_listing() {
    let app = TestApp::start().await;
    let wrong = json!({ "v": 1, "job": "process_photo", "studio": "anna", "photo": uuid::Uuid::nil() }).to_string();
    for n in 0..250 {
        app.send("emails-dlq", if n % 50 == 49 { "no job" } else { &wrong }).await;
    }
    let flush = async {
        let begun = app.operator().delete("/queues/emails/failed?error=undecodable").await;
        app.until_done("ops", &begun).await
    };
    let look = async {
        for _ in 0..5 {
            app.operator().failed("emails").await;
        }
    };
    let (ended, ()) = tokio::join!(flush, look);
    assert_eq!(ended["done"], 5, "{ended}");
    assert_eq!(app.depth("emails-dlq").await, 245);
    let groups = app.operator().get("/queues/emails/failed").await.body["groups"].clone();
    assert_eq!(
        (&groups[0]["code"], &groups[0]["count"], &groups[1]),
        (&json!("wrong_queue"), &json!(245), &Value::Null)
    );
}

/// No run is long enough to read all letters: each continues where the previous one stopped. One letter names a record
/// that cannot be read.
#[tokio::test(flavor = "multi_thread")]
async fn operation_longer_than_one_run_ends() {
    let letters: usize = std::env::var(LETTERS).map_or(3_000, |letters| letters.parse().unwrap());
    let app = TestApp::with(|options| options.queues.get_mut(&QueueName::Default).unwrap().timeout_seconds = 9).await;
    let env = app.env();
    let dynamodb = runtime::aws::dynamodb(&env, &runtime::aws::config(&env, runtime::aws::Patience::Request).unwrap());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let unreadable = dynamodb.put_item().table_name(env.required("EMAILS_TABLE").unwrap());
    let id = uuid::Uuid::from_u128(7);
    unreadable.item("studio", text("anna")).item("id", text(&id.to_string())).send().await.unwrap();
    let wrong = json!({ "v": 1, "job": "process_photo", "studio": "anna", "photo": uuid::Uuid::nil() }).to_string();
    let no_record = json!({ "v": 1, "job": "send_email", "studio": "anna", "email": id }).to_string();
    app.send("emails-dlq", &no_record).await;
    let bodies = (0..letters).map(|n| if n % 100 == 99 { "no job" } else { &wrong });
    stream::iter(bodies).for_each_concurrent(16, |body| app.send("emails-dlq", body)).await;

    let begun = app.operator().delete("/queues/emails/failed?error=undecodable").await;
    let path = format!("/operations/{}", begun.text("/operation/id"));
    let patience = std::time::Instant::now();
    let ended = loop {
        let operation = app.get("ops", &path).await;
        if ["done", "failed"].contains(&operation.text("/status").as_str()) {
            break operation.body;
        }
        assert!(patience.elapsed() < Duration::from_secs(120 + letters as u64 / 50), "{operation:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!((&ended["status"], &ended["done"]), (&json!("done"), &json!(letters / 100)), "{ended}");
    let operations = table::<Operation>(&app, "REQUESTS_TABLE").unwrap();
    let id = begun.text("/operation/id").parse().unwrap();
    let operation = operations.get(&"ops".parse().unwrap(), id).await.unwrap().unwrap();
    // The number depends on the machine; a single run would not test the continuation.
    assert!(operation.work.claims >= 2, "{} runs", operation.work.claims);
    let groups = app.system().queues().peek_all("emails-dlq").unwrap();
    assert_eq!(groups.len(), letters - letters / 100 + 1, "all others are kept");
}

/// The event of an upload that no worker has processed is not deleted with the other letters.
#[tokio::test(flavor = "multi_thread")]
async fn forgetting_all_spares_unprocessed_upload_events() {
    let app = TestApp::start().await;
    let bytes = jpeg(1, 60, 40);
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": bytes.len() });
    let made = app.post("anna", "/photos", new).await.text("/photo/id");
    let event = json!({ "Records": [{
        "eventName": "ObjectCreated:Put", "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": { "bucket": { "name": "photos" }, "object": { "key": format!("originals/anna/{made}") } },
    }] });
    app.send("photos-dlq", &event.to_string()).await;
    app.send("photos-dlq", "no job").await;
    let begun = app.operator().delete("/queues/photos/failed?all=true").await;
    assert_eq!(app.until_done("ops", &begun).await["done"], 1);
    let left = app.operator().failed("photos").await.items;
    assert_eq!((left.len(), left[0].error.code.as_str()), (1, "not_begun"), "{left:?}");
    // The photo is uploaded, and this letter is the only notification.
    app.s3()
        .put_object()
        .bucket("photos")
        .key(format!("originals/anna/{made}"))
        .body(bytes.into())
        .send()
        .await
        .unwrap();
    app.operator().post("/queues/photos/failed/retry", json!({ "ids": [left[0].id] })).await;
    app.until("anna", &format!("/photos/{made}"), &["ready"]).await.unwrap();
}
