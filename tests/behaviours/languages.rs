//! Emails and pages in the language of the order.

use serde_json::json;
use tests::{TestApp, jpeg};

#[tokio::test(flavor = "multi_thread")]
async fn email_and_page_use_the_customers_language() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let spoken = [
        ("de-AT", "de", "Ihr Foto ist fertig: L-de-AT", "Alle als ZIP-Datei herunterladen ("),
        ("fr", "fr", "Votre photo est prête : L-fr", "Tout télécharger en un fichier ZIP ("),
        ("ja-JP", "en", "Your photo is ready: L-ja-JP", "Download all as a ZIP file ("),
    ];
    for (already, (locale, language, subject, button)) in spoken.into_iter().enumerate() {
        let customer = json!({ "name": "Zoë", "email": "zoe@example.com", "locale": locale });
        let order = json!({ "reference": format!("L-{locale}"), "customer": customer, "photo_ids": [photo] });
        let order = app.post("anna", "/orders", order).await.text("/id");
        let (_, link) = app.download("anna", &order, json!({})).await;

        let emails = app.until_emails(already + 1).await;
        let email = emails.iter().find(|email| email.subject == subject).unwrap_or_else(|| panic!("{emails:?}"));
        let html = email.html.as_ref().unwrap();
        assert!(html.contains(&format!("<html lang=\"{language}\">")), "{html}");
        assert!(email.text.as_ref().unwrap().contains(&link), "{email:?}");

        let page = app.http().get(&link).send().await.unwrap().text().await.unwrap();
        assert!(page.contains(&format!("<html lang=\"{language}\">")), "{page}");
        assert!(page.contains(&format!("<button>{button}")), "{page}");
    }
}

/// An email that the shop requests may be in another language than the order.
#[tokio::test(flavor = "multi_thread")]
async fn requested_email_uses_the_requested_language() {
    let app = TestApp::start().await;
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "L-9", &[photo]).await;
    let email = json!({
        "template": "order_confirmation", "to": "zoe@example.com", "locale": "FR-ch", "data": { "order_id": order },
        "queue": false,
    });
    let sent = app.post("anna", "/emails", email).await;
    assert_eq!(sent.text("/email/subject"), "Merci pour votre commande L-9");
}
