//! Faults between the functions and the services that they use, as real networks and services have them.
//!
//! A [`FaultNet`] is a proxy between each function and AWS (here: its stand-ins). It counts the calls, and applies a
//! [`Fault`] to one call, named by its [`Site`]. A run is therefore repeatable, and each site of a job can be tested.

mod call;
mod net;

pub use call::{Call, Service, Site};
pub use net::{Answered, FaultNet};

/// A fault of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The connection breaks before the request arrives.
    DropRequest,
    /// The request takes effect, and the connection breaks before the reply.
    LoseReply,
    /// The reply ends in the middle of its body.
    CutReply,
    /// 500 without an effect.
    ErrorBefore,
    /// 500 after the effect.
    ErrorAfter,
    /// The service throttles, with its own error.
    Throttle,
    /// The request takes effect, and no reply comes.
    Hang,
    /// The reply comes late, but within the time limit.
    Delay,
    /// The request is delayed until [`FaultNet::release`].
    Suspend,
}

impl Fault {
    /// All faults that begin and end by themselves.
    pub const ALL: [Self; 8] = [
        Self::DropRequest,
        Self::LoseReply,
        Self::CutReply,
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::Throttle,
        Self::Hang,
        Self::Delay,
    ];
}

/// A failure that lasts for all workers, however often they retry; the API is not affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// A service: in turn, its connections break, it fails, and it denies access.
    Of(Service),
    /// KMS: S3 and SQS cannot use their keys, and return the matching errors.
    Kms,
}

/// A fault, the site at which it strikes, and the number of consecutive calls of that operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// The first call to fail.
    pub site: Site,
    /// The fault.
    pub fault: Fault,
    /// The number of consecutive calls, including the first: 1 leaves the SDK's retry alone, 4 uses up all its
    /// attempts.
    pub times: usize,
}
