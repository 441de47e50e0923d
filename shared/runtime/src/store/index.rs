//! Names and keys of the tables' indexes.

use domain::studio::Studio;

/// Partitions of the sparse index of what is due; one partition takes 1,000 writes a second.
pub const DUE_SHARDS: u128 = 4;
/// Name of that index, and of its range key (milliseconds since the epoch).
pub(super) const DUE_AT: &str = "due_at";

/// Name of the sparse index of failures, and of its range key (milliseconds since the epoch).
pub(super) const FAILED_AT: &str = "failed_at";
/// Hash key of that index. All entries share one partition key, so that a query returns them in order; one partition takes
/// 1,000 writes a second.
pub(super) const FAILED_SHARD: (&str, &str) = ("failed_shard", "0");

/// Returns the hash key of a studio's records with this value in a list's index. No studio's name has a slash in it.
pub(super) fn list_key(studio: &Studio, value: &str) -> String {
    format!("{studio}/{value}")
}
