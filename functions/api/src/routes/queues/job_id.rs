//! Ids of failed jobs and names of queues, as used in paths and bodies.

use std::{fmt, str::FromStr};

use domain::{Studio, queue_config::QueueName};
use uuid::Uuid;

use crate::problem::Problem;

/// Id of a failed job: a record of a studio, or a message. The underscore tells them apart, because studio names
/// contain none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum JobId {
    /// `{studio}:{record}`
    Record(Studio, Uuid),
    /// `dead_letter:{message}`
    Message(String),
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(studio, id) => write!(f, "{studio}:{id}"),
            Self::Message(id) => write!(f, "dead_letter:{id}"),
        }
    }
}

impl FromStr for JobId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(':').ok_or(())? {
            ("dead_letter", id) if !id.is_empty() => Ok(Self::Message(id.to_owned())),
            (studio, id) => Ok(Self::Record(studio.parse().map_err(|_| ())?, id.parse().map_err(|_| ())?)),
        }
    }
}

/// Returns the queue with the name in the path.
pub fn queue_named(name: &str) -> Result<QueueName, Problem> {
    name.parse().map_err(|_| Problem::not_found("queue"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_ids_are_read_back_or_refused() {
        for id in [
            "anna:00000000-0000-0000-0000-000000000007",
            "dead_letter:5c1f",
            "dead-letter:00000000-0000-0000-0000-000000000007",
        ] {
            assert_eq!(id.parse::<JobId>().map(|id| id.to_string()), Ok(id.to_owned()));
        }
        for bad in ["", ":", "anna:", "anna", "dead_letter:", "An_na:00000000-0000-0000-0000-000000000007"] {
            assert_eq!(bad.parse::<JobId>(), Err(()), "{bad}");
        }
    }
}
