//! The HTTP API: parses requests, writes records, sends jobs and signs links. It never reads or writes a photo's bytes.

mod app;
mod console;
mod content_disposition;
mod customer_page;
mod etag;
mod extract;
mod idempotency;
mod identity;
mod indexes;
mod logs;
mod openapi;
mod problem;
mod redaction;
mod routes;
mod security_headers;
mod state;
mod synchronous;

pub use openapi::problems;
pub use routes::{openapi_document, router};
pub use state::State;
