//! Darkroom on one machine, without AWS and Docker.
//!
//! [`system`] starts the stand-ins of `local-aws` and the functions. [`event_source`] and [`gateway`] replace the AWS
//! services that connect them. [`demo`] acts as a photographer and a customer.

#[cfg(test)]
mod clients;
pub mod demo;
pub mod event_source;
pub mod functions;
pub mod gateway;
pub mod mailbox_page;
pub mod setup;
pub mod system;

pub use functions::WORKERS;
pub use system::{Options, System};
