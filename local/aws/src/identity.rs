//! The identity of the stand-ins: one account, one region, one key pair.

/// The access key id that the stand-ins accept.
pub const ACCESS_KEY: &str = "test";
/// The secret of [`ACCESS_KEY`]. It protects nothing: the stand-ins listen on loopback only.
pub const SECRET_KEY: &str = "test";
/// The account number in ARNs and queue URLs.
pub const ACCOUNT: &str = "000000000000";
/// The account's canonical user id, by which S3 names owners.
pub const CANONICAL_USER: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The region in ARNs and events.
pub const REGION: &str = "us-east-1";

/// Returns the ARN of a queue of this account.
pub fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}
