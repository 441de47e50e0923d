//! The archive worker: downloads queue -> one private ZIP in S3.

pub mod assemble;
mod build_archive;
mod erase;
mod notify;
pub mod plan;
mod retention;
mod state;
pub mod uploads;

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::{
    JobError,
    job::Job,
    operation::{Filled, Operation, Task},
};
use lambda_runtime::LambdaEvent;
use runtime::{
    batch::{self, Delivery, Disposition},
    desk, fill,
    lease::Lease,
    sweep::sweep,
};
pub use state::State;

/// Works one batch of the downloads queue.
pub async fn handle(state: &State, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    batch::run(event, &state.redelivery, |delivery| one(state, delivery)).await
}

async fn one(state: &State, delivery: Delivery) -> Result<Disposition, JobError> {
    match Job::decode(&delivery.body) {
        Ok(Job::BuildArchive { studio, download }) => {
            build_archive::build_archive(state, &delivery, &studio, download).await
        }
        Ok(Job::Sweep) => {
            for table in [Filled::Downloads, Filled::Orders] {
                fill::begin(&state.operations, &state.desk.queue, table, delivery.now()).await?;
            }
            sweep(&state.desk, &state.operations, delivery.now()).await?;
            retention::begin(state, delivery.now()).await?;
            Ok(Disposition::Done)
        }
        Ok(Job::Operate { studio, operation }) => {
            let run = |lease: Arc<Lease<Operation>>| async move {
                match &lease.record.task {
                    Task::Fill { table: Filled::Downloads } => fill::records(&state.desk.table, lease).await,
                    Task::Fill { table: Filled::Orders } => fill::orders(&state.orders, lease).await,
                    Task::Erase { scope } => erase::erase(state, &lease, scope).await,
                    Task::Retention { before } => retention::retain(state, &lease, *before).await,
                    _ => desk::bulk(&state.desk, lease).await,
                }
            };
            desk::operate(&state.operations, &state.desk.queue, &delivery, (&studio, operation), run).await
        }
        Ok(other) => Err(JobError::reject("wrong_queue", format!("{other:?} is no job of the downloads queue"))),
        Err(undecodable) => Err(JobError::reject("undecodable", undecodable.to_string())),
    }
}
