//! The studio's profile: settings and logo, as the studio and its customers see them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp};

async fn replace(app: &TestApp, studio: &str, settings: Value) -> Answer {
    app.call(studio, Method::PUT, "/studio", Some(settings)).await
}

fn full() -> Value {
    json!({
        "name": "Foto <b>Anna</b> & Co", "reply_to": "studio@example.com",
        "contact": "Main Square 1\n<a href=\"https://example.com\">Linz</a>", "accent_color": "#b3421b",
        "message": "<script>alert('x')</script>\n\nThank you!", "footer": "<!-- Imprint --> \"Anna\" 'Maier'",
        "locale": "de-AT", "time_zone": "Europe/Vienna", "renewal": "automatic",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn studio_without_settings_has_neutral_profile() {
    let app = TestApp::start().await;
    let profile = app.get("anna", "/studio").await;
    let neutral = json!({
        "studio": "anna", "name": null, "reply_to": null, "contact": null, "accent_color": null, "message": null,
        "footer": null, "locale": null, "time_zone": null, "renewal": "studio", "logo": null, "logo_pending": false,
        "logo_error": null, "updated_at": null,
    });
    assert_eq!((profile.status, profile.body), (StatusCode::OK, neutral));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_replaced_as_a_whole() {
    let app = TestApp::start().await;
    let set = replace(&app, "anna", full()).await;
    assert_eq!(set.status, StatusCode::OK, "{set:?}");
    for (field, value) in full().as_object().unwrap() {
        assert_eq!(&set.body[field], value, "markup is plain text, kept as it is: {field}");
    }
    assert_eq!(app.get("anna", "/studio").await.body, set.body);
    assert_eq!(replace(&app, "anna", full()).await.body, set.body, "a repetition changes nothing, not even the time");
    assert_eq!(app.get("berta", "/studio").await.body["name"], json!(null));

    let partly = replace(&app, "anna", json!({ "name": "Foto Anna", "message": null })).await;
    let left: Vec<_> = partly.body.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()).collect();
    let left: Vec<_> =
        left.into_iter().map(|(field, _)| field.as_str()).filter(|field| *field != "updated_at").collect();
    assert_eq!(left, ["logo_pending", "name", "renewal", "studio"], "{partly:?}");
    assert_eq!(partly.body["renewal"], "studio");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_and_names_are_stored_in_usual_form() {
    let app = TestApp::start().await;
    let written = json!({
        "name": "  Foto Anna ", "contact": "\r\nMain Square 1\r\nLinz\rAustria\n", "accent_color": "#B3421B",
        "reply_to": "studio@EXAMPLE.com", "locale": "de_AT", "time_zone": "europe/vienna",
    });
    let set = replace(&app, "anna", written).await.body;
    assert_eq!((&set["name"], &set["contact"]), (&json!("Foto Anna"), &json!("Main Square 1\nLinz\nAustria")));
    assert_eq!((&set["accent_color"], &set["reply_to"]), (&json!("#b3421b"), &json!("studio@example.com")));
    assert_eq!((&set["locale"], &set["time_zone"]), (&json!("de-AT"), &json!("Europe/Vienna")));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_setting_is_refused_by_name_and_changes_nothing() {
    let app = TestApp::start().await;
    let before = replace(&app, "anna", full()).await.body;
    for (field, value) in [
        ("name", json!("two\nlines")),
        ("name", json!("x".repeat(101))),
        ("reply_to", json!("Anna <studio@example.com>")),
        ("reply_to", json!("a@example.com\r\nBcc: b@example.com")),
        ("contact", json!("x".repeat(501))),
        ("contact", json!("bell \u{7}")),
        ("accent_color", json!("red")),
        ("accent_color", json!("#fff")),
        ("accent_color", json!("#b3421b;background:url(//example.com)")),
        ("message", json!("x".repeat(2001))),
        ("message", json!(" \n ")),
        ("footer", json!("x".repeat(1001))),
        ("footer", json!("\u{0}")),
        ("locale", json!("not a language")),
        ("locale", json!("")),
        ("time_zone", json!("Mars/Olympus")),
        ("time_zone", json!("../etc/passwd")),
        ("renewal", json!("never")),
        ("logo", json!({ "hash": "0" })),
        ("studio", json!("berta")),
    ] {
        let mut settings = full();
        settings[field] = value.clone();
        let refused = replace(&app, "anna", settings).await;
        let named = (refused.status.as_u16(), refused.text("/field"));
        assert_eq!(named, (422, field.to_owned()), "{field} {value}: {refused:?}");
    }
    for nothing in [json!([]), json!(null), json!("text")] {
        assert_eq!(replace(&app, "anna", nothing).await.status, 422, "it must not unset all settings");
    }
    assert_eq!(app.get("anna", "/studio").await.body, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_first_changes_create_one_profile() {
    let app = TestApp::start().await;
    let set = async |n: usize| replace(&app, "anna", json!({ "name": format!("Foto {n}") })).await;
    let (a, b, c, d) = tokio::join!(set(1), set(2), set(3), set(4));
    for answer in [a, b, c, d] {
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    assert!(app.get("anna", "/studio").await.text("/name").starts_with("Foto "));
}

#[tokio::test(flavor = "multi_thread")]
async fn known_profile_is_answered_with_304() {
    let app = TestApp::start().await;
    let get = async |tag: Option<&str>| {
        let request = app.http().get(format!("{}/studio", app.api())).header("authorization", "Bearer dev:anna");
        tag.into_iter().fold(request, |request, tag| request.header("if-none-match", tag)).send().await.unwrap()
    };
    let tag = get(None).await.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(get(Some(&tag)).await.status(), StatusCode::NOT_MODIFIED);
    replace(&app, "anna", full()).await;
    assert_eq!(get(Some(&tag)).await.status(), StatusCode::OK);
}
