//! Connections that the other side closes between two requests.

use api_types::EmailView;
use domain::email::EmailStatus;
use serde_json::json;
use tests::{
    TestApp,
    faults::{FaultNet, Service},
    jpeg,
};

const EMAILS: usize = 4;

/// A request on a connection that SES has closed may or may not have arrived, so its email would be flagged. The sender
/// therefore uses each connection once.
#[tokio::test(flavor = "multi_thread")]
async fn closed_idle_connections_leave_no_email_possibly_sent() {
    let net = FaultNet::start(&["email-sender"]).await.unwrap();
    let overrides = net.overrides.clone();
    let app = TestApp::with(|options| options.overrides = overrides).await;
    net.connect(&app.environment());
    net.close_reused(Service::Ses);
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "S-1", &[photo]).await;
    for _ in 0..EMAILS {
        let to = json!({ "template": "order_confirmation", "to": "eva@example.com", "data": { "order_id": order } });
        let id = app.post("anna", "/emails", to).await.text("/email/id");
        // The emails are sent in sequence, so the last connection is idle when the next email is sent.
        let email: EmailView = app.until_view("anna", &format!("/emails/{id}"), &["sent", "failed"]).await;
        let fields = (email.status, email.attempts, email.possible_duplicate);
        assert_eq!(fields, (EmailStatus::Sent, 1, false), "{email:?}");
    }
    app.until_emails(EMAILS).await;
    let sent = net.log().into_iter().filter(|answered| answered.site.call.operation == "SendEmail").count();
    assert_eq!(sent, EMAILS);
}
