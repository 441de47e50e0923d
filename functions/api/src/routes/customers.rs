//! Customers. They have no record of their own: orders contain their address.

use api_types::OperationStarted;
use axum::{Json, extract::State as Shared};
use domain::{
    email_address::EmailAddress,
    operation::{ErasureScope, Operation, Task},
    queue_config::QueueName,
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::operations;
use crate::{extract::Body, idempotency::IdempotentRequest, identity::Caller, problem::ApiResult, state::State};

/// Customer whose personal data is erased.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseCustomer {
    /// Email address of the orders, without regard to upper and lower case.
    #[schema(value_type = String, format = Email, max_length = 254, example = "eva@example.com")]
    email: EmailAddress,
}

/// Erase a customer
///
/// Erases every order of the studio with this address, as `DELETE /orders/{id}` does, and every email to it. Orders and
/// emails created after the request are kept. `GET /operations/{id}` returns how many orders were erased; it does not
/// contain the address.
#[utoipa::path(
    post, path = "/customers/erase", tag = "customers", operation_id = "erase_customer", request_body = EraseCustomer,
    responses((status = 202, description = "The operation was started", body = OperationStarted)),
)]
pub async fn erase(
    Caller(studio): Caller,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(customer): Body<EraseCustomer>,
) -> ApiResult<(StatusCode, Json<OperationStarted>)> {
    let address = state.links.current().await?.name_of(&studio, &customer.email);
    let task = Task::Erase { scope: ErasureScope::Customer { address } };
    let operation = Operation::new(studio, request.id, QueueName::Downloads, task, state.clock.now());
    operations::begin(&state, operation, request).await
}
