//! Orders: creation, protected against concurrent deletion of photos, and erasure.

use std::{collections::HashMap, convert::Infallible};

use domain::{
    Studio,
    operation::Operation,
    order::{MAX_PHOTOS, Order},
    photo::{Photo, PhotoStatus},
    record::ListIndex,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use runtime::failed_jobs::CONCURRENCY;
use uuid::Uuid;

use crate::{
    idempotency::IdempotentRequest,
    problem::{ApiResult, Kind, Problem, RefusedPhoto},
    state::State,
};

/// Number of photos of a folder that are read together.
const FOLDER_PAGE: usize = 1_000;

/// Photos of a new order.
pub enum Chosen {
    /// These, each once.
    Photos(Vec<Uuid>),
    /// All of a folder.
    Folder {
        /// Name of the folder.
        folder: String,
        /// Number of photos that it must have.
        expected_count: usize,
    },
}

/// Creates an order of these photos, or returns the one that an earlier attempt of the request created. Returns its photos
/// too.
///
/// The photos are checked before and after the order's items are written (`shared/runtime/src/store/orders.rs`).
pub async fn create(
    state: &State,
    order: Order,
    chosen: Chosen,
    request: &IdempotentRequest,
) -> ApiResult<(Order, Vec<Uuid>)> {
    if request.again
        && let Some(made) = request.made(state.orders.get(&order.studio, order.id).await?)?
    {
        let made = not_erased(made)?;
        let ids = state.orders.photos(&made).await?;
        return Ok((made, ids));
    }
    let ids = match chosen {
        Chosen::Photos(ids) => ids,
        Chosen::Folder { folder, expected_count } => of_folder(state, &order.studio, &folder, expected_count).await?,
    };
    let order = Order { photo_count: u32::try_from(ids.len()).unwrap_or(u32::MAX), ..order };
    let photos = state.photos.get_many(&order.studio, &ids).await?;
    refuse(&ids, &photos)?;
    refuse_deleted(state, &photos).await?;
    keep_awaited(state, &photos).await?;
    state.orders.put_photos(&order, &ids, state.clock.now()).await?;
    // Checked again: from here on, a deletion of one of the photos finds the order's items.
    refuse(&ids, &state.photos.get_many(&order.studio, &ids).await?)?;
    state.orders.create(&order).await?;
    Ok((order, ids))
}

/// Returns the photos of a folder by file name, except those that failed or are being deleted. The index lags behind, so
/// the studio says how many photos it expects.
async fn of_folder(state: &State, studio: &Studio, folder: &str, expected_count: usize) -> ApiResult<Vec<Uuid>> {
    let takes = |photo: &Photo| {
        let is_failed = photo.status == PhotoStatus::Failed && !photo.is_ready();
        photo.folder.as_deref() == Some(folder) && photo.status != PhotoStatus::Deleting && !is_failed
    };
    let (mut photos, mut after) = (Vec::new(), None);
    loop {
        let page = state.photos.list_by(studio, (ListIndex::Folder, folder), after, FOLDER_PAGE, takes).await?;
        photos.extend(page.items.into_iter().map(|photo| (photo.filename, photo.id)));
        after = page.next;
        if after.is_none() || photos.len() > MAX_PHOTOS {
            break;
        }
    }
    if photos.len() != expected_count || photos.is_empty() || photos.len() > MAX_PHOTOS {
        let found =
            if photos.len() > MAX_PHOTOS { format!("more than {MAX_PHOTOS}") } else { photos.len().to_string() };
        let detail = format!("The folder has {found} photos that can be ordered, {expected_count} were expected.");
        return Err(Problem::new(Kind::CountDiffers, detail).at("expected_count").into());
    }
    photos.sort_unstable();
    Ok(photos.into_iter().map(|(_, id)| id).collect())
}

/// Returns the studio's order with this id. Refuses an erased order.
pub async fn find(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Order> {
    let found = state.orders.get(studio, id).await?.ok_or_else(|| Problem::not_found("order"))?;
    Ok(not_erased(found)?)
}

/// Refuses an order that was erased.
pub fn not_erased(order: Order) -> Result<Order, Problem> {
    if order.is_erased() { Err(Problem::new(Kind::Erased, "The order was erased.")) } else { Ok(order) }
}

/// Marks photos that wait for their upload, so that they do not expire after seven days.
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

/// Refuses photos that wait for an upload and have a tombstone: they were deleted, and the request that announced them has
/// created them again by arriving twice.
async fn refuse_deleted(state: &State, photos: &HashMap<Uuid, Photo>) -> ApiResult<()> {
    let awaited = photos.values().filter(|photo| photo.status == PhotoStatus::AwaitingUpload);
    let looks = awaited.map(|photo| async {
        let is_deleted = state.tombstones.has(&photo.studio, photo.id).await?;
        anyhow::Ok(is_deleted.then(|| RefusedPhoto::unknown(photo.id)))
    });
    let looks: Vec<_> = looks.collect();
    let found: Vec<_> = stream::iter(looks).buffer_unordered(CONCURRENCY).try_collect().await?;
    refuse_these(found.into_iter().flatten().collect())
}

/// Refuses photos that cannot be ordered, and names them.
fn refuse(ids: &[Uuid], photos: &HashMap<Uuid, Photo>) -> ApiResult<()> {
    let refused: Vec<_> = ids
        .iter()
        .filter_map(|id| match photos.get(id) {
            // A photo of another studio is indistinguishable from one that does not exist.
            None => Some(RefusedPhoto::unknown(*id)),
            Some(photo) if photo.status == PhotoStatus::Deleting => Some(RefusedPhoto::unknown(*id)),
            Some(photo) if photo.status == PhotoStatus::Failed && !photo.is_ready() => {
                Some(RefusedPhoto::failed(photo))
            }
            Some(_) => None,
        })
        .collect();
    refuse_these(refused)
}

fn refuse_these(refused: Vec<RefusedPhoto>) -> ApiResult<()> {
    if refused.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid("photo_ids", "Some photos are unknown or could not be processed.").naming(refused).into())
}

/// Erases the order and everything derived from it.
pub async fn erase(state: &State, studio: Studio, id: Uuid) -> ApiResult<()> {
    let now = state.clock.now();
    state.orders.get(&studio, id).await?.ok_or_else(|| Problem::not_found("order"))?;
    // If this request is interrupted, the sweep finds the operation and the archive builder continues it.
    let operation = Operation::erasing(studio, id, now);
    let studio = &operation.studio;
    state.operations.create(&operation).await?;
    state.erasure().order(studio, id, now).await?;
    state.operations.delete(studio, operation.id).await?;
    Ok(())
}
