use std::{
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use api_types::PhotoView;
use domain::photo::PhotoStatus;
use serde_json::json;
use tests::{
    TestApp,
    faults::{Call, Fault, FaultNet, Service, Site, Strike},
    jpeg,
    processes::{Host, build_functions},
    until::found,
};

const TIMEOUT_SECONDS: u32 = 6;

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap().success());
}

/// A worker is stopped during the write that completes its photo. The write arrives after a second worker has taken
/// over and finished.
#[tokio::test(flavor = "multi_thread")]
async fn worker_stopped_past_its_lease_is_refused() {
    let bins = tokio::task::spawn_blocking(build_functions).await.unwrap().unwrap();
    let host = Host::start(&bins, &[("api", 1), ("photo-processor", 2), ("housekeeper", 1)]).await.unwrap();
    let net = FaultNet::start(&["worker"]).await.unwrap();
    let app = TestApp::with(|options| {
        options.by_hand = true;
        options.functions = Some(host.url.clone());
        options.queues.values_mut().for_each(|worker| worker.timeout_seconds = TIMEOUT_SECONDS);
    })
    .await;
    let mut environment = app.system().environment.clone();
    net.connect(&environment);
    environment.insert("FUNCTION_TIMEOUT_SECONDS".into(), TIMEOUT_SECONDS.to_string());
    environment.extend(net.overrides.iter().map(|((_, variable), url)| (variable.clone(), url.clone())));
    host.set_environment(environment);
    let host = Arc::new(host);

    let (uploads, photos) = (app.system().source("uploads").unwrap(), app.system().source("photos").unwrap());
    // S3's test event.
    uploads.poll(0).await.unwrap();
    // An event wakes the first process; the photo goes to the second.
    app.send("photos", r#"{"Event":"s3:TestEvent"}"#).await;
    photos.poll(0).await.unwrap();
    let id = app.upload("anna", "a.jpg", "image/jpeg", &jpeg(1, 600, 400)).await.unwrap();
    uploads.poll(0).await.unwrap();
    let put = Call { service: Service::DynamoDb, operation: "PutItem".into() };
    // The first such write is the claim, the second the completion.
    let completion = Site { function: "worker".into(), call: put, nth: 2 };
    net.begin(vec![Strike { site: completion.clone(), fault: Fault::Suspend, times: 1 }]);
    let stopped = Arc::new(Mutex::new(None));
    let (host_, stopped_, watched) = (host.clone(), stopped.clone(), completion.clone());
    net.watch(Arc::new(move |site| {
        if *site == watched {
            let pid = *host_.pids("photo-processor").last().unwrap();
            signal("STOP", pid);
            *stopped_.lock().unwrap() = Some(pid);
        }
    }));
    photos.poll(0).await.unwrap();
    let stopped = stopped.lock().unwrap().expect("the first owner was stopped at its last write");
    let held: PhotoView = app.get("anna", &format!("/photos/{id}")).await.view();
    assert_eq!((held.status, held.attempts), (PhotoStatus::Processing, 1));

    let begun = Instant::now();
    while !photos.poll(1).await.unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the message did not return after the lease");
    }
    let second = app.get("anna", &format!("/photos/{id}")).await.body;
    assert_eq!((&second["status"], &second["attempts"]), (&json!("ready"), &json!(2)));

    // The write arrives while its sender is still stopped: a resumed sender would find its time over and close the
    // connection.
    net.release();
    let refused = || net.log().into_iter().find(|answered| answered.site == completion).and_then(|late| late.status);
    assert_eq!(found(|| async { refused() }).await, Some(400), "the late write must be refused by its condition");
    signal("CONT", stopped);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let last = app.get("anna", &format!("/photos/{id}")).await.body;
    for field in ["status", "attempts", "processed_at", "etag", "error", "sha256"] {
        assert_eq!(last[field], second[field], "{field}");
    }
}
