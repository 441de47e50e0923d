//! Darkroom on one machine: no AWS, no Docker, nothing but cargo.
//!
//! [`system`] starts the stand-ins of `local-aws` and the functions. [`event_source`] and [`gateway`] stand for what AWS puts
//! between them. [`demo`] is a photographer and a customer.

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
