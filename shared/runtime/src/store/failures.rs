//! Sparse index of failures: the failed records of one table, of all studios, newest first.

use std::{collections::HashMap, fmt, str::FromStr};

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{error::RecordError, job_state::JobState, record::Record, studio::Studio};
use jiff::Timestamp;
use serde::Deserialize;
use tracing::error;
use uuid::Uuid;

use super::{
    Table,
    index::{FAILED_AT, FAILED_SHARD},
    item::{number, text},
};
use crate::{aws::failed, metrics};

/// Largest number of failures that are counted. Operators correct the first of them before they need more.
pub const MOST_COUNTED: u64 = 20_000;

/// A failed record, with the attributes of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Place in the list of failures.
    pub key: FailureKey,
    /// Error of the record.
    pub error: RecordError,
    /// State of the job: attempts, and times of the failures.
    pub work: JobState,
}

impl Failure {
    /// Returns the time of the first failed attempt.
    pub fn first_failed_at(&self) -> Timestamp {
        self.work.failures.as_ref().map_or(self.key.failed_at, |failures| failures.first)
    }
}

/// Place in the list of failures; its text form is a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureKey {
    /// Time of the failure.
    pub failed_at: Timestamp,
    /// Studio of the record.
    pub studio: Studio,
    /// Id of the record.
    pub id: Uuid,
}

/// Error: the text is not a cursor of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no cursor that a list has answered")]
pub struct InvalidCursor;

impl fmt::Display for FailureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = format!("{}/{}/{}", self.failed_at.as_millisecond(), self.studio, self.id);
        f.write_str(&URL_SAFE_NO_PAD.encode(plain))
    }
}

impl FromStr for FailureKey {
    type Err = InvalidCursor;

    fn from_str(cursor: &str) -> Result<Self, InvalidCursor> {
        let plain = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor)?;
        let mut parts = std::str::from_utf8(&plain).map_err(|_| InvalidCursor)?.split('/');
        let mut next = || parts.next().ok_or(InvalidCursor);
        let failed_at = next()?.parse().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Ok(Self {
            failed_at: failed_at.ok_or(InvalidCursor)?,
            studio: next()?.parse().map_err(|_| InvalidCursor)?,
            id: next()?.parse().map_err(|_| InvalidCursor)?,
        })
    }
}

/// Attributes of a record in the index.
#[derive(Deserialize)]
struct Indexed {
    studio: Studio,
    id: Uuid,
    failed_at: i64,
    error: Option<RecordError>,
    work: JobState,
}

impl<R: Record> Table<R> {
    /// Returns up to `limit` records that failed by `until`, after `after`, newest first. Fewer than `limit` records
    /// mean that there are no more. The index lags behind the table by some milliseconds.
    pub async fn failures(&self, until: Timestamp, after: Option<&FailureKey>, limit: usize) -> Result<Vec<Failure>> {
        let mut found = Vec::new();
        let mut start = after.map(start_key);
        while found.len() < limit {
            let left = i32::try_from(limit - found.len()).unwrap_or(i32::MAX);
            let answer = self
                .failed_query(until)
                .limit(left)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failed("Failed to list failures", error))?;
            for item in answer.items.unwrap_or_default() {
                match read(item) {
                    Ok(failure) => found.push(failure),
                    // One unreadable entry does not block the list; the record itself has the details.
                    Err(error) => {
                        error!(table = self.name, error = format!("{error:#}"), "Skipped an unreadable failure");
                        metrics::unreadable();
                    }
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Returns the number of failures. Counting ends at about [`MOST_COUNTED`].
    pub async fn count_failures(&self, until: Timestamp) -> Result<u64> {
        let (mut count, mut start) = (0, None);
        loop {
            let answer = self
                .failed_query(until)
                .select(Select::Count)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failed("Failed to count failures", error))?;
            count += u64::try_from(answer.count).unwrap_or_default();
            start = answer.last_evaluated_key;
            if start.is_none() || count >= MOST_COUNTED {
                return Ok(count);
            }
        }
    }

    fn failed_query(&self, until: Timestamp) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.name)
            .index_name(FAILED_AT)
            .key_condition_expression("failed_shard = :shard AND failed_at <= :until")
            .expression_attribute_values(":shard", text(FAILED_SHARD.1))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .scan_index_forward(false)
    }
}

fn start_key(after: &FailureKey) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("studio".into(), text(&after.studio)),
        ("id".into(), text(after.id)),
        (FAILED_AT.into(), number(after.failed_at.as_millisecond())),
        (FAILED_SHARD.0.into(), text(FAILED_SHARD.1)),
    ])
}

fn read(item: HashMap<String, AttributeValue>) -> Result<Failure> {
    let Indexed { studio, id, failed_at, error, work } =
        serde_dynamo::from_item(item).context("A failure in the index can't be read")?;
    let failed_at = Timestamp::from_millisecond(failed_at)?;
    let error = error.unwrap_or_else(|| RecordError::new("unknown", "The record states no error."));
    Ok(Failure { key: FailureKey { failed_at, studio, id }, error, work })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cursor_is_read_back(ms in 0i64..253_402_207_200_000, studio in "[a-z0-9-]{1,63}", id in any::<u128>()) {
            let key = FailureKey {
                failed_at: Timestamp::from_millisecond(ms).expect("in range"),
                studio: studio.parse().expect("valid"),
                id: Uuid::from_u128(id),
            };
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn any_other_text_is_refused_without_a_panic(text in ".{0,80}") {
            if let Ok(key) = text.parse::<FailureKey>() {
                prop_assert!(key.to_string().parse() == Ok(key));
            }
        }
    }
}
