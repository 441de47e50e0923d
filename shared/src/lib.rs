//! What two or more of Darkroom's functions need.
//!
//! Domain modules (`photo`, `order`, `download`, `email`, `job`, `object_key`, `link`, `language`, `work`) and the
//! archive's layout (`zip`, `contents`) know no SDK and no tokio; `store`, `objects`, `queue`, `aws` do.

pub mod aws;
pub mod batch;
pub mod call;
pub mod clock;
pub mod contents;
pub mod desk;
pub mod download;
pub mod email;
pub mod email_address;
pub mod env;
pub mod erasure;
pub mod error;
pub mod fill;
pub mod follow_up;
pub mod hold;
pub mod job;
pub mod lambda;
pub mod language;
pub mod link;
pub mod metrics;
pub mod monitoring;
pub mod object_key;
pub mod objects;
pub mod operation;
pub mod order;
pub mod parameters;
pub mod photo;
pub mod queue;
pub mod s3_event;
pub mod secret;
pub mod ses;
pub mod store;
pub mod studio;
pub mod sweep;
pub mod telemetry;
pub mod work;
pub mod workable;
pub mod workers;
pub mod zip;

pub use error::{JobError, RecordError};
pub use job::Job;
pub use object_key::ObjectKey;
pub use studio::Studio;
