//! Invariants: what must hold after every step, and at the end without an operator.

mod finally;
mod records;
mod steps;

pub use finally::{Announced, finally};
pub use steps::after_step;
