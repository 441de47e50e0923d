//! The photo worker: photos queue -> metadata, hashes, preview and thumbnail.

mod message;
mod process_photo;
mod regenerate;
mod state;

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::{
    JobError,
    operation::{Filled, Operation, Task},
};
use lambda_runtime::LambdaEvent;
use message::Message;
use runtime::{
    batch::{self, Delivery, Disposition},
    desk, fill,
    lease::Lease,
    sweep::sweep,
};
pub use state::State;

/// Works one batch of the photos queue.
pub async fn handle(state: &State, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    batch::run(event, &state.redelivery, |delivery| one(state, delivery)).await
}

async fn one(state: &State, delivery: Delivery) -> Result<Disposition, JobError> {
    match Message::decode(&delivery.body, &state.bucket)? {
        Message::Photos(photos) => {
            // S3 puts one record into an event, but promises no such thing.
            let mut disposition = Disposition::Done;
            for (studio, photo) in photos {
                let ended = process_photo::process_photo(state, &delivery, &studio, photo).await?;
                disposition = if disposition == Disposition::Done { ended } else { disposition };
            }
            Ok(disposition)
        }
        Message::Operate(studio, operation) => {
            let run = |lease: Arc<Lease<Operation>>| async move {
                match lease.record.task {
                    Task::Regenerate { which } => regenerate::regenerate(state, &lease, which).await,
                    Task::Fill { table: Filled::Photos } => fill::records(&state.desk.table, lease).await,
                    _ => desk::bulk(&state.desk, lease).await,
                }
            };
            desk::operate(&state.operations, &state.desk.queue, &delivery, (&studio, operation), run).await
        }
        Message::Sweep => {
            fill::begin(&state.operations, &state.desk.queue, Filled::Photos, delivery.now()).await?;
            sweep(&state.desk, &state.operations, delivery.now()).await?;
            Ok(Disposition::Done)
        }
    }
}
