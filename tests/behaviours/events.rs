use std::{fs, path::PathBuf};

use aws_lambda_events::sqs::SqsEvent;
use lambda_http::request::LambdaRequest;

fn events(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events").join(folder);
    let files = fs::read_dir(&folder).expect("the folder").map(|file| file.expect("readable").path());
    let mut events: Vec<_> = files.map(|path| (path.clone(), fs::read_to_string(path).expect("readable"))).collect();
    events.sort();
    assert!(!events.is_empty(), "{}", folder.display());
    events
}

#[test]
fn each_sample_event_is_readable_by_its_function() {
    for (path, text) in events("api") {
        serde_json::from_str::<LambdaRequest>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    for (path, text) in events("sqs").into_iter().chain(events("s3")) {
        let event: SqsEvent = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!event.records.is_empty(), "{}", path.display());
        for record in event.records {
            let body: serde_json::Value = serde_json::from_str(&record.body.unwrap_or_default()).unwrap();
            assert!(body.get("job").is_some() || body.get("Records").is_some() || body.get("Event").is_some());
        }
    }
}
