//! Response bodies of the API: the views of records that callers see.
//!
//! The API serializes them, the command and the tests deserialize them, and the OpenAPI document describes them.

mod download;
mod email;
mod event;
mod job;
mod limits;
mod operation;
mod order;
mod orphan;
mod photo;
mod queue;
mod studio;
mod webhook;

use std::borrow::Cow;

pub use download::{DownloadState, DownloadView, DownloadWithFiles, DownloadWithLink, FetchView, FileView, PinState};
pub use email::{EmailMade, EmailPreview, EmailView, NotifyMade, SuppressionLifted};
pub use event::{EventList, EventSubject, EventView};
pub use job::{
    AttemptView, JobPage, JobStory, JobView, OrdersFound, RecordKind, RecordSummary, Step, StudioLoad, StudioLoads,
};
pub use limits::{LimitsView, UsageView};
pub use operation::{OperationKind, OperationStarted, OperationView};
pub use order::{OrderView, OrderWithPhotos};
pub use orphan::{Orphan, OrphanPage, OrphansSettled};
pub use photo::{
    DerivativesView, MultipartUpload, PartUpload, PartUploads, PhotoView, PhotoWithUpload, PhotosWithUploads, Pictures,
    PutUpload, SignedRequest, Upload, UploadProgress, UploadWay, UploadedPart,
};
pub use queue::{
    FailedJob, FailedJobPage, FailedKind, FailureGroup, Forgotten, MetricsPeriod, MetricsPoint, PauseView,
    QueueMetrics, QueueSwitched, QueueView, Queues, Retried, Skipped, Verdict,
};
use serde::{Deserialize, Serialize};
pub use studio::{LogoUpload, LogoView, StudioView};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, schema::SchemaType, schema::Type},
};
pub use webhook::{DeliveryView, ReplayStarted, WebhookView, WebhookWithSecret};

/// A page of a list, newest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// Records on the page.
    pub items: Vec<T>,
    /// Value of `cursor` for the next page; `null` on the last page.
    pub next_cursor: Option<String>,
}

/// A page of photos.
pub type PhotoPage = Page<PhotoView>;
/// A page of orders.
pub type OrderPage = Page<OrderView>;
/// A page of downloads.
pub type DownloadPage = Page<DownloadView>;
/// Page of emails.
pub type EmailPage = Page<EmailView>;
/// A page of webhooks.
pub type WebhookPage = Page<WebhookView>;
/// A page of deliveries.
pub type DeliveryPage = Page<DeliveryView>;

// Implemented by hand: the derived schema would be called `Page_Photo` and would inline the schema of the photo.
impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let next = "Value of `cursor` for the next page; `null` on the last page. A page can have fewer than `limit` \
            records without being the last.";
        let items =
            ArrayBuilder::new().items(Ref::from_schema_name(T::name())).description(Some("Records on the page."));
        let cursor = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
        let page = ObjectBuilder::new().description(Some("A page of a list, newest first."));
        let page = page.property("items", items).required("items");
        page.property("next_cursor", cursor.description(Some(next))).into()
    }
}

/// Formats a CRC-32 as eight hexadecimal digits.
pub fn hex(crc32: u32) -> String {
    format!("{crc32:08x}")
}
