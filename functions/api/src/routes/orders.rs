//! Orders: which photos a customer bought.

use std::collections::HashSet;

use axum::{
    Json,
    extract::{Query, State as Shared, rejection::QueryRejection},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    Studio,
    email_address::EmailAddress,
    order::{Customer, MAX_PHOTOS, Order, OrderStatus},
    photo::PhotoStatus,
};
use uuid::Uuid;

use super::{Paging, page, query};
use crate::{
    body::{Body, Id, line, locale},
    identity::Caller,
    problem::{ApiResult, Problem},
    state::State,
};

/// What a shop sends when somebody has bought.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    reference: String,
    customer: NewCustomer,
    photo_ids: Vec<Uuid>,
}

/// Who bought.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCustomer {
    name: String,
    email: EmailAddress,
    locale: Option<String>,
}

impl NewOrder {
    fn parse(self, studio: Studio, now: Timestamp) -> Result<(Order, Vec<Uuid>), Problem> {
        let reference = line("reference", &self.reference, 100)?;
        let customer = Customer {
            name: line("customer.name", &self.customer.name, 200)?,
            email: self.customer.email,
            locale: locale("customer.locale", self.customer.locale.as_deref())?,
        };
        if !(1..=MAX_PHOTOS).contains(&self.photo_ids.len()) {
            let detail = format!("An order has 1 to {MAX_PHOTOS} photos, this one {}.", self.photo_ids.len());
            return Err(Problem::invalid("photo_ids", detail));
        }
        let mut seen = HashSet::new();
        let twice: Vec<_> = self.photo_ids.iter().filter(|id| !seen.insert(**id)).collect();
        if !twice.is_empty() {
            return Err(Problem::invalid("photo_ids", "A photo stands in it twice.").with("photo_ids", twice));
        }
        let order = Order {
            studio,
            id: Uuid::now_v7(),
            status: OrderStatus::Open,
            reference,
            customer,
            photo_count: u32::try_from(self.photo_ids.len()).unwrap_or(u32::MAX),
            created_at: now,
        };
        Ok((order, self.photo_ids))
    }
}

/// POST /orders
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Body(new): Body<NewOrder>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let (order, ids) = new.parse(studio, state.clock.now())?;
    let photos = state.photos.get_many(&order.studio, &ids).await?;
    let refused: Vec<_> = ids
        .iter()
        .filter_map(|id| match photos.get(id) {
            // Another studio's photo is as unknown as one that never was.
            None => Some(json!({ "id": id, "reason": "unknown" })),
            Some(photo) if photo.status == PhotoStatus::Failed => {
                let why = photo.error.as_ref().map(|error| &error.message);
                Some(json!({ "id": id, "reason": "failed", "filename": photo.filename, "detail": why }))
            }
            Some(_) => None,
        })
        .collect();
    if !refused.is_empty() {
        let detail = "Photos in it are unknown or could not be developed.";
        return Err(Problem::invalid("photo_ids", detail).with("photos", refused).into());
    }
    state.orders.create(&order, &ids).await?;
    Ok((StatusCode::CREATED, Json(with_photos(&order, &ids))))
}

/// GET /orders
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    paging: Result<Query<Paging>, QueryRejection>,
) -> ApiResult<Json<Value>> {
    let (after, limit) = query(paging)?.parse()?;
    Ok(page(&state.orders.list(&studio, after, limit).await?, view))
}

/// GET /orders/{id}
pub async fn show(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<Json<Value>> {
    let order = state.orders.get(&studio, id).await?.ok_or_else(|| Problem::not_found("order"))?;
    let ids = state.orders.photos(&order).await?;
    Ok(Json(with_photos(&order, &ids)))
}

fn with_photos(order: &Order, ids: &[Uuid]) -> Value {
    let mut shown = view(order);
    shown["photo_ids"] = json!(ids);
    shown
}

fn view(order: &Order) -> Value {
    json!({
        "id": order.id,
        "status": order.status,
        "reference": order.reference,
        "customer": order.customer,
        "photo_count": order.photo_count,
        "created_at": order.created_at,
    })
}
