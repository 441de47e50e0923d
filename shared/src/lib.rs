//! stub
pub mod photo;
