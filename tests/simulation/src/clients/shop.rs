//! The shop: orders, downloads, emails, erasures.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Clients;
use crate::truth::KnownDownload;

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
    if answer.status != StatusCode::CREATED {
        return;
    }
    let Some(id) = answer.json["id"].as_str().and_then(|id| id.parse().ok()) else { return };
    let mut facts = clients.truth.facts();
    facts.orders.insert(number, (id, ids));
    facts.customers.insert(id, customer);
}

pub async fn download(clients: &Clients, key: &str, number: usize, order: usize, terms: Terms) {
    let Some((order, photos)) = clients.truth.facts().orders.get(&order).cloned() else { return };
    let mut body = json!({ "variant": if terms.web { "web" } else { "original" } });
    if let (true, Some(photo)) = (terms.single, photos.first()) {
        body["kind"] = "single".into();
        body["photo_id"] = photo.to_string().into();
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
        if let (Some(id), Some(link)) = (answer.json["id"].as_str(), answer.json["link"].as_str()) {
            let (Ok(id), Some((_, token))) = (id.parse(), link.rsplit_once("/d/")) else { return };
            let known = KnownDownload { id, order, link: format!("/d/{token}") };
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
    }
    clients.request(Method::POST, "/customers/erase", Some(key), json!({ "email": address(customer) })).await;
}

pub async fn rebuild(clients: &Clients, key: &str, download: usize) {
    let Some(id) = clients.truth.facts().downloads.get(&download).map(|download| download.id) else { return };
    clients.request(Method::POST, format!("/downloads/{id}/retry"), Some(key), Value::Null).await;
}

pub async fn revoke(clients: &Clients, download: usize) {
    let Some(id) = clients.truth.facts().downloads.get(&download).map(|download| download.id) else { return };
    clients.truth.facts().revocations.insert(id);
    clients.request(Method::DELETE, format!("/downloads/{id}"), None, Value::Null).await;
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
