//! Made-up records, for previews without an order.

use domain::{
    Studio,
    email::Message,
    order::{Customer, Order, OrderStatus},
    studio_profile::StudioProfile,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{Delivery, Facts};

/// Returns one message of each template.
pub fn messages() -> Vec<Message> {
    let id = Uuid::nil();
    vec![
        Message::OrderConfirmation { order_id: id },
        Message::DownloadReady { download_id: id },
        Message::DownloadFailed { download_id: id },
        Message::DownloadExpiring { download_id: id },
        Message::RenewalRequested { download_id: id },
        Message::WebhookDisabled { webhook_id: id },
        Message::Written {
            order_id: id,
            subject: "Your album A-17".to_owned(),
            text: "Dear Eva,\n\nyour album arrives on Friday. See https://anna.example/albums\n\nAnna".to_owned(),
        },
    ]
}

/// Returns an order of 24 photos, its delivery, which expires a week after `now`, and a webhook.
pub fn facts(studio: StudioProfile, public_url: String, now: Timestamp) -> anyhow::Result<Facts> {
    let order = order(studio.studio.clone(), now)?;
    let expires_at = now.saturating_add(SignedDuration::from_hours(7 * 24)).ok();
    let delivery = Delivery { photo_count: order.photo_count, bytes: Some(287_000_000), expires_at };
    let link = Some(format!("{public_url}/d/preview"));
    let webhook = Some("https://shop.example/darkroom".to_owned());
    Ok(Facts { order: Some(order), delivery: Some(delivery), link, webhook, studio, public_url })
}

fn order(studio: Studio, now: Timestamp) -> anyhow::Result<Order> {
    let customer =
        Customer { name: "Eva Maier".to_owned(), email: "eva@example.com".parse()?, locale: "en".to_owned() };
    Ok(Order {
        studio,
        id: Uuid::nil(),
        status: OrderStatus::Open,
        reference: "A-17".to_owned(),
        customer,
        photo_count: 24,
        created_at: now,
        erased_at: None,
    })
}
