//! DynamoDB.
//!
//! The model validates requests as DynamoDB does. With [`Settings`] above their defaults it also shows what DynamoDB
//! permits and rarely does: indexes that lag, reads of earlier versions, batches that are not fully processed, and
//! items that outlive their time to live.

mod access;
mod collection;
mod error;
mod expression;
mod index;
mod key;
mod operations;
mod schema;
mod table;
mod usage;
pub mod value;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

pub use access::{Change, Snapshot};
use bytes::Bytes;
use error::Error;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use table::Table;
pub use usage::Usage;
pub use value::{Item, Number, Value, to_plain};

use super::{Moment, Service};

/// Start of the header `x-amz-target`, before the operation.
const TARGET: &str = "DynamoDB_20120810.";

/// Behaviour that DynamoDB permits. By default the model is consistent and processes all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Longest delay between a write and its visibility in an index. Writes to one item arrive in their order.
    pub index_lag: Duration,
    /// Greatest age of the state that an eventually consistent read of a table returns.
    pub read_lag: Duration,
    /// Probability with which an entry of a batch is left unprocessed. One entry of each batch is always processed.
    pub unprocessed: f64,
}

/// State of all tables.
#[derive(Debug, Default)]
pub struct DynamoDb {
    /// Behaviour from now on.
    pub settings: Settings,
    tables: BTreeMap<String, Table>,
    write_calls: u64,
    item_writes: u64,
}

impl Settings {
    /// Returns the time as of which a read sees a table; `None` means the current state.
    fn read_time(&self, consistent: bool, moment: &mut Moment<'_>) -> Option<Timestamp> {
        let max = u64::try_from(self.read_lag.as_nanos()).unwrap_or(u64::MAX);
        if consistent || max == 0 {
            return None;
        }
        moment.now.checked_sub(Duration::from_nanos(moment.random.u64(0..=max))).ok()
    }

    /// Decides whether an entry of a batch is left unprocessed.
    fn is_unprocessed(&self, moment: &mut Moment<'_>) -> bool {
        self.unprocessed > 0.0 && moment.random.f64() < self.unprocessed
    }
}

impl DynamoDb {
    /// Creates the service without tables.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    fn table_mut(&mut self, name: &str) -> Result<&mut Table, Error> {
        self.tables.get_mut(name).ok_or_else(Error::no_table)
    }
}

impl Service for DynamoDb {
    fn call(&mut self, request: &Request<Bytes>, moment: &mut Moment<'_>) -> Response<Bytes> {
        let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation = target.and_then(|target| target.strip_prefix(TARGET)).unwrap_or_default();
        match operations::run(self, operation, request.body(), moment) {
            Ok(body) => error::respond(StatusCode::OK, body),
            Err(error) => error.response(),
        }
    }
}
