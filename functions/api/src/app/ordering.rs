//! Orders: made of photos that nobody deletes meanwhile, and erased.

use std::{collections::HashMap, convert::Infallible};

use domain::{
    Studio,
    operation::Operation,
    order::Order,
    photo::{Photo, PhotoStatus},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use runtime::failed_jobs::CONCURRENCY;
use serde_json::json;
use uuid::Uuid;

use crate::{
    idempotency::IdempotentRequest,
    problem::{ApiResult, Kind, Problem},
    state::State,
};

/// Writes the order of these photos, which are looked at before and after the order's items are written
/// (`shared/runtime/src/store/orders.rs`). Returns the one that the request has made before, if it has.
pub async fn create(state: &State, order: Order, ids: &[Uuid], request: &IdempotentRequest) -> ApiResult<Order> {
    if request.again
        && let Some(made) = request.made(state.orders.get(&order.studio, order.id).await?)?
    {
        return Ok(not_erased(made)?);
    }
    let photos = state.photos.get_many(&order.studio, ids).await?;
    refuse(ids, &photos)?;
    keep_awaited(state, &photos).await?;
    state.orders.put_photos(&order, ids, state.clock.now()).await?;
    // Looked at again, now that whoever deletes one of them sees that the order will have it.
    refuse(ids, &state.photos.get_many(&order.studio, ids).await?)?;
    state.orders.create(&order).await?;
    Ok(order)
}

/// The studio's order of this id. One that was erased is gone: nothing can be made of it any more.
pub async fn find(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Order> {
    let found = state.orders.get(studio, id).await?.ok_or_else(|| Problem::not_found("order"))?;
    Ok(not_erased(found)?)
}

/// Refuses an order that was erased.
pub fn not_erased(order: Order) -> Result<Order, Problem> {
    if order.is_erased() { Err(Problem::new(Kind::Erased, "The order was erased.")) } else { Ok(order) }
}

/// Marks those that wait for their upload: they are not forgotten after their seven days.
async fn keep_awaited(state: &State, photos: &HashMap<Uuid, Photo>) -> ApiResult<()> {
    let awaited = photos.values().filter(|photo| photo.status == PhotoStatus::AwaitingUpload && !photo.ordered);
    let marks = awaited.map(|photo| async {
        let mark = |photo: &mut Photo| {
            photo.ordered = true;
            Ok::<_, Infallible>(())
        };
        state.photos.update(&photo.studio, photo.id, mark).await.map(drop)
    });
    let marks: Vec<_> = marks.collect();
    Ok(stream::iter(marks).buffer_unordered(CONCURRENCY).try_collect().await?)
}

/// Names the photos that can't be ordered.
fn refuse(ids: &[Uuid], photos: &HashMap<Uuid, Photo>) -> Result<(), Problem> {
    let refused: Vec<_> = ids
        .iter()
        .filter_map(|id| match photos.get(id) {
            // Another studio's photo is as unknown as one that never was.
            None => Some(json!({ "id": id, "reason": "unknown" })),
            Some(photo) if photo.status == PhotoStatus::Deleting => Some(json!({ "id": id, "reason": "unknown" })),
            Some(photo) if photo.status == PhotoStatus::Failed && !photo.is_ready() => {
                let why = photo.error.as_ref().map(|error| &error.message);
                Some(json!({ "id": id, "reason": "failed", "filename": photo.filename, "detail": why }))
            }
            Some(_) => None,
        })
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid("photo_ids", "Photos in it are unknown or could not be developed.").naming("photos", refused))
}

/// Erases the order and all that was made of it.
pub async fn erase(state: &State, studio: Studio, id: Uuid) -> ApiResult<()> {
    let now = state.clock.now();
    state.orders.get(&studio, id).await?.ok_or_else(|| Problem::not_found("order"))?;
    // If this request breaks off, the sweep finds the operation and the archive builder continues it.
    let operation = Operation::erasing(studio, id, now);
    let studio = &operation.studio;
    state.operations.create(&operation).await?;
    state.erasure().order(studio, id, now).await?;
    state.operations.delete(studio, operation.id).await?;
    Ok(())
}
