//! Seeded simulation of Darkroom.

pub mod connector;
pub mod services;
