//! Replies of SES that are lost after it has accepted the email.

use std::time::Duration;

use api_types::EmailView;
use domain::email::EmailStatus;
use runtime::clock::Clock;
use serde_json::json;
use tests::{
    TestApp,
    faults::{Call, Fault, FaultNet, Service, Site, Strike},
    jpeg,
};

/// Starts a system whose SES loses the reply to the first email, and returns it with an order.
async fn start() -> (TestApp, FaultNet, String) {
    let net = FaultNet::start(&["email-sender"]).await.unwrap();
    let overrides = net.overrides.clone();
    let app = TestApp::with(|options| {
        options.clock = Clock::movable();
        options.overrides = overrides;
    })
    .await;
    net.connect(&app.environment());
    let photo = app.ready_photo("anna", "a.jpg", &jpeg(1, 60, 40)).await;
    let order = app.order("anna", "L-1", &[photo]).await;
    let call = Call { service: Service::Ses, operation: "SendEmail".to_owned() };
    let site = Site { function: "email-sender".to_owned(), call, nth: 1 };
    net.begin(vec![Strike { site, fault: Fault::CutReply, times: 1 }]);
    (app, net, order)
}

async fn send(app: &TestApp, order: &str, to: &str) -> String {
    let new = json!({ "template": "order_confirmation", "to": to, "data": { "order_id": order } });
    let id = app.post("anna", "/emails", new).await.text("/email/id");
    format!("/emails/{id}")
}

#[tokio::test(flavor = "multi_thread")]
async fn report_of_ses_spares_a_second_copy() {
    let (app, _net, order) = start().await;
    let path = send(&app, &order, "success@simulator.amazonses.com").await;
    let email: EmailView = app.until_view("anna", &path, &["delivered"]).await;
    assert_eq!((email.possible_duplicate, email.error), (false, None));
    let sent = app.emails().await.remove(0);
    assert_eq!((email.subject, email.provider_message_id), (Some(sent.subject), Some(sent.message_id)));
    app.system().advance(Duration::from_secs(900));
    app.system().sweep().await.unwrap();
    app.until_quiet("emails").await;
    assert_eq!(app.emails().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn email_without_report_is_sent_once_more_after_ten_minutes() {
    let (app, net, order) = start().await;
    // An ordinary address: no report comes.
    let path = send(&app, &order, "eva@example.com").await;
    app.until_emails(1).await;
    let sent = || net.log().iter().filter(|answered| answered.site.call.operation == "SendEmail").count();
    app.system().advance(Duration::from_secs(500));
    app.system().sweep().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let waiting: EmailView = app.get("anna", &path).await.view();
    assert_eq!((waiting.status, sent()), (EmailStatus::Sending, 1), "{waiting:?}");
    app.system().advance(Duration::from_secs(230));
    app.system().sweep().await.unwrap();
    let email: EmailView = app.until_view("anna", &path, &["sent"]).await;
    assert!(email.possible_duplicate, "{email:?}");
    assert_eq!(app.until_emails(2).await.len(), 2);
}
