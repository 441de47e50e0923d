//! A customer is spoken to in the language of the order.

use serde_json::json;
use tests::{TestApp, jpeg};

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_and_its_page_speak_the_customers_language() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let spoken = [
        ("de-AT", "de", "Ihre Fotos sind fertig: L-de-AT", "Herunterladen"),
        ("fr", "fr", "Vos photos sont prêtes : L-fr", "Télécharger"),
        ("ja-JP", "en", "Your photos are ready: L-ja-JP", "Download"),
    ];
    for (already, (locale, language, subject, button)) in spoken.into_iter().enumerate() {
        let customer = json!({ "name": "Zoë", "email": "zoe@example.com", "locale": locale });
        let order = json!({ "reference": format!("L-{locale}"), "customer": customer, "photo_ids": [photo] });
        let order = app.post("anna", "/orders", order).await.text("/id");
        let (_, link) = app.download("anna", &order, json!({})).await;

        let mails = app.until_mails(already + 1).await;
        let mail = mails.iter().find(|mail| mail["subject"] == subject).unwrap_or_else(|| panic!("{mails:?}"));
        let html = mail["html"].as_str().unwrap();
        assert!(html.contains(&format!("<html lang=\"{language}\">")), "{html}");
        assert!(mail["text"].as_str().unwrap().contains(&link), "{mail}");

        let page = app.http().get(&link).send().await.unwrap().text().await.unwrap();
        assert!(page.contains(&format!("<html lang=\"{language}\">")), "{page}");
        assert!(page.contains(&format!("<button>{button}</button>")), "{page}");
    }
}

/// A mail that the shop asks for may be in another language than the order.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_asked_for_is_in_the_language_asked_for() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "L-9", &[photo]).await;
    let mail = json!({
        "template": "order_confirmation", "to": "zoe@example.com", "locale": "FR-ch", "data": { "order_id": order },
        "queue": false,
    });
    let sent = app.post("anna", "/emails", mail).await;
    assert_eq!(sent.text("/email/subject"), "Merci pour votre commande L-9");
}
