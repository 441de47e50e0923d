//! Domain of Darkroom: records with their states and transitions, jobs, keys, links and limits.
//!
//! Everything here is a pure function of its arguments. The crate depends on no SDK, no Tokio and no HTTP, so it cannot
//! wait, and time and ids come from the caller.

pub mod allotment;
pub mod color;
pub mod download;
pub mod email;
pub mod email_address;
pub mod error;
pub mod event;
pub mod incoming;
pub mod job;
pub mod job_counts;
pub mod job_record;
pub mod job_state;
pub mod language;
pub mod link;
pub mod object_key;
pub mod operation;
pub mod order;
pub mod page_key;
pub mod photo;
pub mod queue_config;
pub mod queue_switch;
pub mod record;
#[cfg(test)]
mod samples;
pub mod ses_event;
pub mod studio;
pub mod studio_face;
pub mod studio_limits;
pub mod studio_profile;
pub mod suppression;
pub mod ticket;
pub mod webhook;

pub use error::{JobError, RecordError};
pub use job::Job;
pub use object_key::ObjectKey;
pub use studio::Studio;
