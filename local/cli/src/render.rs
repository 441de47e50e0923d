//! Responses as sentences and tables.

use api_types::{
    FailedJob, FailedKind, FailureGroup, OperationKind, OperationView, Orphan, OrphanPage, OrphansSettled, QueueView,
    Retried,
};
use jiff::Timestamp;
use serde_json::json;

use super::{
    table::{Table, printable},
    upload::Summary,
};

/// Returns the state of the queues, one line each.
pub fn queues(queues: &[QueueView]) -> String {
    let mut table = Table::new([
        "queue",
        "verdict",
        ">waiting",
        ">in flight",
        ">delayed",
        ">oldest",
        ">failed",
        ">dead letters",
        "why",
    ]);
    for queue in queues {
        table.row([
            queue.queue.to_string(),
            queue.verdict.to_string(),
            queue.waiting.to_string(),
            queue.in_flight.to_string(),
            queue.delayed.to_string(),
            queue.oldest_seconds.map_or_else(|| "-".to_owned(), age),
            queue.failed.to_string(),
            queue.dead_letters.to_string(),
            queue.reasons.join("; "),
        ]);
    }
    table.render()
}

/// Returns the failed jobs, first grouped by error, then one by one.
pub fn failed(queue: &str, groups: &[FailureGroup], items: &[FailedJob]) -> String {
    if items.is_empty() {
        return format!("No failed jobs of {queue}.\n");
    }
    let mut errors = Table::new([">count", "error", "what it says"]);
    for group in groups {
        // The cause of all attempts says more than the fact that every attempt failed.
        let says = group.cause.as_ref().unwrap_or(&group.message);
        errors.row([group.count.to_string(), group.code.clone(), says.clone()]);
    }
    let mut jobs = Table::new(["id", "job", "studio", ">tries", "first failed", "last failed", "error", "cause"]);
    for item in items {
        let job = item.job.as_deref().unwrap_or(if item.kind == FailedKind::Message { "(message)" } else { "-" });
        jobs.row([
            item.id.clone(),
            job.to_owned(),
            item.studio.clone().unwrap_or_else(|| "-".to_owned()),
            item.tries.to_string(),
            moment(Some(item.first_failed_at)),
            moment(item.last_failed_at),
            item.error.code.clone(),
            item.cause.clone().unwrap_or_default(),
        ]);
    }
    format!("{}\n{}", errors.render(), jobs.render())
}

/// Returns the bodies of messages, each below its id.
pub fn bodies(items: &[FailedJob]) -> String {
    let mut text = String::new();
    for item in items {
        let (Some(body), Some(bytes)) = (&item.body, item.body_bytes) else { continue };
        let cut = if body.len() as u64 + 1 < bytes { " (the beginning)" } else { "" };
        let (id, body) = (printable(&item.id), printable(body));
        text.push_str(&["\n", &id, " ", &bytes.to_string(), " bytes", cut, "\n", &body, "\n"].concat());
    }
    text
}

/// Returns the results for the named jobs.
pub fn retried(queue: &str, answer: &Retried) -> String {
    let mut text = format!("Enqueued {} again.\n", jobs(answer.retried.len() as u64, queue));
    for skipped in &answer.skipped {
        text.push_str(&printable(&format!("Skipped {}: {}", skipped.id, skipped.reason)));
        text.push('\n');
    }
    text
}

/// Returns orphans, one per line.
pub fn orphans(page: &OrphanPage) -> String {
    let line =
        |orphan: &Orphan| printable(&format!("{} {} {}", orphan.modified_at, orphan.size_bytes, orphan.key)) + "\n";
    page.items.iter().map(line).collect()
}

/// Returns what became of orphans.
pub fn settled(outcome: &OrphansSettled) -> String {
    let mut text = format!("Settled {}.\n", outcome.settled.len());
    for skipped in &outcome.skipped {
        text.push_str(&printable(&format!("Skipped {}: {}", skipped.id, skipped.reason)));
        text.push('\n');
    }
    text
}

/// Returns what became of the files of a folder.
pub fn upload(summary: &Summary) -> String {
    let Summary { uploaded, known, failed } = summary;
    let mut text = format!("Uploaded {uploaded} files. {known} were there already.\n");
    for (name, reason) in failed {
        text.push_str(&printable(&format!("Not uploaded: {name}: {reason}")));
        text.push('\n');
    }
    text
}

/// Returns the same as JSON.
pub fn upload_json(summary: &Summary) -> String {
    let failed = summary.failed.iter().map(|(name, reason)| json!({ "file": name, "reason": reason }));
    let failed: Vec<_> = failed.collect();
    json!({ "uploaded": summary.uploaded, "known": summary.known, "failed": failed }).to_string()
}

/// Returns what an operation has done.
pub fn done(operation: &OperationView) -> String {
    let OperationView { kind, queue, done, .. } = operation;
    match kind {
        OperationKind::Retry => format!("Enqueued {} again.", jobs(*done, queue.as_str())),
        OperationKind::Forget => format!("Forgot {}.", jobs(*done, queue.as_str())),
        OperationKind::Erase => format!("Erased {done} orders."),
        OperationKind::Import | OperationKind::Rescan => format!("Took in {done} objects."),
        OperationKind::Measure => format!("Measured {done} bytes."),
        OperationKind::Regenerate | OperationKind::Fill => format!("Enqueued {done} of {queue}."),
    }
}

