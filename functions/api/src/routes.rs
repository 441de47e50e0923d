//! Routes of the API, one file per resource.

mod console;
mod customers;
mod downloads;
mod emails;
mod events;
mod imports;
mod jobs;
mod limits;
mod links;
mod logos;
mod operations;
mod orders;
mod orphans;
mod photos;
mod queues;
mod studio;
mod suppressions;
mod webhooks;

use std::{str::FromStr, time::Duration};

use axum::{
    Json, Router,
    extract::{self, DefaultBodyLimit, MatchedPath, Request},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{Extensions, HeaderMap, StatusCode, Version, header::CONTENT_TYPE};
use lambda_http::RequestExt as _;
use serde::Serialize;
use tower_http::compression::CompressionLayer;
use tracing::{Instrument as _, error, info_span};
use utoipa::{ToSchema, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    customer_page::response::pages_only,
    extract::MAX_BODY_BYTES,
    idempotency::keyed,
    openapi,
    problem::{Kind, Problem},
    security_headers::secured,
    state::State,
};

/// Default number of records on a page.
const DEFAULT_LIMIT: usize = 50;
/// Largest number of records on a page.
const MAX_LIMIT: usize = 200;

/// Returns the router with all routes.
pub fn router(state: State) -> Router {
    let (shop, _) = shop().split_for_parts();
    let (open, _) = open().split_for_parts();
    let router = shop
        .route_layer(from_fn_with_state(state.idempotency.clone(), keyed))
        .merge(open)
        // Some mail programs append a slash to links.
        .route("/d/{token}/", get(links::page).post(links::start))
        .fallback(async || Problem::not_found("route"))
        .method_not_allowed_fallback(async || {
            Problem::new(Kind::MethodNotAllowed, "This route does not support the method.").into_response()
        })
        .layer(from_fn(in_time))
        .layer(from_fn(pages_only))
        .layer(CompressionLayer::new().compress_when(is_page));
    secured(router).layer(from_fn(traced)).layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).with_state(state)
}

/// Returns whether a response is a page or a part of one. JSON stays as it is: its ETag names one representation.
fn is_page(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let is_part = |media_type: &[u8]| {
        [&b"text/html"[..], b"text/css", b"text/javascript"].iter().any(|part| media_type.starts_with(part))
    };
    headers.get(CONTENT_TYPE).is_some_and(|media_type| is_part(media_type.as_bytes()))
}

/// Adds request id and route to each log line. The path is not logged: a customer's link grants access.
async fn traced(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let request_id = request.lambda_context_ref().map_or("none", |context| &context.request_id);
    let span = info_span!("request", method = %request.method(), route, request_id);
    next.run(request).instrument(span).await
}

/// Ends a request before API Gateway's timeout of 30 s, so that the caller receives a response of the API.
async fn in_time(request: Request, next: Next) -> Response {
    const PATIENCE: Duration = Duration::from_secs(28);
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => {
            error!("A request exceeded the time limit");
            Problem::new(Kind::Busy, "The request took too long. Please try again.").retry_after(5).into_response()
        }
    }
}

/// Returns the description of all routes, without their common parts.
fn described() -> OpenApi {
    let mut described = shop().into_openapi();
    described.merge(open().into_openapi());
    described
}

/// Returns the OpenAPI document of a deployment at `url` that keeps archives for `retention_days` days.
pub fn openapi_document(url: &str, retention_days: u32) -> String {
    openapi::document(described(), url, retention_days)
}

/// Routes that require a token.
fn shop() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(photos::create, photos::list))
        .routes(routes!(photos::create_batch))
        .routes(routes!(photos::process_many))
        .routes(routes!(photos::show, photos::delete))
        .routes(routes!(photos::upload_again, photos::upload_progress, photos::abort_upload))
        .routes(routes!(photos::part_urls))
        .routes(routes!(photos::complete_upload))
        .routes(routes!(photos::sign_upload))
        .routes(routes!(photos::process))
        .routes(routes!(orders::create, orders::list))
        .routes(routes!(orders::show, orders::erase))
        .routes(routes!(customers::erase))
        .routes(routes!(downloads::create))
        .routes(routes!(downloads::list))
        .routes(routes!(downloads::show, downloads::revoke))
        .routes(routes!(downloads::retry))
        .routes(routes!(downloads::renew))
        .routes(routes!(downloads::set_pin))
        .routes(routes!(downloads::notify))
        .routes(routes!(emails::create, emails::list))
        .routes(routes!(emails::preview))
        .routes(routes!(emails::show))
        .routes(routes!(events::list))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::show, webhooks::delete))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::enable))
        .routes(routes!(webhooks::replay))
        .routes(routes!(webhooks::list_deliveries))
        .routes(routes!(webhooks::retry_delivery))
        .routes(routes!(operations::show))
        .routes(routes!(imports::create))
        .routes(routes!(orphans::list, orphans::settle))
        .routes(routes!(studio::show, studio::replace))
        .routes(routes!(limits::show, limits::replace))
        .routes(routes!(suppressions::lift))
        .routes(routes!(logos::announce, logos::remove))
        .routes(routes!(queues::queues))
        .routes(routes!(queues::list_failed, queues::flush_failed))
        .routes(routes!(queues::retry_failed))
        .routes(routes!(queues::forget_failed))
        .routes(routes!(queues::metrics))
        .routes(routes!(queues::pause))
        .routes(routes!(queues::resume))
        .routes(routes!(queues::list_jobs))
        .routes(routes!(jobs::show))
        .routes(routes!(jobs::load))
        .routes(routes!(jobs::find_orders))
}

/// Routes that require no token.
fn open() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(links::page, links::start))
        .routes(routes!(links::photo, links::start_photo))
        .routes(routes!(links::file))
        .routes(routes!(links::enter_pin))
        .routes(routes!(links::choose_size))
        .routes(routes!(links::renew))
        .routes(routes!(logos::show))
        .routes(routes!(console::page))
        .routes(routes!(console::file))
        .routes(routes!(console::config))
        .routes(routes!(health))
        .routes(routes!(document))
}

/// Health of the service.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`
    #[schema(example = "ok")]
    status: &'static str,
}

/// Check health
#[utoipa::path(
    get, path = "/health", tag = "service", operation_id = "health", security(),
    responses((status = 200, description = "The service is up", body = Health)),
)]
async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Get the OpenAPI document
///
/// OpenAPI 3.1, generated from the routes.
#[utoipa::path(
    get, path = "/openapi.json", tag = "service", operation_id = "get_document", security(),
    responses((status = 200, description = "The OpenAPI document", body = Object)),
)]
async fn document(extract::State(state): extract::State<State>) -> impl IntoResponse {
    let document = state.document.get_or_init(|| openapi_document(&state.public_url, state.retention_days));
    ([(CONTENT_TYPE, "application/json")], document.clone())
}

/// Returns the view of a page of records.
fn page<R: domain::record::Record, T>(page: &runtime::store::Page<R>, view: impl Fn(&R) -> T) -> api_types::Page<T> {
    let next_cursor = page.next.map(|id| id.to_string());
    api_types::Page { items: page.items.iter().map(view).collect(), next_cursor }
}

/// Parses the position and the length of a page.
fn page_of<C: FromStr>(limit: Option<usize>, cursor: Option<&str>) -> Result<(Option<C>, usize), Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::invalid("limit", format!("It must be 1 to {MAX_LIMIT}.")));
    }
    let after = cursor.map(str::parse).transpose();
    Ok((after.map_err(|_| Problem::invalid("cursor", "It is not a cursor of this list."))?, limit))
}
