//! One file per resource; the table of routes is here.

mod downloads;
mod emails;
mod links;
mod orders;
mod photos;

use axum::{
    Json, Router,
    extract::Query,
    routing::{get, post},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::store::Page;
use uuid::Uuid;

use crate::{problem::Problem, state::State};

/// Records on a page, unless the caller asks for fewer or more.
const DEFAULT_LIMIT: usize = 50;
/// Records on a page at most.
const MAX_LIMIT: usize = 200;

/// All routes.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/photos", post(photos::create).get(photos::list))
        .route("/photos/{id}", get(photos::show))
        .route("/photos/{id}/upload", post(photos::upload_again))
        .route("/orders", post(orders::create).get(orders::list))
        .route("/orders/{id}", get(orders::show))
        .route("/orders/{id}/downloads", post(downloads::create))
        .route("/downloads", get(downloads::list))
        .route("/downloads/{id}", get(downloads::show).delete(downloads::revoke))
        .route("/emails", post(emails::create))
        .route("/emails/{id}", get(emails::show))
        .route("/d/{token}", get(links::page).post(links::fetch))
        .route("/health", get(async || Json(json!({ "status": "ok" }))))
        .fallback(async || Problem::not_found("route"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This route knows other methods only.")
        })
        .with_state(state)
}

/// What every list takes.
#[derive(Deserialize)]
pub struct Paging {
    limit: Option<usize>,
    cursor: Option<String>,
}

impl Paging {
    fn parse(&self) -> Result<(Option<Uuid>, usize), Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::invalid("limit", format!("It must be 1 to {MAX_LIMIT}.")));
        }
        let after = self.cursor.as_deref().map(str::parse).transpose();
        Ok((after.map_err(|_| Problem::invalid("cursor", "It is not a cursor that a list has answered."))?, limit))
    }
}

/// A query string whose errors are problems.
fn query<T>(parsed: Result<Query<T>, axum::extract::rejection::QueryRejection>) -> Result<T, Problem> {
    parsed.map(|Query(query)| query).map_err(|error| Problem::invalid("query", error.body_text()))
}

fn page<R>(page: &Page<R>, view: impl Fn(&R) -> Value) -> Json<Value> {
    Json(json!({ "items": page.items.iter().map(view).collect::<Vec<_>>(), "next_cursor": page.next }))
}
