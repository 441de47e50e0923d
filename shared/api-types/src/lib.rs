//! Response bodies of the API: records as callers see them. Whatever is not here, no caller sees.
//!
//! The API writes them, the command and tests read them, and the OpenAPI document describes them.

mod download;
mod email;
mod operation;
mod order;
mod photo;
mod queue;

use std::borrow::Cow;

pub use download::{DownloadState, DownloadView, DownloadWithFiles, DownloadWithLink, FileView};
pub use email::{EmailMade, EmailView};
pub use operation::{OperationKind, OperationStarted, OperationView};
pub use order::{OrderView, OrderWithPhotos};
pub use photo::{DerivativesView, PhotoView, PhotoWithUpload, Pictures, Upload};
pub use queue::{
    FailedJob, FailedJobPage, FailedKind, FailureGroup, Forgotten, QueueView, Queues, Retried, Skipped, Verdict,
};
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, schema::SchemaType, schema::Type},
};

/// Some of a list, newest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page<T> {
    /// The records.
    pub items: Vec<T>,
    /// To be given as `cursor` for the next ones.
    pub next_cursor: Option<String>,
}

/// Some photos.
pub type PhotoPage = Page<PhotoView>;
/// Some orders.
pub type OrderPage = Page<OrderView>;
/// Some downloads.
pub type DownloadPage = Page<DownloadView>;

// By hand: derived, a page of photos is called `Page_Photo`, and the photos are written out in it without their name.
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
        let next = "To be given as `cursor` for the next ones; `null` at the end. A page may hold fewer than `limit` and yet \
            not be the last.";
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name())).description(Some("The records."));
        let cursor = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
        let page = ObjectBuilder::new().description(Some("Some of a list, newest first."));
        let page = page.property("items", items).required("items");
        page.property("next_cursor", cursor.description(Some(next))).into()
    }
}

/// A CRC-32 as it is shown: eight hexadecimal digits.
pub fn hex(crc32: u32) -> String {
    format!("{crc32:08x}")
}
