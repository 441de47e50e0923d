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

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Photos are developed again.
    Regenerate,
    /// Failed jobs are tried again.
    Retry,
    /// Failed jobs are taken off the list.
    Forget,
    /// Records of an earlier release are given what this one lists them by; nobody asks for that.
    Fill,
    /// Personal data is erased.
    Erase,
}

/// Work on many records, done page by page.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Operation)]
pub struct OperationView {
    /// UUIDv7.
    pub id: Uuid,
    /// What it does.
    pub kind: OperationKind,
    /// On which queue.
    pub queue: QueueName,
    /// Where it stands.
    pub status: OperationStatus,
    /// What it was asked to do.
    pub selection: SelectionView,
    /// Jobs put on the queue, failed jobs forgotten, or orders erased, so far.
    pub done: u64,
    /// Why it failed.
    pub error: Option<RecordError>,
    /// When it was asked for. What fails later is none of its business.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was done or failed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// Which records an operation is about; what is not said bounds nothing.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Selection)]
pub struct SelectionView {
    /// Of photos: `all`, `failed` or `older`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub which: Option<String>,
    /// Of photos: those that an older processor developed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub processor_version: Option<u32>,
    /// Of failed jobs: those with this error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// Of failed jobs: those of this studio.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub studio: Option<String>,
}

/// An operation that was begun; `GET /operations/{id}` says how far it is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OperationStarted {
    /// The operation.
    pub operation: OperationView,
}

impl OperationView {
    /// Is it done, or has it failed?
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
            // Whose data it is, nobody is told again.
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
