//! The tracing header by which Lambda detects recursive loops (AWS Lambda, "Use Lambda recursive loop detection to prevent
//! infinite loops").
//!
//! Each invocation gets a header that names its chain of requests, and the number of times that this chain has invoked
//! each function: its lineage. The AWS SDK in a function sends the header with each call, SQS stores it with a message
//! as `AWSTraceHeader`, and the event source mapping reads it there.
//!
//! The SDK reads the header from `_X_AMZN_TRACE_ID`, a variable of the whole process, and only where
//! `AWS_LAMBDA_FUNCTION_NAME` is set. Functions that run inside this process share its variables, so their messages
//! have no header and each begins a new chain. The rule is therefore enforced only for functions in processes of their
//! own. Neither Invoke, which continues a chain, nor the notifications of S3, which begin one, enforce it. No function
//! of this system invokes itself through them.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use uuid::Uuid;

/// The HTTP header.
pub const HEADER: &str = "x-amzn-trace-id";
/// The header of Lambda's runtime API, from which a function's process sets `_X_AMZN_TRACE_ID`.
pub const RUNTIME_HEADER: &str = "lambda-runtime-trace-id";
/// Lambda: a chain of requests invokes a function about 16 times before the next invocation is refused.
pub const MAX_INVOCATIONS: u32 = 16;

/// A chain of requests, with the number of times that it has invoked each function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    root: String,
    /// Invocations by function name. AWS writes hashes of the names; functions read neither.
    lineage: BTreeMap<String, u32>,
}

impl Trace {
    /// Begins a new chain.
    pub fn begin() -> Self {
        let seconds = Timestamp::now().as_second();
        let root = format!("1-{seconds:08x}-{}", &Uuid::new_v4().simple().to_string()[..24]);
        Self { root, lineage: BTreeMap::new() }
    }

    /// Parses a header. A header without a root begins a new chain.
    pub fn parse(header: &str) -> Self {
        let field = |name: &str| header.split(';').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        let counts = field("Lineage").unwrap_or_default().split('|').filter_map(|count| count.split_once(':'));
        let lineage = counts.filter_map(|(function, count)| Some((function.to_owned(), count.parse().ok()?)));
        Self { lineage: lineage.collect(), root: field("Root").map_or_else(|| Self::begin().root, str::to_owned) }
    }

    /// Returns the chain of a batch: among its messages' chains, the one that has invoked the function most often.
    pub fn of_batch<'a>(headers: impl Iterator<Item = &'a str>, function: &str) -> Self {
        headers.map(Self::parse).max_by_key(|trace| trace.invocations(function)).unwrap_or_else(Self::begin)
    }

    /// Returns the number of times that the chain has invoked a function.
    pub fn invocations(&self, function: &str) -> u32 {
        self.lineage.get(function).copied().unwrap_or_default()
    }

    /// Returns the chain with one more invocation of a function.
    #[must_use]
    pub fn invoke(mut self, function: &str) -> Self {
        *self.lineage.entry(function.to_owned()).or_default() += 1;
        self
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parent = &Uuid::new_v4().simple().to_string()[..16];
        let lineage: Vec<_> = self.lineage.iter().map(|(function, count)| format!("{function}:{count}")).collect();
        write!(f, "Root={};Parent={parent};Sampled=0;Lineage={}", self.root, lineage.join("|"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_counts_invocations_by_function() {
        let first = Trace::begin().invoke("api").invoke("email-sender");
        let read = Trace::parse(&first.to_string());
        assert_eq!(read, first);
        let second = Trace::parse(&read.invoke("email-sender").to_string());
        assert_eq!(["api", "email-sender", "none"].map(|name| second.invocations(name)), [1, 2, 0]);
    }

    #[test]
    fn longest_chain_counts_for_a_batch() {
        let headers = ["Root=1-a-b;Lineage=f:3|g:9", "Root=1-c-d;Parent=1;Sampled=1;Lineage=f:5", "", "Lineage=f:x"];
        assert_eq!(Trace::of_batch(headers.into_iter(), "f").to_string().split(';').next(), Some("Root=1-c-d"));
        assert_eq!(Trace::of_batch([].into_iter(), "f").invocations("f"), 0);
    }
}
