//! Operations: work on many records that one request started.

use domain::{job_record::JobRecord as _, operation::Operation, queue_config::QueueName};
use runtime::store::Created;

use super::limits;
use crate::{idempotency::IdempotentRequest, problem::ApiResult, state::State};

/// Creates the operation and sends its job.
pub async fn begin(state: &State, mut operation: Operation, request: IdempotentRequest) -> ApiResult<Operation> {
    let mut is_to_be_sent = true;
    if request.answered {
        // A failed operation resumes at its checkpoint.
        let again = |operation: &mut Operation| operation.restart(state.clock.now(), None);
        let found = state.operations.update(&operation.studio, operation.id, again).await?;
        if let Some((found, set_going)) = request.made(found)? {
            (operation, is_to_be_sent) = (found, set_going.is_ok());
        }
    } else {
        limits::take_operation(state, &operation).await?;
        if let Created::Existed(made) = state.operations.create(&operation).await? {
            operation = *made;
        }
    }
    if is_to_be_sent {
        let job = Operation::job(operation.studio.clone(), operation.id);
        state.queues.of(QueueName::Default).send(&job).await?;
    }
    Ok(operation)
}
