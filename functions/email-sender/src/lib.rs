//! The email worker: emails queue -> SES, one message to one recipient per record.

mod render;
mod send_email;
mod sender;
mod state;

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::{JobError, job::Job, operation::Operation};
use lambda_runtime::LambdaEvent;
use runtime::{
    batch::{self, Delivery, Disposition},
    desk,
    lease::Lease,
    sweep::sweep,
};
pub use state::State;

/// Works one batch of the emails queue.
pub async fn handle(state: &State, event: LambdaEvent<SqsEvent>) -> SqsBatchResponse {
    batch::run(event, &state.redelivery, |delivery| one(state, delivery)).await
}

async fn one(state: &State, delivery: Delivery) -> Result<Disposition, JobError> {
    match Job::decode(&delivery.body) {
        Ok(Job::SendEmail { studio, email }) => send_email::send_email(state, &delivery, &studio, email).await,
        Ok(Job::Sweep) => {
            sweep(&state.desk, &state.operations, delivery.now()).await?;
            Ok(Disposition::Done)
        }
        Ok(Job::Operate { studio, operation }) => {
            let run = |lease: Arc<Lease<Operation>>| desk::bulk(&state.desk, lease);
            desk::operate(&state.operations, &state.desk.queue, &delivery, (&studio, operation), run).await
        }
        Ok(other) => Err(JobError::reject("wrong_queue", format!("{other:?} is no job of the emails queue"))),
        Err(undecodable) => Err(JobError::reject("undecodable", undecodable.to_string())),
    }
}
