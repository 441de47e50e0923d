//! Application layer of the API. Routes parse requests and build responses; these modules read and write records.

pub mod deletion;
pub mod delivery;
pub mod downloads;
pub mod emails;
pub mod jobs;
pub mod limits;
pub mod notify;
pub mod operations;
pub mod ordering;
pub mod orphans;
pub mod pauses;
pub mod photos;
pub mod renewal;
pub mod studio;
pub mod suppressions;
pub mod uploads;
pub mod webhooks;
