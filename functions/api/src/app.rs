//! Application layer of the API. Routes parse requests and build responses; these modules read and write records.

pub mod deletion;
pub mod downloads;
pub mod operations;
pub mod ordering;
pub mod photos;
