//! Some photos of an order, the other size, and the same order again.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use runtime::clock::Clock;
use serde_json::json;
use tests::{TestApp, jpeg, unzip};

use super::{browse, delivered, location, page, quiet, shown};

fn names(files: &[(String, Vec<u8>)]) -> Vec<&str> {
    let names = files.iter().map(|(name, _)| name.rsplit('/').next().unwrap());
    names.filter(|name| name.contains(".jp")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn selection_is_delivered_in_the_orders_sequence() {
    let (app, order, _, _) = delivered(4, quiet()).await;
    let photos = app.get("anna", &format!("/orders/{order}")).await.body["photo_ids"].as_array().unwrap().clone();
    let terms = json!({ "photo_ids": [photos[3], photos[1]], "notify": false });
    let (download, link) = app.download("anna", &order, terms).await;
    assert_eq!(download.photo_count, 2);
    assert_eq!(names(&unzip(app.fetch(&link).await.unwrap())), ["2.jpg", "4.jpg"]);
    let (_, shown) = page(browse(&app, Method::GET, &link, None).await).await;
    assert!(shown.matches("<img").count() == 2 && shown.contains("4.jpg") && !shown.contains("3.jpg"), "{shown}");
    assert_eq!(app.fetch(&format!("{link}/photo/2")).await.unwrap(), jpeg(4, 60, 40));

    let foreign = app.ready_photo("anna", "x.jpg", &jpeg(9, 60, 40)).await;
    for (ids, part) in
        [(json!([foreign]), "does not contain"), (json!([photos[0], photos[0]]), "twice"), (json!([]), "1 to")]
    {
        let made = app.post("anna", &format!("/orders/{order}/downloads"), json!({ "photo_ids": ids })).await;
        assert_eq!((made.status.as_u16(), &made.body["field"]), (422, &json!("photo_ids")), "{made:?}");
        assert!(made.text("/detail").contains(part), "{made:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customer_chooses_between_originals_and_previews() {
    let (app, _, download, link) = delivered(2, json!({ "notify": false, "both_sizes": true })).await;
    let original = app.fetch(&format!("{link}/photo/1")).await.unwrap();
    let preview = app.fetch(&format!("{link}/photo/1?size=other")).await.unwrap();
    assert!(original == jpeg(1, 60, 40) && preview != original);

    let other = location(&browse(&app, Method::POST, &format!("{link}/size"), Some("")).await);
    assert_eq!(location(&browse(&app, Method::POST, &format!("{link}/size"), Some("")).await), other, "made once");
    let path = app.get("anna", "/downloads").await.body;
    assert_eq!(path["items"].as_array().unwrap().len(), 2, "{path}");
    let web = path["items"].as_array().unwrap().iter().find(|item| item["variant"] == "web").unwrap()["id"].clone();
    let web = web.as_str().unwrap();
    app.until("anna", &format!("/downloads/{web}"), &["ready"]).await.unwrap();
    let files = unzip(app.fetch(&other).await.unwrap());
    assert!(files.iter().any(|(_, bytes)| *bytes == preview), "{:?}", names(&files));
    let back = location(&browse(&app, Method::POST, &format!("{other}/size"), Some("")).await);
    assert_eq!(back, link, "the other size of the other is this one");

    assert_eq!(app.delete("anna", &format!("/downloads/{download}")).await.status, StatusCode::OK);
    assert_eq!(page(browse(&app, Method::GET, &other, None).await).await.0, 410);
}

/// S3's ETag of a copied object has no number of parts behind it.
#[tokio::test(flavor = "multi_thread")]
async fn same_order_again_is_copied_instead_of_built() {
    let app = TestApp::with(|options| options.clock = Clock::movable()).await;
    let photos = app.large_and_small("anna", "LsL").await;
    let ids: Vec<String> = photos.iter().map(|(_, _, id)| id.clone()).collect();
    let order = app.order("anna", "D-2", &ids).await;
    let (first, link) = app.download("anna", &order, quiet()).await;
    let etag = async |download: &str| {
        let path = shown(&app, download).await["file_path"].as_str().unwrap().to_owned();
        let head = app.s3().head_object().bucket("downloads").key(path).send().await.unwrap();
        head.e_tag.unwrap()
    };
    assert!(etag(&first.id.to_string()).await.contains('-'), "the first was built of parts");
    app.system().advance(Duration::from_secs(3 * 24 * 3600));
    let (second, again) = app.download("anna", &order, quiet()).await;
    assert!(!etag(&second.id.to_string()).await.contains('-'), "the second was copied");
    assert!(app.fetch(&link).await.unwrap() == app.fetch(&again).await.unwrap());

    // Other photos are built.
    let terms = json!({ "notify": false, "photo_ids": [ids[0], ids[2]] });
    let (selection, _) = app.download("anna", &order, terms).await;
    assert!(etag(&selection.id.to_string()).await.contains('-'));
    // A revoked download took its archive with it; the copy remains.
    app.delete("anna", &format!("/downloads/{}", first.id)).await;
    assert!(!app.fetch(&again).await.unwrap().is_empty());
    // Nothing has changed for a new build of the second one either.
    let rebuilt = app.post("anna", &format!("/downloads/{}/retry", second.id), json!({ "queue": false })).await;
    assert_eq!((rebuilt.status.as_u16(), &rebuilt.body["download"]["build"]), (200, &json!(2)), "{rebuilt:?}");
    assert!(!etag(&second.id.to_string()).await.contains('-'), "the new build was copied from the last one");
    assert_eq!(app.left_behind("work/").await, (vec![], vec![]));
}
