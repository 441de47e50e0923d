//! Deletion of a photo, in two phases, so that a photo is deleted or ordered, never both (`shared/runtime/src/store/orders.rs`).

use std::convert::Infallible;

use domain::{
    ObjectKey, Studio,
    operation::Filled,
    photo::{Deletion, Photo},
};
use uuid::Uuid;

use super::photos;
use crate::{
    problem::{ApiResult, Kind, Problem},
    state::State,
};

/// Deletes the photo's record, original and pictures. Refused while an order has the photo or a worker holds it. A deletion that
/// broke off is continued by repeating it.
pub async fn delete(state: &State, studio: &Studio, id: Uuid) -> ApiResult<()> {
    let now = state.clock.now();
    let photo = photos::find(state, studio, id).await?;
    // Most refusals are found here, and write nothing.
    let filled = state.fillings.is_done(Filled::Orders).await?;
    if let Some(order) = state.orders.holding(studio, id, now, filled).await? {
        if let Deletion::Marked { .. } = photo.deletion() {
            // Marked by a request that broke off before it saw the order: the photo is the order's.
            let keep = |photo: &mut Photo| {
                photo.keep(now);
                Ok::<_, Infallible>(())
            };
            state.photos.update(studio, id, keep).await?;
        }
        return Err(ordered(order).into());
    }
    // Marked, so that no order takes it from now on: then those that have it are all that ever will.
    let begun = state.photos.update(studio, id, |photo: &mut Photo| photo.begin_deleting(now)).await?;
    let (mut photo, begun) = begun.ok_or_else(|| Problem::not_found("photo"))?;
    let under_way = || Problem::new(Kind::UnderWay, "The photo is being developed, or another request deletes it.");
    begun.map_err(|_| under_way())?;
    if photo.deletion() != Deletion::Condemned {
        let order = state.orders.holding(studio, id, now, filled).await?;
        let decide = |photo: &mut Photo| {
            if order.is_none() {
                return photo.condemn();
            }
            photo.keep(now);
            Ok(())
        };
        let decided = state.photos.update(studio, id, decide).await?;
        let (decided_photo, decided) = decided.ok_or_else(|| Problem::not_found("photo"))?;
        decided.map_err(|_| under_way())?;
        if let Some(order) = order {
            return Err(ordered(order).into());
        }
        photo = decided_photo;
    }
    // An upload may still be under way, or begin: whoever is told of it finds this, also between the next lines.
    let uploads_end_at = photo.uploads_end_at();
    if uploads_end_at > now {
        state.tombstones.set(studio, id, uploads_end_at).await?;
    }
    for picture in state.originals.list(&ObjectKey::derivatives_of(studio, id)).await? {
        state.originals.delete(&picture).await?;
    }
    state.originals.delete(&photo.original()).await?;
    state.photos.delete(studio, id).await?;
    Ok(())
}

fn ordered(by: Uuid) -> Problem {
    Problem::new(Kind::PhotoOrdered, "An order holds the photo.").with("order_id", by)
}
