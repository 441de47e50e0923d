//! Services that accept requests and never respond.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    TestApp,
    faults::{FaultNet, Service},
    jpeg,
    processes::{Host, build_functions},
};

/// The API's timeout in Lambda.
const TIMEOUT: Duration = Duration::from_secs(29);
const FUNCTIONS: [(&str, usize); 6] = [
    ("api", 2),
    ("photo-processor", 1),
    ("archive-builder", 1),
    ("email-sender", 1),
    ("webhook-sender", 1),
    ("housekeeper", 1),
];

/// A system whose API runs as processes, with a network to the services that fails on demand.
struct Rig {
    app: TestApp,
    net: FaultNet,
    host: Host,
}

impl Rig {
    async fn start() -> Self {
        let bins = tokio::task::spawn_blocking(build_functions).await.unwrap().unwrap();
        let host = Host::start(&bins, &FUNCTIONS).await.unwrap();
        let net = FaultNet::start(&["any"]).await.unwrap();
        let app = TestApp::with(|options| options.functions = Some(host.url.clone())).await;
        let mut environment = app.environment();
        net.connect(&environment);
        environment.extend(net.overrides.iter().map(|((_, variable), url)| (variable.clone(), url.clone())));
        host.set_environment(environment);
        Self { app, net, host }
    }

    /// Checks that both requests return the API's own problem while the service hangs, and succeed in the same
    /// processes afterwards.
    async fn survives(&self, service: Service, requests: [(Method, &str, Option<Value>); 2]) {
        let before = self.host.pids("api");
        self.net.hang(Some(service));
        let [first, second] = &requests;
        tokio::join!(self.refused(first), self.refused(second));
        self.net.hang(None);
        for (method, path, body) in requests {
            let answer = self.app.call("anna", method, path, body).await;
            assert!(answer.status.is_success(), "{service:?} {path}: {answer:?}");
        }
        assert_eq!(self.host.pids("api"), before, "the same processes still run");
    }

    async fn refused(&self, (method, path, body): &(Method, &str, Option<Value>)) {
        let begun = Instant::now();
        let request = self.app.http().request(method.clone(), format!("{}{path}", self.app.api()));
        let request = request.header("authorization", "Bearer dev:anna");
        let request = body.iter().fold(request, reqwest::RequestBuilder::json);
        let answer = request.send().await.unwrap();
        let took = begun.elapsed();
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{method} {path} after {took:?}");
        assert_eq!(header("content-type").as_deref(), Some("application/problem+json"), "{method} {path}");
        assert!(header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{method} {path}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], "/problems/busy", "{problem}");
        assert!(took < TIMEOUT, "{method} {path} took {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_service_ends_in_a_problem() {
    let rig = Rig::start().await;
    let photo = rig.app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = rig.app.order("anna", "H-1", std::slice::from_ref(&photo)).await;
    let made = rig.app.post("anna", &format!("/orders/{order}/downloads"), json!({ "notify": false })).await;
    let download = made.text("/download/id");
    // The test must not request the download: a process that has shown a download caches its index.
    rig.app.until_empty("downloads").await;
    let show = format!("/photos/{photo}");
    let new = json!({ "filename": "b.jpg", "content_type": "image/jpeg", "size_bytes": 1000 });
    rig.survives(Service::DynamoDb, [(Method::GET, &show, None), (Method::POST, "/photos", Some(new))]).await;
    // The index of a ready download is read from S3; the index of a new one is written there.
    let (shown, made) = (format!("/downloads/{download}"), format!("/orders/{order}/downloads"));
    let terms = json!({ "notify": false, "max_downloads": 2 });
    rig.survives(Service::S3, [(Method::GET, &shown, None), (Method::POST, &made, Some(terms))]).await;
}