/// Returns the message for an operation that failed before its end.
pub fn broke_off(operation: &OperationView) -> String {
    let why = operation.error.as_ref().map(|error| format!("{} ({})", error.message, error.code));
    printable(&format!(
        "Operation {} failed: {}. Before that: {}",
        operation.id,
        why.as_deref().unwrap_or("nothing says why").trim_end_matches('.'),
        done(operation)
    ))
}

fn jobs(count: u64, queue: &str) -> String {
    format!("{count} failed {} of {queue}", if count == 1 { "job" } else { "jobs" })
}

/// Formats an age in the largest unit of which it has at least two.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Formats a time to the second, in UTC.
pub fn moment(instant: Option<Timestamp>) -> String {
    instant.map_or_else(|| "-".to_owned(), |instant| instant.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use api_types::{FailedJobPage, Queues};
    use serde_json::json;

    use super::*;

    #[test]
    fn queues_stand_in_columns_with_their_reasons() {
        let healthy = json!({ "waiting": 1000, "oldest_seconds": 900, "failed": 0, "dead_letters": 0 });
        let answer: Queues = serde_json::from_value(json!({ "queues": [
            { "queue": "emails", "waiting": 0, "in_flight": 0, "delayed": 0, "oldest_seconds": null, "failed": 0,
              "dead_letters": 0, "healthy": healthy, "verdict": "ok", "reasons": [] },
            { "queue": "photos", "waiting": 12_000, "in_flight": 20, "delayed": 3, "oldest_seconds": 7_300, "failed": 2,
              "dead_letters": 1, "healthy": healthy, "verdict": "failing",
              "reasons": ["failed jobs: 2, 0 allowed", "messages that wait: 12000, 5000 allowed"] },
        ] }))
        .unwrap();
        let text = "\
queue   verdict  waiting  in flight  delayed  oldest  failed  dead letters  why
emails  ok             0          0        0       -       0             0
photos  failing    12000         20        3     2 h       2             1  failed jobs: 2, 0 allowed; messages that wait: 12000, 5000 allowed
";
        assert_eq!(queues(&answer.queues), text);
    }

    #[test]
    fn failures_are_grouped_by_error_and_listed() {
        let page: FailedJobPage = serde_json::from_value(json!({
            "items": [
                { "id": "0199a1", "kind": "record", "job": "process_photo", "studio": "anna", "record_id": "0199e0a0-0000-7000-8000-000000000001",
                  "tries": 3, "error": { "code": "damaged", "message": "The file is damaged." },
                  "first_failed_at": "2026-05-01T12:00:00.123Z", "last_failed_at": "2026-05-01T12:03:00Z",
                  "dead_letters": 1, "cause": "no end of image" },
                { "id": "m-1", "kind": "message", "job": null, "studio": null, "record_id": null, "tries": 8,
                  "error": { "code": "undecodable", "message": "No job of ours." },
                  "first_failed_at": "2026-05-01T11:00:00Z", "last_failed_at": null, "dead_letters": 1 },
            ],
            "groups": [
                { "code": "damaged", "message": "The file is damaged.", "count": 1, "first_failed_at": "2026-05-01T12:00:00Z",
                  "last_failed_at": null },
                { "code": "undecodable", "message": "No job of ours.", "count": 12, "first_failed_at": "2026-05-01T12:00:00Z",
                  "last_failed_at": null },
            ],
            "next_cursor": null,
        }))
        .unwrap();
        let text = "\
count  error        what it says
    1  damaged      The file is damaged.
   12  undecodable  No job of ours.

id      job            studio  tries  first failed          last failed           error        cause
0199a1  process_photo  anna        3  2026-05-01 12:00:00Z  2026-05-01 12:03:00Z  damaged      no end of image
m-1     (message)      -           8  2026-05-01 11:00:00Z  -                     undecodable
";
        assert_eq!(failed("photos", page.groups.as_deref().unwrap(), &page.items), text);
        assert_eq!(failed("photos", &[], &[]), "No failed jobs of photos.\n");
    }

    #[test]
    fn operations_say_how_many() {
        let operation = |kind: &str, done: u64| -> OperationView {
            let error = json!({ "code": "gone", "message": "The table is gone." });
            let operation = json!({ "id": "0199e0a0-0000-7000-8000-000000000005", "kind": kind, "queue": "photos", "status": "failed", "done": done,
                "selection": { "all": true }, "error": error, "created_at": "2026-05-01T12:00:00Z", "ended_at": null });
            serde_json::from_value(operation).unwrap()
        };
        assert_eq!(done(&operation("retry", 812)), "Enqueued 812 failed jobs of photos again.");
        assert_eq!(done(&operation("forget", 1)), "Forgot 1 failed job of photos.");
        assert_eq!(
            broke_off(&operation("forget", 1)),
            "Operation 0199e0a0-0000-7000-8000-000000000005 failed: The table is gone. (gone). Before that: Forgot 1 failed job of photos."
        );
    }

    #[test]
    fn ages_are_shown_in_the_fitting_unit() {
        let ages = [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(age);
        assert_eq!(ages, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d"]);
    }
}
