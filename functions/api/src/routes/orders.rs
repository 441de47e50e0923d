//! Orders: the photos that a customer bought.

use std::collections::HashSet;

use api_types::{OrderPage, OrderWithPhotos};
use axum::{Json, extract::State as Shared, response::Response};
use domain::{
    Studio,
    email_address::EmailAddress,
    operation::Filled,
    order::{Customer, MAX_PHOTOS, Order, OrderStatus},
};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{page, page_of, photos};
use crate::{
    app::ordering::{self, Chosen},
    etag,
    extract::{Body, Id, Query, integer, line, locale, object},
    idempotency::IdempotentRequest,
    identity::Caller,
    openapi::Erased,
    problem::{ApiResult, Problem, ProblemView},
    state::State,
};

pub(super) const MAX_REFERENCE: usize = 100;
const MAX_NAME: usize = 200;

/// Request body of a new order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Order number of the shop: one line. The customer sees it.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$",
        example = "2026-1017"
    )]
    reference: String,
    /// Customer who placed the order.
    #[serde(deserialize_with = "object")]
    customer: NewCustomer,
    /// Ids of the photos, each once, in the order of the archive. The photos need not be processed yet. Required without
    /// `folder`.
    #[schema(value_type = Option<HashSet<Uuid>>, min_items = 1, max_items = 10_000)]
    photo_ids: Option<Vec<Uuid>>,
    /// Orders all photos of this folder, by file name, instead of `photo_ids`. Photos that could not be processed are left
    /// out.
    #[schema(min_length = 1, example = "wedding/church")]
    folder: Option<String>,
    /// Number of photos that the folder should have. Required with `folder`: photos may still be arriving.
    #[serde(default, deserialize_with = "integer")]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 10_000)]
    expected_count: Option<usize>,
}

/// Customer of a new order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCustomer {
    /// Name as the customer wrote it: one line.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$",
        example = "Eva Beispiel"
    )]
    name: String,
    /// Address for emails, without display name.
    #[schema(value_type = String, format = Email, max_length = 254, example = "eva@example.com")]
    email: EmailAddress,
    /// Language tag (BCP 47) of emails and of the download page, `en` by default. Texts exist in English, German (`de`)
    /// and French (`fr`); other languages fall back to English.
    #[schema(max_length = 35, pattern = "^[A-Za-z0-9]{1,8}([-_][A-Za-z0-9]{1,8})*$", example = "de-AT")]
    locale: Option<String>,
}

impl NewOrder {
    fn parse(self, studio: Studio, id: Uuid, now: Timestamp) -> Result<(Order, Chosen), Problem> {
        let reference = line("reference", &self.reference, MAX_REFERENCE)?;
        let customer = Customer {
            name: line("customer.name", &self.customer.name, MAX_NAME)?,
            email: self.customer.email,
            locale: locale("customer.locale", self.customer.locale.as_deref())?,
        };
        if self.expected_count.is_some_and(|count| !(1..=MAX_PHOTOS).contains(&count)) {
            return Err(Problem::invalid("expected_count", format!("An order has 1 to {MAX_PHOTOS} photos.")));
        }
        let folder = self.folder.as_deref().map(photos::folder).transpose()?;
        let chosen = match (self.photo_ids, folder, self.expected_count) {
            (Some(ids), None, None) => Chosen::Photos(distinct(ids)?),
            (None, Some(folder), Some(expected_count)) => Chosen::Folder { folder, expected_count },
            (None, Some(_), None) => {
                return Err(Problem::invalid("expected_count", "It is required with folder."));
            }
            (Some(_), _, Some(_)) => {
                return Err(Problem::invalid("folder", "expected_count is about a folder, which is missing."));
            }
            (None, None, _) => return Err(Problem::invalid("photo_ids", "Either photo_ids or folder is required.")),
            (Some(_), Some(_), None) => {
                return Err(Problem::invalid("photo_ids", "Only one of photo_ids and folder can be given."));
            }
        };
        let order = Order {
            studio,
            id,
            status: OrderStatus::Open,
            reference,
            customer,
            photo_count: 0,
            created_at: now,
            erased_at: None,
        };
        Ok((order, chosen))
    }
}

