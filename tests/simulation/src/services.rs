//! Model services: small and strict stand-ins for AWS services, on the simulation's time.
//!
//! A model is a state machine: a request and the time in, a response out. It has no sockets, threads, files or clock.
//! Latency, lost replies and outages are the network's ([`crate::connector`]).

pub mod dynamodb;
pub mod json;
pub mod mappings;
pub mod s3;
pub mod ses;
pub mod shop;
pub mod sqs;
pub mod ssm;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;

/// Service that answers requests of AWS SDKs.
pub trait Service: Send {
    /// Applies the request to the state and returns the response.
    fn call(&mut self, request: &Request<Bytes>, moment: &mut Moment<'_>) -> Response<Bytes>;
}

/// Time and random numbers of a call.
pub struct Moment<'a> {
    /// Current time.
    pub now: Timestamp,
    /// Random numbers of the history.
    pub random: &'a mut fastrand::Rng,
}
