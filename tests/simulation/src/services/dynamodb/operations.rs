//! Operations of the API.

mod batch_get;
mod batch_write;
mod get;
mod page;
mod query;
mod scan;
mod tables;
mod write;

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    DynamoDb,
    error::Error,
    expression::{self, Placeholders, Projection},
};
use crate::services::Moment;

/// Runs an operation and returns the body of its response.
pub fn run(model: &mut DynamoDb, operation: &str, body: &[u8], moment: &mut Moment<'_>) -> Result<Vec<u8>, Error> {
    match operation {
        "GetItem" => get::get_item(model, &parse(body)?, moment),
        "PutItem" => write::put_item(model, parse(body)?, moment),
        "DeleteItem" => write::delete_item(model, &parse(body)?, moment),
        "Query" => query::query(model, &parse(body)?, moment),
        "Scan" => scan::scan(model, &parse(body)?, moment),
        "BatchGetItem" => batch_get::batch_get_item(model, parse(body)?, moment),
        "BatchWriteItem" => batch_write::batch_write_item(model, parse(body)?, moment),
        "CreateTable" => tables::create_table(model, parse(body)?),
        "DescribeTable" => tables::describe_table(model, &parse(body)?),
        "UpdateTimeToLive" => tables::update_time_to_live(model, &parse(body)?),
        _ => Err(Error::unknown_operation()),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::unreadable(&error))
}

fn body(response: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(response).map_err(|error| Error::unreadable(&error))
}

/// Parses a request's only expression, a projection.
fn only_projection<'a>(
    text: Option<&'a str>,
    names: Option<&'a BTreeMap<String, String>>,
) -> Result<Option<Projection<'a>>, Error> {
    let mut placeholders = Placeholders::new(names, None, text.is_some())?;
    let projection = text.map(|text| expression::projection(text, &mut placeholders)).transpose()?;
    placeholders.refuse_unused()?;
    Ok(projection)
}
