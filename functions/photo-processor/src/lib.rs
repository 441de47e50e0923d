//! The photo worker: photos queue -> EXIF, hashes, preview and thumbnail.

pub mod develop;
mod message;
mod process_photo;
mod state;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::LambdaEvent;
use message::Message;
use shared::{
    JobError,
    batch::{self, Delivery, Disposition},
    job::Job,
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
        Message::Sweep => {
            sweep(&state.photos, &state.queue, delivery.now(), |studio, photo| Job::ProcessPhoto { studio, photo })
                .await?;
            Ok(Disposition::Done)
        }
    }
}
