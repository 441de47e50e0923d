//! Load of studios: their unfinished and failed jobs.

use api_types::{StudioLoad, StudioLoads};
use domain::{
    job_counts::{JobCounter, StudioCount},
    job_record::JobRecord,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use runtime::{failed_jobs::CONCURRENCY, store::Table};

use crate::{problem::ApiResult, state::State};

/// Largest number of jobs counted per table, of each kind.
const MAX_COUNTED: usize = 5_000;
/// Largest number of studios that are shown.
const MAX_STUDIOS: usize = 100;

/// Numbers of jobs by studio.
#[derive(Default)]
struct Load {
    counter: JobCounter,
    has_more: bool,
    counted_at: Option<Timestamp>,
}

/// Returns the studios with unfinished or failed jobs.
pub async fn load(state: &State) -> ApiResult<StudioLoads> {
    let now = state.clock.now();
    let mut load = Load::default();
    load.add(state, &state.emails, now).await?;
    load.add(state, &state.photos, now).await?;
    load.add(state, &state.downloads, now).await?;
    load.add(state, &state.deliveries, now).await?;
    load.add(state, &state.operations, now).await?;
    let studios = load.counter.studios();
    let complete = !load.has_more && studios.len() <= MAX_STUDIOS;
    let shown = studios.into_iter().take(MAX_STUDIOS).map(|StudioCount { studio, unfinished, failed }| async move {
        let name = state.studios.profile(&studio).await?.name;
        anyhow::Ok(StudioLoad { studio: studio.to_string(), name, unfinished, failed })
    });
    let shown: Vec<_> = shown.collect();
    let items = stream::iter(shown).buffered(CONCURRENCY).try_collect().await?;
    Ok(StudioLoads { items, complete, counted_at: load.counted_at })
}

impl Load {
    /// Adds the jobs of a table: the numbers of the last sweep, or those of its indexes.
    async fn add<R: JobRecord>(&mut self, state: &State, table: &Table<R>, now: Timestamp) -> ApiResult<()> {
        if let Some(counted) = state.counted(R::QUEUE).await? {
            self.has_more |= !counted.is_complete;
            self.counted_at = Some(self.counted_at.map_or(counted.at, |at| at.min(counted.at)));
            counted.studios.into_iter().for_each(|count| self.counter.add_studio(count));
            return Ok(());
        }
        self.has_more |= !table.count_jobs(&mut self.counter, now, MAX_COUNTED, || false).await?;
        Ok(())
    }
}
