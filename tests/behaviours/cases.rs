//! The photo cases of `shared/develop/cases`, from upload to record.

use std::path::Path;

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use tests::TestApp;

/// Returns the media type that an uploader's system derives from the file name.
fn declared(file: &str) -> &'static str {
    match file.rsplit_once('.').map(|(_, extension)| extension) {
        Some("jpg") => "image/jpeg",
        Some("png") => "image/png",
        Some("tif") => "image/tiff",
        Some("webp") => "image/webp",
        Some("heic") => "image/heic",
        Some("avif") => "image/avif",
        _ => "application/octet-stream",
    }
}

/// Returns the first member of the record that differs from the expected facts.
fn difference(facts: &Value, photo: &Value) -> Option<String> {
    let shown = json!({
        "content_type": photo["content_type"],
        "dimensions": if photo["width"].is_null() { Value::Null } else { json!([photo["width"], photo["height"]]) },
        "orientation": photo["orientation"],
        "exif": photo["exif"],
    });
    differs(facts, &shown)
}

fn differs(expected: &Value, shown: &Value) -> Option<String> {
    let Value::Object(members) = expected else {
        return (expected != shown).then(|| format!("{shown} instead of {expected}"));
    };
    members.iter().find_map(|(name, value)| differs(value, &shown[name]).map(|found| format!("{name}: {found}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_case_ends_as_its_row_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/develop/cases");
    let table = std::fs::read_to_string(folder.join("cases.tsv")).unwrap();
    let app = TestApp::start().await;
    let look = async |row: &str| {
        let [file, outcome, _, facts] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let id = app.upload("anna", file, declared(file), &bytes).await.unwrap();
        let photo = app.until("anna", &format!("/photos/{id}"), &["ready", "failed"]).await.unwrap();
        let found = match (photo["status"].as_str(), photo["derivatives"].is_object()) {
            (Some("failed"), _) => format!("refused:{}", photo["error"]["code"].as_str().unwrap()),
            (_, true) => "made".to_owned(),
            _ => "unsupported".to_owned(),
        };
        let facts: Value = serde_json::from_str(facts).unwrap();
        let wrong = if found == outcome { difference(&facts, &photo) } else { Some(found) };
        wrong.map(|wrong| format!("{file}: {wrong}"))
    };
    let rows: Vec<&str> = table.lines().skip(1).collect();
    let wrong: Vec<Option<String>> = stream::iter(&rows).map(|row| look(row)).buffered(8).collect().await;
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(rows.len() > 50 && wrong.is_empty(), "of {} cases: {wrong:#?}", rows.len());
}
