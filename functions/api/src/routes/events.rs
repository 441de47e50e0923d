//! Events for programs of the shop that poll.

use api_types::{EventList, EventView};
use axum::{Json, extract::State as Shared};
use domain::{
    event::{ALL, Event, EventType, SETTLED_AFTER},
    record::{ListIndex, first_position},
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::page_of;
use crate::{
    extract::Query,
    identity::Caller,
    problem::{ApiResult, Problem},
    state::State,
};

/// Part of the list of events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Position after which the page begins: `after` of the page before, or `position` of an event. Without it the list
    /// begins with the oldest event.
    #[param(value_type = Option<String>, format = Uuid)]
    after: Option<String>,
    /// Largest number of events.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// Type of the events.
    #[serde(rename = "type")]
    #[param(value_type = Option<EventType>)]
    kind: Option<String>,
}

/// List events
///
/// Oldest first. A program that asks again and again with the `after` of the page before gets each event once, and misses
/// none. Events are listed 15 s after they were written, and kept for 30 days.
#[utoipa::path(
    get, path = "/events", tag = "events", operation_id = "list_events", params(EventQuery),
    responses((status = 200, description = "A page of events", body = EventList)),
)]
pub async fn list(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    Query(query): Query<EventQuery>,
) -> ApiResult<Json<EventList>> {
    let (_, limit) = page_of::<Uuid>(query.limit, None)?;
    let after = query.after.as_deref().map(str::parse::<Uuid>).transpose();
    let after = after.map_err(|_| Problem::invalid("after", "It is no position of an event."))?;
    let kind = query.kind.as_deref().map(str::parse::<EventType>).transpose();
    let kind = kind.map_err(|_| Problem::invalid("type", "There is no such type of events."))?;
    let settled = state.clock.now().checked_sub(SETTLED_AFTER).map_err(anyhow::Error::from)?;
    let range = (after, first_position(settled));
    let keep = |event: &Event| kind.is_none_or(|kind| event.kind == kind);
    let page = state.events.table().list_oldest(&studio, (ListIndex::Events, ALL), range, limit, keep).await?;
    let items = page.items.iter().map(EventView::from).collect();
    Ok(Json(EventList { items, after: page.after, more: page.more }))
}
