//! Errors of jobs, sorted by their consequences, and their stored form.

use serde::{Deserialize, Serialize};

/// Error of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordError {
    /// Stable code in snake_case, for programs.
    pub code: String,
    /// One sentence for people.
    pub message: String,
}

impl RecordError {
    /// Creates an error of its code and sentence.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// Outcome of a job that did not succeed. `?` converts any other error to a retry, or to `Unavailable` if a service was
/// unavailable.
///
/// `JobError` does not implement `std::error::Error`, for the same reason as `anyhow::Error`: the conversion would
/// conflict with the identity.
#[derive(Debug)]
pub enum JobError {
    /// Retry later. The attempt counts.
    Retry(anyhow::Error),
    /// A service is down, slow, throttling, or denies access. The attempt does not count, and retries continue for
    /// [`horizon`](Self::horizon).
    Unavailable(anyhow::Error),
    /// The job can never succeed. The record fails and the message is acknowledged.
    Reject(RecordError),
    /// The job stored a checkpoint before the function's deadline and continues in the next job. The attempt does not
    /// count. Only a job that made progress may pause; otherwise it would never end.
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
    /// Creates a rejection with a code and a sentence.
    pub fn reject(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Reject(RecordError::new(code, message))
    }

    /// Returns whether a quota is used up.
    pub fn is_quota(&self) -> bool {
        matches!(self, Self::Unavailable(error) if error.downcast_ref::<QuotaUsedUp>().is_some())
    }

    /// Returns the error for the record; `None` for a pause. Causes of retries stay in the log, because they may reveal
    /// internals.
    pub fn to_record_error(&self) -> Option<RecordError> {
        let (code, message) = match self {
            Self::Retry(_) => ("internal", "An internal error occurred. The job will be retried."),
            Self::Unavailable(_) => {
                ("service_unavailable", "A required service is unavailable. The job will be retried.")
            }
            Self::Reject(error) => return Some(error.clone()),
            Self::Paused => return None,
        };
        Some(RecordError::new(code, message))
    }
}

/// Marks an error in its chain: a service is down, slow, throttling, or denies access. Contains the attempted action.
#[derive(Debug, Clone, Copy)]
pub struct ServiceUnavailable(pub &'static str);

impl std::fmt::Display for ServiceUnavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// Marks an error in its chain, above a [`ServiceUnavailable`]: a quota is used up, by the day or by the second.
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
    fn outages_are_recognised_under_any_context() {
        let error = || anyhow!("slow down").context(ServiceUnavailable("Failed to read"));
        assert!(matches!(JobError::from(error().context("Failed to load")), JobError::Unavailable(_)));
        assert!(matches!(JobError::from(anyhow!("broken")), JobError::Retry(_)));
        assert!(!JobError::from(error()).is_quota());
        assert!(JobError::from(error().context(QuotaUsedUp)).is_quota());
    }

    #[test]
    fn only_rejection_tells_its_cause() {
        let refused = RecordError::new("no_photos", "The order has no photos.");
        let outage = || anyhow!("secret").context(ServiceUnavailable("Failed to read"));
        for (error, code, display) in [
            (JobError::from(anyhow!("secret").context("Failed")), Some("internal"), "Failed: secret"),
            (JobError::from(outage()), Some("service_unavailable"), "unavailable: Failed to read: secret"),
            (
                JobError::from(outage().context(QuotaUsedUp)),
                Some("service_unavailable"),
                "unavailable: A quota is used up: Failed to read: secret",
            ),
            (JobError::Reject(refused.clone()), Some("no_photos"), "no_photos: The order has no photos."),
            (JobError::Paused, None, "paused"),
        ] {
            let stored = error.to_record_error();
            assert_eq!((stored.as_ref().map(|error| error.code.as_str()), error.to_string().as_str()), (code, display));
            assert!(stored.is_none_or(|stored| !stored.message.contains("secret")));
        }
        let rejected = JobError::reject(&*refused.code, &*refused.message);
        assert_eq!(rejected.to_record_error(), Some(refused));
    }
}