/// Checks that the ids can be an order's photos: some, not too many, each once.
pub(super) fn distinct(ids: Vec<Uuid>) -> Result<Vec<Uuid>, Problem> {
    if !(1..=MAX_PHOTOS).contains(&ids.len()) {
        let detail = format!("An order has 1 to {MAX_PHOTOS} photos, this one {}.", ids.len());
        return Err(Problem::invalid("photo_ids", detail));
    }
    let mut seen = HashSet::new();
    let twice: Vec<_> = ids.iter().copied().filter(|id| !seen.insert(*id)).collect();
    if !twice.is_empty() {
        return Err(Problem::invalid("photo_ids", "A photo is listed twice.").naming_twice(twice));
    }
    Ok(ids)
}

/// Create an order
///
/// Of listed photos (`photo_ids`), or of a whole folder (`folder`). Listed photos must exist, but need not be uploaded yet.
/// The refusal names the photos that have failed.
#[utoipa::path(
    post, path = "/orders", tag = "orders", operation_id = "create_order", request_body = NewOrder,
    responses(
        (status = 201, description = "The order was created", body = OrderWithPhotos),
        (status = 409, description = "The folder has another number of photos, or a request with this Idempotency-Key is under way", body = ProblemView, content_type = "application/problem+json"),
    ),
)]
pub async fn create(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(new): Body<NewOrder>,
) -> ApiResult<(StatusCode, Json<OrderWithPhotos>)> {
    let (order, chosen) = new.parse(studio, request.id, state.clock.now())?;
    let (order, ids) = ordering::create(&state, order, chosen, &request).await?;
    Ok((StatusCode::CREATED, Json(OrderWithPhotos::new(&order, ids))))
}

/// Filter of the list of orders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Orders with this reference. Several orders can have the same.
    reference: Option<String>,
    /// Number of records on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Value of `next_cursor` of the previous page.
    #[param(format = Uuid)]
    cursor: Option<String>,
}

/// List orders, newest first
#[utoipa::path(
    get, path = "/orders", tag = "orders", operation_id = "list_orders", params(Filter),
    responses((status = 200, description = "A page of orders", body = OrderPage)),
)]
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Query(filter): Query<Filter>,
) -> ApiResult<Json<OrderPage>> {
    let (after, limit) = page_of(filter.limit, filter.cursor.as_deref())?;
    let found = match filter.reference.as_deref() {
        Some(reference) if state.fillings.is_done(Filled::Orders).await? => {
            state.orders.list_by_reference(&studio, reference, after, limit).await?
        }
        reference => {
            let keep =
                |order: &Order| !order.is_erased() && reference.is_none_or(|reference| order.reference == reference);
            state.orders.list(&studio, after, limit, keep).await?
        }
    };
    Ok(Json(page(&found, |order| order.into())))
}

/// Get an order
#[utoipa::path(
    get, path = "/orders/{id}", tag = "orders", operation_id = "get_order",
    params(("id" = Uuid, Path, description = "Id of the order")),
    responses(
        (status = 200, description = "The order", body = OrderWithPhotos),
        Erased,
    ),
)]
pub async fn show(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let order = ordering::find(&state, &studio, id).await?;
    let view = OrderWithPhotos::new(&order, state.orders.photos(&order).await?);
    Ok(etag::answer(&headers, &view, [])?.with(view))
}

/// Erase an order
///
/// Removes the personal data: the customer, the reference, the archives, and the addresses and subjects of emails. The
/// order's links stop working, unsent emails are not sent, and the photos can be deleted. Repeating the request is
/// safe.
#[utoipa::path(
    delete, path = "/orders/{id}", tag = "orders", operation_id = "erase_order",
    params(("id" = Uuid, Path, description = "Id of the order")),
    responses((status = 204, description = "The order was erased")),
)]
pub async fn erase(Caller(studio): Caller, Shared(state): Shared<State>, Id(id): Id) -> ApiResult<StatusCode> {
    ordering::erase(&state, studio, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
