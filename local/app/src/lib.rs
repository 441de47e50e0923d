//! Darkroom on one machine, without AWS and Docker.
//!
//! [`system`] starts the stand-ins of `local-aws` and the functions. [`event_source`] and [`gateway`] replace the AWS
//! services that connect them. [`demo`] acts as a photographer and a customer.

#[cfg(test)]
mod clients;
pub mod demo;
pub mod email_preview;
mod env_file;
pub mod event_source;
pub mod functions;
pub mod gateway;
mod mail_events;
pub mod mailbox_page;
mod recorder;
pub mod setup;
pub mod system;

pub use env_file::env_file;
pub use functions::WORKERS;
pub use mail_events::Reports;
pub use system::{Options, System};
