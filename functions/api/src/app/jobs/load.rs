//! Load of studios: their unfinished and failed jobs.

use std::collections::BTreeMap;

use api_types::{StudioLoad, StudioLoads};
use domain::{Studio, job_record::JobRecord};
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
struct Counts {
    by_studio: BTreeMap<Studio, (u64, u64)>,
    has_more: bool,
}

/// Returns the studios with unfinished or failed jobs.
pub async fn load(state: &State) -> ApiResult<StudioLoads> {
    let now = state.clock.now();
    let mut counts = Counts::default();
    counts.add(&state.emails, now).await?;
    counts.add(&state.photos, now).await?;
    counts.add(&state.downloads, now).await?;
    counts.add(&state.deliveries, now).await?;
    counts.add(&state.operations, now).await?;
    let mut loads: Vec<_> = counts.by_studio.into_iter().collect();
    loads.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    let complete = !counts.has_more && loads.len() <= MAX_STUDIOS;
    let shown = loads.into_iter().take(MAX_STUDIOS).map(|(studio, (unfinished, failed))| async move {
        let name = state.studios.profile(&studio).await?.name;
        anyhow::Ok(StudioLoad { studio: studio.to_string(), name, unfinished, failed })
    });
    let shown: Vec<_> = shown.collect();
    let items = stream::iter(shown).buffered(CONCURRENCY).try_collect().await?;
    Ok(StudioLoads { items, complete })
}

impl Counts {
    /// Counts the jobs of a table, by the keys of its indexes.
    async fn add<R: JobRecord>(&mut self, table: &Table<R>, now: Timestamp) -> ApiResult<()> {
        let due = table.due_keys(Timestamp::UNIX_EPOCH, None, MAX_COUNTED).await?;
        self.has_more |= due.len() == MAX_COUNTED;
        for key in due {
            self.by_studio.entry(key.studio).or_default().0 += 1;
        }
        let failed = table.failures(now, None, MAX_COUNTED).await?;
        self.has_more |= failed.len() == MAX_COUNTED;
        for failure in failed {
            self.by_studio.entry(failure.key.studio).or_default().1 += 1;
        }
        Ok(())
    }
}
