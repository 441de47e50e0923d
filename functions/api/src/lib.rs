//! The HTTP API: parses at the edge, writes records, sends jobs, signs links. It never touches a photo's bytes.

mod app;
mod download_page;
mod etag;
mod extract;
mod idempotency;
mod identity;
mod indexes;
mod openapi;
mod problem;
mod routes;
mod security_headers;
mod state;
mod synchronous;

pub use openapi::problems;
pub use routes::{openapi_document, router};
pub use state::State;
