//! Tables, leases and batches against the stand-ins for DynamoDB and SQS, on Tokio's stopped clock.

mod batches;
mod cloud;
mod counters;
mod indexes;
mod lease;
mod lists;
mod orders;
mod ranges;
mod records;
mod table;
mod tombstones;
