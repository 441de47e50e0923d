//! Operations: work on many records that one request started, page by page.

mod bulk;
mod daily;
mod dead_letters;
mod erase;
pub mod fill;
mod import;
mod measure;
mod paging;
mod regenerate;
pub mod rescan;
pub mod retention;

use std::sync::Arc;

use domain::{
    JobError, Studio,
    operation::{Filled, Operation, Task},
};
use runtime::{lease::Lease, on_failed_jobs, store::Table, worker::JobHandler};
use tracing::{Span, info_span};
use uuid::Uuid;

use crate::{counts, state::State};

/// Handler of the job `operate`.
pub struct Operate(pub Arc<State>);

impl JobHandler for Operate {
    const NAME: &'static str = "operate";
    type Record = Operation;
    type Prepared = ();

    fn table(&self) -> &Arc<Table<Operation>> {
        &self.0.operations
    }

    fn span(studio: &Studio, id: Uuid) -> Span {
        info_span!("operate", %studio, operation.id = %id)
    }

    async fn run(&self, lease: Arc<Lease<Operation>>, (): &()) -> Result<Operation, JobError> {
        let state = &self.0;
        match &lease.record.task {
            Task::Regenerate { which } => regenerate::regenerate(state, &lease, *which).await,
            Task::Fill { table: Filled::Photos } => fill::records(&state.photos, lease).await,
            Task::Fill { table: Filled::Downloads } => fill::records(&state.downloads, lease).await,
            Task::Fill { table: Filled::Emails } => fill::records(&state.emails, lease).await,
            Task::Fill { table: Filled::Orders } => fill::orders(&state.orders, lease).await,
            Task::Erase { scope } => erase::erase(state, &lease, scope).await,
            Task::Import { studio, bucket, prefix } => import::import(state, &lease, (studio, bucket, prefix)).await,
            Task::Measure => measure::measure(state, &lease).await,
            Task::Rescan => rescan::rescan(state, &lease).await,
            Task::Retention { before } => retention::retain(state, &lease, *before).await,
            Task::Retry { .. } | Task::Forget { .. } => settle(state, &lease).await,
        }
    }
}

/// Retries or forgets the selected failed jobs of a queue.
async fn settle(state: &State, lease: &Arc<Lease<Operation>>) -> Result<Operation, JobError> {
    let queue = lease.record.queue;
    let ended = on_failed_jobs!(state.failed_jobs, queue, |failed| bulk::bulk(failed, lease.clone()).await)?;
    // Operators look at the numbers now. The next sweep counts in any case.
    counts::count_queue(state, queue, lease.stops_at).await;
    Ok(ended)
}
