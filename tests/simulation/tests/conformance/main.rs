//! The model services answer as the stand-ins for AWS do, except for named differences.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod dynamodb;
mod s3;
mod ses;
mod sqs;
mod ssm;
mod targets;
mod transcript;
