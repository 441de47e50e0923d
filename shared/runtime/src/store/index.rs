//! Names and keys of the tables' indexes.

use domain::studio::Studio;

/// Partitions of the index of due records. DynamoDB: at most 1,000 writes per second and partition.
pub const DUE_SHARDS: u128 = 4;
/// Name of the index of due records, and of its range key (milliseconds since the epoch).
pub(super) const DUE_AT: &str = "due_at";

/// Name of the sparse index of failures, and of its range key (milliseconds since the epoch).
pub(super) const FAILED_AT: &str = "failed_at";
/// Hash key of the index of failures. All entries share one partition key, so that a query returns them in order.
/// DynamoDB: at most 1,000 writes per second and partition.
pub(super) const FAILED_SHARD: (&str, &str) = ("failed_shard", "0");

/// Returns the hash key of a studio's records with this value in a list's index. Studio names contain no slash.
pub(super) fn list_key(studio: &Studio, value: &str) -> String {
    format!("{studio}/{value}")
}
