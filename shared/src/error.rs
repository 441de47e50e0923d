//! Errors by what becomes of the job (`docs/ARCHITECTURE.md`), and what a record keeps of them.

use serde::{Deserialize, Serialize};

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

/// The fate of a job that did not succeed. Any other error converts to it by `?`, to a retry unless a service throttled.
///
/// It is no `std::error::Error` itself, as `anyhow::Error` is none: the conversion could not be told from the identity.
#[derive(Debug)]
pub enum JobError {
    /// Try again later; the try counts.
    Retry(anyhow::Error),
    /// A service asked us to slow down; the try does not count.
    Throttled(anyhow::Error),
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
            Self::Throttled(error) => write!(f, "throttled: {error:#}"),
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

    /// What the record will keep of it; nothing of a pause. Causes of a retry stay in the log: they may name internals.
    pub fn to_record_error(&self) -> Option<RecordError> {
        let (code, message) = match self {
            Self::Retry(_) => ("internal", "Something went wrong on our side; it is tried again."),
            Self::Throttled(_) => ("throttled", "A service asked us to slow down; it is tried again."),
            Self::Reject(error) => return Some(error.clone()),
            Self::Paused => return None,
        };
        Some(RecordError::new(code, message))
    }
}

/// A service asked us to slow down. Stands as a context in an error's chain.
#[derive(Debug, Clone, Copy)]
pub struct ServiceThrottled(pub &'static str);

impl std::fmt::Display for ServiceThrottled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl<E: Into<anyhow::Error>> From<E> for JobError {
    fn from(error: E) -> Self {
        let error = error.into();
        if error.downcast_ref::<ServiceThrottled>().is_some() { Self::Throttled(error) } else { Self::Retry(error) }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn throttling_is_told_from_other_errors_under_any_context() {
        let error = anyhow!("slow down").context(ServiceThrottled("Failed to read")).context("Failed to load");
        assert!(matches!(JobError::from(error), JobError::Throttled(_)));
        assert!(matches!(JobError::from(anyhow!("broken")), JobError::Retry(_)));
    }
}
