//! Tests of the command against an API with scripted responses.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use clap::Parser as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

/// The received requests, and the responses to come.
#[derive(Default)]
struct Script {
    asked: Vec<(String, Value)>,
    answers: VecDeque<(u16, Value)>,
}

/// Runs a command line against an API with these responses. Returns the outcome and the requests.
async fn at(answers: Vec<(u16, Value)>, line: &str) -> (Outcome, Vec<(String, Value)>) {
    let script = Arc::new(Mutex::new(Script { asked: Vec::new(), answers: answers.into() }));
    let told = script.clone();
    let app = axum::Router::new().fallback(async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        assert_eq!(headers["authorization"], "Bearer dev:operator:operator");
        let mut script = told.lock().unwrap();
        script.asked.push((format!("{method} {uri}"), serde_json::from_slice(&body).unwrap_or_default()));
        let (status, body) = script.answers.pop_front().expect("an answer");
        (StatusCode::from_u16(status).unwrap(), body.to_string())
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let words = ["darkroom", "--api", &api].into_iter().chain(line.split_whitespace());
    let mut cli = Cli::try_parse_from(words).unwrap();
    cli.token = None;
    let outcome = run(&cli).await;
    server.abort();
    let script = script.lock().unwrap();
    assert!(script.answers.is_empty(), "not asked for: {:?}", script.answers);
    (outcome, script.asked.clone())
}

const OPERATION: &str = "0199e0a0-0000-7000-8000-000000000005";

fn queue(verdict: &str) -> Value {
    json!({ "queue": "emails", "waiting": 0, "in_flight": 0, "delayed": 0, "oldest_seconds": null, "failed": 0,
        "dead_letters": 0, "healthy": { "waiting": 1, "oldest_seconds": 1, "failed": 0, "dead_letters": 0 }, "verdict": verdict, "reasons": [] })
}

fn operation(status: &str, done: u64) -> Value {
    json!({ "id": OPERATION, "kind": "retry", "queue": "photos", "status": status, "selection": {}, "done": done,
        "error": null, "created_at": "2026-05-01T12:00:00Z", "ended_at": null })
}

#[tokio::test]
async fn unhealthy_queue_sets_the_exit_code() {
    for (verdict, code) in [("ok", 0), ("behind", 1), ("failing", 1)] {
        let (outcome, asked) = at(vec![(200, json!({ "queues": [queue("ok"), queue(verdict)] }))], "queues").await;
        assert_eq!((outcome.code, asked[0].0.as_str()), (code, "GET /queues"), "{verdict}");
        assert_eq!(outcome.output.lines().count(), 3);
    }
}

#[tokio::test]
async fn pages_are_followed_when_all_are_asked_for() {
    let job = |id: &str| {
        json!({ "id": id, "kind": "record", "job": "send_email", "studio": "anna", "record_id": null, "tries": 3,
            "error": { "code": "refused", "message": "No." }, "first_failed_at": "2026-05-01T12:00:00Z",
            "last_failed_at": null, "dead_letters": 0 })
    };
    let group = json!([{ "code": "refused", "message": "No.", "count": 2,
        "first_failed_at": "2026-05-01T12:00:00Z", "last_failed_at": null }]);
    let first = json!({ "items": [job("a")], "groups": group, "next_cursor": "c/1" });
    let last = json!({ "items": [job("b")], "groups": null, "next_cursor": null });
    let pages = vec![(200, first.clone()), (200, last.clone())];
    let (outcome, asked) = at(pages.clone(), "failed emails --error refused --studio anna --all").await;
    let asked: Vec<_> = asked.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(
        asked,
        [
            "GET /queues/emails/failed?error=refused&studio=anna",
            "GET /queues/emails/failed?error=refused&studio=anna&cursor=c%2F1"
        ]
    );
    let starts = ["count", "    2", "", "id", "a", "b"];
    assert!(outcome.output.lines().zip(starts).all(|(line, start)| line.starts_with(start)), "{}", outcome.output);

    let (outcome, _) = at(vec![(200, first.clone())], "failed emails").await;
    assert!(outcome.output.ends_with("There are more: --all lists them.\n"), "{}", outcome.output);
    let (outcome, _) = at(pages, "failed emails --all --json").await;
    assert_eq!(outcome.output, format!("{first}\n{last}\n"), "as the API returned it");
}

#[tokio::test]
async fn retry_of_all_is_followed_until_done() {
    let begun = (202, json!({ "operation": operation("pending", 0) }));
    let steps = vec![
        begun.clone(),
        (200, operation("processing", 400)),
        // A 503 of the API does not end the wait.
        (503, json!({ "title": "Service Unavailable" })),
        (200, operation("done", 812)),
    ];
    let (outcome, asked) = at(steps, "retry photos --all --studio anna").await;
    assert_eq!(outcome.output, "Enqueued 812 failed jobs of photos again.\n");
    assert_eq!(outcome.code, 0);
    let body = json!({ "all": true, "studio": "anna" });
    assert_eq!(asked[0], ("POST /queues/photos/failed/retry".to_owned(), body));
    assert!(asked[1..].iter().all(|(line, _)| *line == format!("GET /operations/{OPERATION}")), "{asked:?}");

    let (outcome, asked) = at(vec![begun], "retry photos --error damaged --no-wait").await;
    assert_eq!((outcome.code, &asked[0].1), (0, &json!({ "error": "damaged" })));
    assert!(outcome.output.contains(&format!("darkroom operation {OPERATION}")), "{}", outcome.output);
}

#[tokio::test]
async fn failed_operation_is_an_error() {
    let mut failed = operation("failed", 3);
    failed["error"] = json!({ "code": "gone", "message": "The table is gone." });
    let (outcome, _) = at(vec![(200, failed.clone())], "operation op --json").await;
    assert_eq!((outcome.code, outcome.output), (2, format!("{failed}\n")));
    assert!(
        outcome.complaint.starts_with(&format!("error: Operation {OPERATION} failed: The table is gone.")),
        "{}",
        outcome.complaint
    );
}

#[tokio::test]
async fn skipped_job_in_batches_sets_exit_code() {
    let skipped = json!([{ "id": "7", "reason": "It is being worked on." }]);
    let answers = vec![
        (200, json!({ "retried": ["1"], "skipped": skipped })),
        (200, json!({ "retried": ["101"], "skipped": [] })),
    ];
    let ids: Vec<_> = (1..=101).map(|id| id.to_string()).collect();
    let (outcome, asked) = at(answers, &format!("retry photos {}", ids.join(" "))).await;
    let sizes: Vec<_> = asked.iter().map(|(_, body)| body["ids"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!((outcome.code, sizes), (1, vec![100, 1]));
    assert!(outcome.output.contains("Skipped 7: It is being worked on.\n"), "{}", outcome.output);
}

#[tokio::test]
async fn one_job_is_forgotten_immediately_many_by_operation() {
    let (outcome, asked) = at(vec![(200, json!({ "forgotten": "a/b" }))], "forget photos a/b").await;
    assert_eq!((outcome.output.as_str(), asked[0].0.as_str()), ("Forgot a/b.\n", "DELETE /queues/photos/failed/a%2Fb"));
    let mut done = operation("done", 2);
    done["kind"] = "forget".into();
    let (outcome, asked) = at(vec![(202, json!({ "operation": done }))], "forget photos --error damaged").await;
    assert_eq!(outcome.output, "Forgot 2 failed jobs of photos.\n");
    assert_eq!(asked[0].0, "DELETE /queues/photos/failed?error=damaged");
}

#[tokio::test]
async fn refusal_is_shown_in_the_apis_words() {
    let problem = json!({ "type": "/problems/operators-only", "title": "Forbidden", "status": 403,
        "detail": "Operators only." });
    let (outcome, _) = at(vec![(403, problem.clone())], "queues").await;
    let complaint = "error: Forbidden: Operators only.\n".to_owned();
    assert_eq!(outcome, Outcome { output: String::new(), complaint: complaint.clone(), code: 2 });
    let (outcome, _) = at(vec![(403, problem.clone())], "queues --json").await;
    assert_eq!(outcome, Outcome { output: format!("{problem}\n"), complaint, code: 2 });
}

#[tokio::test]
async fn unreachable_api_is_named() {
    let cli = Cli::try_parse_from(["darkroom", "--api", "http://127.0.0.1:1", "--token", "t", "queues"]).unwrap();
    let outcome = run(&cli).await;
    assert_eq!(outcome.code, 2);
    assert!(outcome.complaint.starts_with("error: Failed to ask http://127.0.0.1:1/: "), "{}", outcome.complaint);
}

#[tokio::test]
async fn story_has_attempts_and_steps() {
    let id = "0199e0a0-0000-7000-8000-000000000001";
    let record = json!({ "kind": "photo", "id": id, "status": "failed", "title": "a.jpg", "created_at": "2026-05-01T12:00:00Z" });
    let attempt = json!({ "started_at": "2026-05-01T12:00:01Z", "ended_at": "2026-05-01T12:00:03.5Z", "outcome": "failed",
        "cause": "no end of image", "request_id": "r-1", "logs_url": null });
    let job = json!({ "job": "process_photo", "queue": "photos", "studio": "anna", "record_id": id, "phase": "failed",
        "tries": 1, "due_at": null, "error": { "code": "damaged", "message": "The file is damaged." }, "cause": "no end of image",
        "attempts": [attempt] });
    let step = json!({ "at": "2026-05-01T12:00:03.5Z", "kind": "photo", "id": id, "step": "attempt_ended", "detail": "failed" });
    let story = json!({ "studio": "anna", "record": record, "job": job, "related": [], "timeline": [step] });
    let (outcome, asked) = at(vec![(200, story)], &format!("job anna:{id}")).await;
    assert_eq!((outcome.code, asked[0].0.as_str()), (0, format!("GET /jobs/anna/{id}").as_str()));
    for expected in ["photo \"a.jpg\"", "damaged: The file is damaged.", "2.5 s", "r-1", "attempt_ended"] {
        assert!(outcome.output.contains(expected), "{expected} is not in {}", outcome.output);
    }
    let (outcome, _) = at(vec![], "job none").await;
    assert_eq!(outcome.code, 2);
}

#[tokio::test]
async fn pause_says_until_when() {
    let paused = json!({ "at": "2026-05-01T12:00:00Z", "by": "ops", "until": "2026-05-04T12:00:00Z" });
    let (outcome, asked) = at(vec![(200, json!({ "queue": "photos", "paused": paused }))], "pause photos").await;
    assert_eq!(asked[0].0, "POST /queues/photos/pause");
    assert_eq!(outcome.output, "photos is paused by ops. It resumes by itself at 2026-05-04 12:00:00Z.\n");
    let (outcome, asked) = at(vec![(200, json!({ "queue": "photos", "paused": null }))], "resume photos").await;
    assert_eq!(
        (asked[0].0.as_str(), outcome.output.as_str()),
        ("POST /queues/photos/resume", "photos is worked on.\n")
    );
    let load = json!({ "studio": "anna", "name": null, "unfinished": 12, "failed": 1 });
    let (outcome, _) = at(vec![(200, json!({ "items": [load], "complete": false }))], "studios").await;
    assert!(
        outcome.output.contains("anna    -             12       1") && outcome.output.contains("more jobs"),
        "{}",
        outcome.output
    );
}
