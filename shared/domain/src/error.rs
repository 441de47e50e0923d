//! Errors by what becomes of the job, and what a record keeps of them.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// An outage is waited out for so long.
const OUTAGE_HORIZON: SignedDuration = SignedDuration::from_hours(24);
/// A quota of a day may be used up for several days by those who wait in line for it.
const QUOTA_HORIZON: SignedDuration = SignedDuration::from_hours(72);

/// Why a record failed, for the people who look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordError {
    /// Stable, snake_case, for programs.
    pub code: String,
    /// One sentence for people.
    pub message: String,
}

impl RecordError {
    /// From its two parts.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// The fate of a job that did not succeed. Any other error converts to it by `?`: to a retry, unless a service was not to
/// be had.
///
/// It is no `std::error::Error` itself, as `anyhow::Error` is none: the conversion could not be told from the identity.
#[derive(Debug)]
pub enum JobError {
    /// Try again later; the try counts.
    Retry(anyhow::Error),
    /// A service that the job needs is down, slow, throttling or denies access. No failure: the try does not count, and it
    /// is tried again for so long as [`horizon`](Self::horizon) says.
    Unavailable(anyhow::Error),
    /// It will never work: the record is failed, the message acknowledged.
    Reject(RecordError),
    /// No failure: the job stopped itself before the function's deadline with its position saved, and goes on in the
    /// next job. The try does not count. Only a job that got on may end so, or it would go on for ever.
    Paused,
}

impl std::fmt::Display for JobError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Retry(error) => write!(f, "{error:#}"),
            Self::Unavailable(error) => write!(f, "unavailable: {error:#}"),
            Self::Reject(error) => write!(f, "{}: {}", error.code, error.message),
            Self::Paused => f.write_str("paused"),
        }
    }
}

impl JobError {
    /// A rejection with a code and a sentence.
    pub fn reject(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Reject(RecordError::new(code, message))
    }

    /// For how long an outage is waited out before the job fails for it after all.
    pub fn horizon(&self) -> SignedDuration {
        match self {
            Self::Unavailable(error) if error.downcast_ref::<QuotaUsedUp>().is_some() => QUOTA_HORIZON,
            _ => OUTAGE_HORIZON,
        }
    }

    /// What the record will keep of it; nothing of a pause. Causes of a retry stay in the log: they may name internals.
    pub fn to_record_error(&self) -> Option<RecordError> {
        let (code, message) = match self {
            Self::Retry(_) => ("internal", "Something went wrong on our side; it is tried again."),
            Self::Unavailable(_) => {
                ("service_unavailable", "A service that it needs is not to be had; it is tried again.")
            }
            Self::Reject(error) => return Some(error.clone()),
            Self::Paused => return None,
        };
        Some(RecordError::new(code, message))
    }
}

/// A service is down, slow, throttling or denies access. Stands as a context in an error's chain, and says what was
/// attempted.
#[derive(Debug, Clone, Copy)]
pub struct ServiceUnavailable(pub &'static str);

impl std::fmt::Display for ServiceUnavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// A quota of a day is used up. Stands as a context above a [`ServiceUnavailable`].
#[derive(Debug, Clone, Copy)]
pub struct QuotaUsedUp;

impl std::fmt::Display for QuotaUsedUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("A quota is used up")
    }
}

impl<E: Into<anyhow::Error>> From<E> for JobError {
    fn from(error: E) -> Self {
        let error = error.into();
        if error.downcast_ref::<ServiceUnavailable>().is_some() { Self::Unavailable(error) } else { Self::Retry(error) }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn outages_are_told_from_other_errors_under_any_context() {
        let error = || anyhow!("slow down").context(ServiceUnavailable("Failed to read"));
        assert!(matches!(JobError::from(error().context("Failed to load")), JobError::Unavailable(_)));
        assert!(matches!(JobError::from(anyhow!("broken")), JobError::Retry(_)));
        assert_eq!(JobError::from(error()).horizon(), SignedDuration::from_hours(24));
        assert_eq!(JobError::from(error().context(QuotaUsedUp)).horizon(), SignedDuration::from_hours(72));
    }
}
