//! Operations.

use domain::{
    RecordError, Studio,
    operation::{Operation, OperationStatus, Photos, Task},
    queue_config::QueueName,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Processes photos again.
    Regenerate,
    /// Retries failed jobs.
    Retry,
    /// Removes failed jobs from the list.
    Forget,
    /// Adds the attributes by which this release lists records to records of an earlier release. Started by the
    /// service, never by a request.
    Fill,
    /// Erases personal data.
    Erase,
    /// Makes photos from objects that lie in a bucket.
    Import,
    /// Adds up the bytes of the photos of a studio with limits. Started by the service, never by a request.
    Measure,
    /// Takes in uploads whose events were lost. Started by the service, never by a request.
    Rescan,
}

/// Work on many records, done page by page.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Operation)]
pub struct OperationView {
    /// Id of the operation, a UUIDv7.
    pub id: Uuid,
    /// Kind of the operation.
    pub kind: OperationKind,
    /// Queue whose worker runs the operation.
    pub queue: QueueName,
    /// State of the operation.
    pub status: OperationStatus,
    /// Records that the operation applies to.
    pub selection: SelectionView,
    /// Number of jobs sent, failed jobs removed, orders erased or objects imported so far.
    pub done: u64,
    /// Reason of the failure.
    pub error: Option<RecordError>,
    /// Time of the request. Jobs that fail later are not affected.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time at which the operation finished or failed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// Filter for the records of an operation. An absent member does not restrict the selection.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Selection)]
pub struct SelectionView {
    /// Photos: `all`, `failed` or `older`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub which: Option<String>,
    /// Photos: those processed by an older version than this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub processor_version: Option<u32>,
    /// Failed jobs: those with this error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// Failed jobs: those of this studio. Imports: the studio of the photos.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub studio: Option<String>,
}

/// A started operation. `GET /operations/{id}` returns its progress.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OperationStarted {
    /// The operation.
    pub operation: OperationView,
}

impl OperationView {
    /// Returns whether the operation has finished or failed.
    pub fn has_ended(&self) -> bool {
        matches!(self.status, OperationStatus::Done | OperationStatus::Failed)
    }
}

impl From<&Operation> for OperationView {
    fn from(operation: &Operation) -> Self {
        let (kind, selection) = match &operation.task {
            Task::Regenerate { which } => (OperationKind::Regenerate, photos(*which)),
            Task::Retry { selection } => (OperationKind::Retry, failed(selection)),
            Task::Forget { selection } => (OperationKind::Forget, failed(selection)),
            Task::Fill { .. } => (OperationKind::Fill, SelectionView::default()),
            Task::Import { studio, .. } => {
                let studio = Some(studio.to_string());
                (OperationKind::Import, SelectionView { studio, ..SelectionView::default() })
            }
            Task::Measure => (OperationKind::Measure, SelectionView::default()),
            Task::Rescan => (OperationKind::Rescan, SelectionView::default()),
            // The view does not repeat whose personal data was erased.
            Task::Erase { .. } | Task::Retention { .. } => (OperationKind::Erase, SelectionView::default()),
        };
        Self {
            id: operation.id,
            kind,
            queue: operation.queue,
            status: operation.status,
            selection,
            done: operation.done,
            error: operation.error.clone(),
            created_at: operation.created_at,
            ended_at: operation.ended_at,
        }
    }
}

fn photos(which: Photos) -> SelectionView {
    let (which, processor_version) = match which {
        Photos::All => ("all", None),
        Photos::Failed => ("failed", None),
        Photos::Older { processor_version } => ("older", Some(processor_version)),
    };
    SelectionView { which: Some(which.to_owned()), processor_version, ..SelectionView::default() }
}

fn failed(selection: &domain::operation::Selection) -> SelectionView {
    let studio = selection.studio.as_ref().map(Studio::to_string);
    SelectionView { error: selection.error.clone(), studio, ..SelectionView::default() }
}
