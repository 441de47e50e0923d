//! The operators' console: its files are open, cached by release, and may do nothing but call the API and the issuer.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tests::TestApp;

async fn get(app: &TestApp, path: &str, tag: &str) -> Response {
    app.http().get(format!("{}{path}", app.api())).header("if-none-match", tag).send().await.unwrap()
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn page_needs_no_token_and_loads_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    let page = get(&app, "/console", "").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    assert_eq!(
        header(&page, "content-security-policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action \
         'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    let others = ["cache-control", "cross-origin-opener-policy", "referrer-policy", "x-content-type-options"];
    assert_eq!(others.map(|name| header(&page, name)), ["no-cache", "same-origin", "no-referrer", "nosniff"]);
    let text = page.text().await.unwrap();
    let names: Vec<&str> = text.split("=\"console/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(names.len(), 5, "{text}");
    for name in names {
        let file = get(&app, &format!("/console/{name}"), "").await;
        assert_eq!(file.status(), StatusCode::OK, "{name}");
        assert_eq!(header(&file, "cache-control"), "public, max-age=31536000, immutable", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn known_files_are_not_sent_again_and_unknown_ones_are_not_found() {
    let app = TestApp::start().await;
    for (path, media_type) in [
        ("/console", "text/html; charset=utf-8"),
        ("/console/app.js", "text/javascript; charset=utf-8"),
        ("/console/base.css", "text/css; charset=utf-8"),
        ("/console/icon.svg", "image/svg+xml"),
    ] {
        let first = get(&app, path, "\"another\"").await;
        let tag = header(&first, "etag");
        let told = (first.status(), header(&first, "content-type"), header(&first, "cache-control"));
        assert_eq!(told, (StatusCode::OK, media_type.to_owned(), "no-cache".to_owned()), "{path}");
        let again = get(&app, path, &tag).await;
        assert_eq!((again.status(), header(&again, "etag")), (StatusCode::NOT_MODIFIED, tag), "{path}");
        assert!(again.bytes().await.unwrap().is_empty());
    }
    for path in
        ["/console/none.js", "/console/index.html", "/console/..%2Fsrc%2Flib.rs", "/console/a/b", "/console/%ff"]
    {
        let answer = get(&app, path, "").await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(header(&answer, "content-type").starts_with("application/problem+json"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_says_where_operators_sign_in() {
    let mut app = TestApp::start().await;
    let config: Value = get(&app, "/console/config.json", "").await.json().await.unwrap();
    assert_eq!((&config["issuer"], &config["client_id"], &config["local"]), (&Value::Null, &Value::Null, &json!(true)));
    app.restart(|options| {
        options.set("api", "CONSOLE_ISSUER", "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Pool");
        options.set("api", "CONSOLE_CLIENT_ID", "4k1example");
        options.set("api", "CONSOLE_TOKEN_ORIGIN", "https://darkroom.auth.eu-central-1.amazoncognito.com");
    })
    .await;
    let config: Value = get(&app, "/console/config.json", "").await.json().await.unwrap();
    assert_eq!((&config["client_id"], &config["local"]), (&json!("4k1example"), &json!(false)), "{config}");
    let policy = header(&get(&app, "/console", "").await, "content-security-policy");
    let called = "connect-src 'self' https://cognito-idp.eu-central-1.amazonaws.com \
        https://darkroom.auth.eu-central-1.amazoncognito.com;";
    assert!(policy.contains(called), "{policy}");
}
