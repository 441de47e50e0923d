//! stub
mod exif;
pub use exif::{Exif, Gps, TakenAt};
