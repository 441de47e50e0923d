//! The shop: orders, downloads, emails, erasures.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Clients;
use crate::{services::shop::HOOK, truth::KnownDownload};

/// PIN of the pages that have one.
const PIN: &str = "135790";

/// Terms of a download.
pub struct Terms {
    pub web: bool,
    pub single: bool,
    pub max_downloads: Option<u32>,
    pub waits: bool,
}

/// Returns the address of a customer.
pub fn address(customer: usize) -> String {
    format!("customer-{customer}@example.com")
}

/// Creates the webhook that gets all events.
pub async fn create_webhook(clients: &Clients) {
    clients.request(Method::POST, "/webhooks", Some("webhook"), json!({ "url": HOOK })).await;
}

pub async fn order(clients: &Clients, key: &str, number: usize, photos: &[usize], customer: usize) {
    let ids: Vec<Uuid> = {
        let facts = clients.truth.facts();
        photos.iter().filter_map(|photo| Some(facts.photos.get(photo)?.id)).collect()
    };
    if ids.is_empty() {
        return;
    }
    let body = json!({
        "reference": format!("R-{number}"),
        "customer": { "name": "Cleo", "email": address(customer), "locale": "de" },
        "photo_ids": ids,
    });
    let Some(answer) = clients.request(Method::POST, "/orders", Some(key), body).await else { return };
    let Some(id) = clients.id_in(&answer, "/id") else { return };
    let mut facts = clients.truth.facts();
    facts.orders.insert(number, (id, ids));
    facts.customers.insert(id, customer);
}

/// Lets customers renew their links, without asking the studio.
async fn set_profile(clients: &Clients) {
    let profile = json!({ "name": "Foto Anna", "reply_to": "anna@example.com", "renewal": "automatic" });
    clients.request(Method::PUT, "/studio", None, profile).await;
}

pub async fn download(clients: &Clients, key: &str, number: usize, order: usize, terms: Terms) {
    let Some((order, photos)) = clients.truth.facts().orders.get(&order).cloned() else { return };
    if number == 1 {
        set_profile(clients).await;
    }
    let mut chosen = None;
    let mut body = json!({ "variant": if terms.web { "web" } else { "original" } });
    if let (true, Some(photo)) = (terms.single, photos.first()) {
        body["kind"] = "single".into();
        body["photo_id"] = photo.to_string().into();
        chosen = Some(vec![*photo]);
    }
    if number % 3 == 1 && !terms.single {
        let some: Vec<Uuid> = photos.iter().rev().take(photos.len().div_ceil(2)).copied().collect();
        body["photo_ids"] = json!(some);
        chosen = Some(some);
    }
    if number.is_multiple_of(2) {
        body["both_sizes"] = true.into();
    }
    let pin = (number % 4 == 3).then_some(PIN);
    if let Some(pin) = pin {
        body["pin"] = pin.into();
    }
    if let Some(most) = terms.max_downloads {
        body["max_downloads"] = most.into();
    }
    if terms.waits {
        body["queue"] = false.into();
    }
    let path = format!("/orders/{order}/downloads");
    // Photos may not be ready yet. The shop asks again later, which is a new request.
    for attempt in 0..4 {
        let key = format!("{key}-{attempt}");
        let Some(answer) = clients.request(Method::POST, path.clone(), Some(&key), body.clone()).await else { return };
        if let Some(id) = clients.id_in(&answer, "/download/id") {
            let link = answer.json["link"].as_str().unwrap_or_default();
            let Some((_, token)) = link.rsplit_once("/d/") else { return };
            let known = KnownDownload { id, order, chosen: chosen.clone(), link: format!("/d/{token}"), pin };
            clients.truth.facts().downloads.insert(number, known);
            return;
        }
        if answer.status != StatusCode::CONFLICT {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    }
}

pub async fn erase_order(clients: &Clients, order: usize) {
    let Some((id, _)) = clients.truth.facts().orders.get(&order).cloned() else { return };
    clients.truth.facts().erasures.insert(id);
    clients.request(Method::DELETE, format!("/orders/{id}"), None, Value::Null).await;
}

pub async fn erase_customer(clients: &Clients, key: &str, customer: usize) {
    {
        let mut facts = clients.truth.facts();
        let theirs: Vec<Uuid> = facts.customers.iter().filter(|(_, of)| **of == customer).map(|(id, _)| *id).collect();
        facts.erasures.extend(theirs);
        facts.erased_customers.insert(customer);
    }
    clients.request(Method::POST, "/customers/erase", Some(key), json!({ "email": address(customer) })).await;
}

pub async fn rebuild(clients: &Clients, key: &str, download: usize) {
    let Some(id) = clients.truth.facts().downloads.get(&download).map(|download| download.id) else { return };
    let route = if download.is_multiple_of(2) { "retry" } else { "renew" };
    clients.request(Method::POST, format!("/downloads/{id}/{route}"), Some(key), Value::Null).await;
}

pub async fn revoke(clients: &Clients, download: usize) {
    let Some(id) = clients.truth.facts().downloads.get(&download).map(|download| download.id) else { return };
    clients.truth.facts().revocations.insert(id);
    clients.request(Method::DELETE, format!("/downloads/{id}"), None, Value::Null).await;
}

/// Has the link sent to another address, if it opens.
pub async fn notify(clients: &Clients, key: &str, download: usize, customer: usize) {
    let Some(id) = clients.truth.facts().downloads.get(&download).map(|download| download.id) else { return };
    let to = json!({ "to": address(customer) });
    let answer = clients.request(Method::POST, format!("/downloads/{id}/notify"), Some(key), to).await;
    if answer.is_some_and(|answer| answer.status.is_success()) {
        clients.truth.facts().readdressed += 1;
    }
}

pub async fn email(clients: &Clients, key: &str, order: usize, waits: bool) {
    let (id, customer) = {
        let facts = clients.truth.facts();
        let Some((id, _)) = facts.orders.get(&order) else { return };
        (*id, facts.customers.get(id).copied().unwrap_or_default())
    };
    let mut body = json!({
        "template": "order_confirmation", "to": address(customer), "data": { "order_id": id },
    });
    if waits {
        body["queue"] = false.into();
    }
    clients.request(Method::POST, "/emails", Some(key), body).await;
}
