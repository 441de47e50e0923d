//! Decisions of the API, apart from HTTP: routes parse requests and make responses, these read and write records.

pub mod deletion;
pub mod downloads;
pub mod operations;
pub mod ordering;
pub mod photos;
