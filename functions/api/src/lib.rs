//! The HTTP API: parses at the edge, writes records, sends jobs, signs links. It never touches a photo's bytes.

mod body;
mod identity;
mod page;
mod problem;
mod routes;
mod state;

pub use routes::router;
pub use state::State;
