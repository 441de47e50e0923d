//! Trace of a history: a digest of every call, and the calls in words.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;

use crate::services::json;

/// Largest number of lines that are kept.
const MAX_LINES: usize = 1_000_000;

/// Calls so far.
#[derive(Debug, Default)]
pub struct Trace {
    steps: u64,
    digest: DefaultHasher,
    /// Whether calls are kept in words.
    pub verbose: bool,
    last: VecDeque<String>,
}

impl Trace {
    /// Adds a call.
    ///
    /// Lengths stand for bodies, because members of a request may come in any order.
    pub fn step(&mut self, now: Timestamp, caller: &str, request: &Request<Bytes>, response: &Response<Bytes>) {
        self.steps += 1;
        let target = match json::operation(request) {
            "" => request.uri().path(),
            operation => operation,
        };
        let (sent, received) = (request.body().len(), response.body().len());
        let status = response.status().as_u16();
        (now.as_millisecond(), caller, request.method().as_str(), target, sent, status, received)
            .hash(&mut self.digest);
        if self.verbose {
            let line = format!("{now} {caller} {} {target} {sent} -> {status} {received}", request.method());
            self.say(line);
        }
    }

    /// Adds a line in words.
    pub fn say(&mut self, line: String) {
        if self.verbose {
            if self.last.len() == MAX_LINES {
                self.last.pop_front();
            }
            self.last.push_back(line);
        }
    }

    /// Returns the number of calls.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns the digest of all calls.
    pub fn digest(&self) -> u64 {
        self.digest.finish()
    }

    /// Returns the last calls, oldest first.
    pub fn last(&self) -> impl Iterator<Item = &str> {
        self.last.iter().map(String::as_str)
    }
}
