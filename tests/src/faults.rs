//! Faults between the functions and the services that they use, as networks and services really fail.
//!
//! A [`FaultNet`] stands between each function and AWS (here: its stand-ins). It counts the calls, and does to one call,
//! named by its [`Site`], what a [`Fault`] says: so a run can be repeated, and every site of a job can have its turn.

mod call;
mod net;

pub use call::{Call, Service, Site};
pub use net::{Answered, FaultNet};

/// What befalls a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The connection breaks before the request arrives.
    DropRequest,
    /// The request takes effect, and the connection breaks before the reply.
    LoseReply,
    /// The reply breaks off in the middle of its body.
    CutReply,
    /// 500 without an effect.
    ErrorBefore,
    /// 500 after the effect.
    ErrorAfter,
    /// The service asks to slow down, in its own words.
    Throttle,
    /// The request takes effect, and no reply ever comes.
    Hang,
    /// The reply comes late, but in time.
    Delay,
    /// The request waits on the way, until [`FaultNet::release`].
    Suspend,
}

impl Fault {
    /// All that come and go by themselves.
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

/// What no worker can use for a while, however often it asks; the API can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// A service: its connections break, or it fails, or it denies access, one after the other.
    Of(Service),
    /// KMS: S3 and SQS can't use their keys, and say so.
    Kms,
}

/// A fault, where it strikes, and how many calls of that operation in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// The first call that it strikes.
    pub site: Site,
    /// What happens to it.
    pub fault: Fault,
    /// Calls in a row, the first included: 1 leaves the SDK's retry alone, 4 uses all its attempts up.
    pub times: usize,
}
