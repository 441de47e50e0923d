//! Imports: photos from objects that lie in a bucket already. For operators.

use api_types::OperationStarted;
use axum::{Json, extract::State as Shared};
use domain::{
    Studio,
    operation::{Operation, Task},
    queue_config::QueueName,
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::operations;
use crate::{
    extract::Body,
    idempotency::IdempotentRequest,
    identity::Operator,
    problem::{ApiResult, Problem},
    state::State,
};

/// S3: at most 1,024 bytes per key.
const MAX_PREFIX: usize = 1024;

/// Request body of an import.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewImport {
    /// Studio of the photos.
    #[schema(value_type = String, pattern = "^[a-z0-9-]{1,63}$", example = "anna")]
    studio: Studio,
    /// Name of a source in the deployment's configuration (`import_sources`).
    #[schema(example = "old-shop")]
    source: String,
    /// Only objects whose key continues the source's prefix with this text.
    #[serde(default)]
    #[schema(max_length = 1024, example = "anna/")]
    prefix: String,
}

/// Import photos from a bucket
///
/// An operation makes a photo of each object of the source. What follows `prefix` in a key is the photo's folder and file
/// name. The objects stay where they are. Repeating an import makes photos of new objects only. XMP sidecars are left out.
#[utoipa::path(
    post, path = "/imports", tag = "operations", operation_id = "create_import", request_body = NewImport,
    responses((status = 202, description = "The operation was started", body = OperationStarted)),
)]
pub async fn create(
    Operator(operator): Operator,
    Shared(state): Shared<State>,
    request: IdempotentRequest,
    Body(new): Body<NewImport>,
) -> ApiResult<(StatusCode, Json<OperationStarted>)> {
    let Some(source) = state.import_sources.get(&new.source) else {
        let names: Vec<_> = state.import_sources.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(
            Problem::invalid("source", format!("It is no source of this deployment, which has: {known}.")).into()
        );
    };
    let prefix = format!("{}{}", source.prefix, new.prefix);
    if prefix.len() > MAX_PREFIX {
        return Err(Problem::invalid("prefix", format!("A key has at most {MAX_PREFIX} bytes.")).into());
    }
    let task = Task::Import { studio: new.studio, bucket: source.bucket.clone(), prefix };
    let operation = Operation::new(operator, request.id, QueueName::Photos, task, state.clock.now());
    operations::begin(&state, operation, request).await
}
