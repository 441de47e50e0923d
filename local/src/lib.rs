//! Darkroom on one machine: no AWS, no Docker, nothing but cargo.
//!
//! `system` starts it; `stand_ins` holds the stand-ins; `event_source` and `gateway` play what AWS puts between them and the
//! functions; `trace` counts recursive invocations; `demo` is a photographer and a customer; `desk` is the operator's command.

pub mod demo;
pub mod desk;
pub mod event_source;
pub mod functions;
pub mod gateway;
pub mod mail_page;
pub mod setup;
pub mod stand_ins;
pub mod system;
pub mod trace;

pub use system::{Options, System};
