//! Delivery through a CDN: what customers get with one, and when its key can't be used.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode, Url};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
    },
};
use serde_json::json;
use tests::{TestApp, jpeg, unzip};

const PARAMETER: &str = "/darkroom/cdn-key-1";

async fn with_cdn() -> TestApp {
    TestApp::with(|options| {
        options.set("api", "CDN_DOMAIN", "cdn.test");
        options.set("api", "CDN_KEY_ID", "K2JCJMDEHXQW5F");
        options.set("api", "CDN_KEY_PARAMETER", PARAMETER);
    })
    .await
}

/// Stores the parameter, as `aws ssm put-parameter` does.
async fn put_key(app: &TestApp, value: &str) {
    let scope = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ssm/aws4_request";
    let parameter = json!({ "Name": PARAMETER, "Value": value, "Type": "SecureString" });
    let put = app.http().post(&app.system().environment["AWS_ENDPOINT_URL"]).header("authorization", scope);
    let put = put.header("x-amz-target", "AmazonSSM.PutParameter").json(&parameter).send().await.unwrap();
    assert_eq!(put.status(), StatusCode::OK);
}

fn unescaped(page: &str) -> String {
    page.replace("&#x2f;", "/").replace("&amp;", "&")
}

/// Checks the signature of a URL, and returns the path of its object and the file name that S3 will answer with.
fn checked(public_key: &[u8], signed: &str) -> (String, Option<String>) {
    let url = Url::parse(signed).unwrap();
    assert_eq!((url.scheme(), url.host_str(), url.port()), ("https", Some("cdn.test"), None), "{signed}");
    let field = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let own = format!("Expires={}", field("Expires").unwrap());
    let (resource, _) = signed.split_once(&own).unwrap();
    let (resource, expires) = (&resource[..resource.len() - 1], &own["Expires=".len()..]);
    let policy = [
        r#"{"Statement":[{"Resource":""#,
        resource,
        r#"","Condition":{"DateLessThan":{"AWS:EpochTime":"#,
        expires,
        "}}}]}",
    ]
    .concat();
    let signature = field("Signature").unwrap().replace('-', "+").replace('_', "=").replace('~', "/");
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key);
    key.verify(policy.as_bytes(), &STANDARD.decode(signature).unwrap()).expect("the signature fits the URL");
    assert_eq!(field("Key-Pair-Id").as_deref(), Some("K2JCJMDEHXQW5F"));
    let lives = expires.parse::<i64>().unwrap() - jiff::Timestamp::now().as_second();
    assert!((15 * 60 - 60..=3600).contains(&lives), "{lives}");
    (url.path().to_owned(), field("response-content-disposition"))
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_get_signed_urls_of_the_cdn() {
    let app = with_cdn().await;
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der.as_ref(), &SystemRandom::new()).unwrap();
    let public_key = key.public_key().as_ref();
    let pem = STANDARD.encode(der.as_ref());
    put_key(&app, &format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n")).await;

    let id = app.ready_photo("anna", "Fräulein 1.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "C-1", std::slice::from_ref(&id)).await;
    let (download, link) = app.download("anna", &order, json!({ "notify": false })).await;
    let (path, disposition) = checked(public_key, &app.file_url(&link).await.unwrap());
    assert_eq!(path, format!("/archives/anna/{}/1.zip", download.id));
    assert!(disposition.unwrap().contains("filename=\"C-1.zip\""));

    let head = app.http().request(Method::HEAD, app.ticket(&link).await.unwrap()).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::SEE_OTHER);
    assert_eq!(checked(public_key, head.headers()["location"].to_str().unwrap()).0, path);

    let page = app.http().get(&link).header("accept", "text/html").send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let pictures = policy.split("; ").find(|directive| directive.starts_with("img-src")).unwrap();
    assert!(pictures.ends_with(" https://cdn.test"), "{policy}");
    let page = unescaped(&page.text().await.unwrap());
    let thumb = page.split('"').find(|text| text.starts_with("https://cdn.test/")).expect("a picture of the CDN");
    let (path, disposition) = checked(public_key, thumb);
    assert!(path.starts_with(&format!("/derivatives/anna/{id}/")) && path.ends_with("/thumb.jpg"), "{path}");
    assert_eq!(disposition, None);

    let single = json!({ "kind": "single", "photo_id": id, "notify": false });
    let (_, link) = app.download("anna", &order, single).await;
    let (path, disposition) = checked(public_key, &app.file_url(&link).await.unwrap());
    assert_eq!(path, format!("/originals/anna/{id}"));
    assert!(disposition.unwrap().contains("filename*=UTF-8''Fr%C3%A4ulein%201.jpg"));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_or_damaged_key_leaves_downloads_to_s3() {
    for key in [None, Some("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")] {
        let app = with_cdn().await;
        if let Some(key) = key {
            put_key(&app, key).await;
        }
        let id = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
        let order = app.order("anna", "C-2", &[id]).await;
        let (_, link) = app.download("anna", &order, json!({ "notify": false })).await;
        assert_eq!(unzip(app.fetch(&link).await.unwrap()).len(), 2);
        let page = app.http().get(&link).header("accept", "text/html").send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK);
        let page = unescaped(&page.text().await.unwrap());
        assert!(page.contains("/thumb.jpg?") && !page.contains("cdn.test"), "{page}");
    }
}
