//! Configuration, read once at start. A missing variable is named; no resource has an invented default.

use std::{collections::HashMap, str::FromStr, sync::Arc};

use crate::{clock::Clock, world::World};

/// Where variables come from: the process in Lambda, a map in the local system (one process plays all functions).
/// The world that the functions run in is part of it.
#[derive(Clone)]
pub struct Env {
    source: Source,
    world: World,
}

#[derive(Clone)]
enum Source {
    Process,
    Map(Arc<HashMap<String, String>>),
}

/// A variable that is missing or can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// Not set, or empty.
    #[error("environment variable {0} is required but not set")]
    Missing(String),
    /// Set to something else than it must be.
    #[error("environment variable {name} can't be used: {reason}")]
    Invalid {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
}

impl Env {
    /// The process's own environment.
    pub fn process() -> Self {
        Self { source: Source::Process, world: World::system() }
    }

    /// These variables and no others.
    pub fn of(variables: HashMap<String, String>) -> Self {
        Self { source: Source::Map(Arc::new(variables)), world: World::system() }
    }

    /// The same in another world.
    #[must_use]
    pub fn with_world(self, world: World) -> Self {
        Self { world, ..self }
    }

    /// The same under another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        let world = self.world.with_clock(clock);
        Self { world, ..self }
    }

    /// Returns the world that the functions run in.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Returns the clock.
    pub fn clock(&self) -> Clock {
        self.world.clock().clone()
    }

    /// The variable's value; empty counts as not set.
    pub fn optional(&self, name: &str) -> Option<String> {
        match &self.source {
            Source::Process => std::env::var(name).ok(),
            Source::Map(map) => map.get(name).cloned(),
        }
        .filter(|value| !value.is_empty())
    }

    /// The variable's value, or an error that names it.
    pub fn required(&self, name: &str) -> Result<String, EnvError> {
        self.optional(name).ok_or_else(|| EnvError::Missing(name.to_owned()))
    }

    /// A required variable of some type.
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, EnvError> {
        Self::parse(name, &self.required(name)?)
    }

    /// A tuning value: its default is no invented resource.
    pub fn parsed_or<T: FromStr<Err: std::fmt::Display>>(&self, name: &str, default: T) -> Result<T, EnvError> {
        self.optional(name).map_or(Ok(default), |value| Self::parse(name, &value))
    }

    fn parse<T: FromStr<Err: std::fmt::Display>>(name: &str, value: &str) -> Result<T, EnvError> {
        value.parse().map_err(|error: T::Err| EnvError::Invalid { name: name.to_owned(), reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_malformed_variable_is_named() {
        let env = Env::of(HashMap::from([("A".into(), String::new()), ("N".into(), "x".into())]));
        assert_eq!(env.required("A"), Err(EnvError::Missing("A".into())));
        assert!(env.parsed::<u32>("N").is_err_and(|e| e.to_string().contains("variable N")));
        assert_eq!(env.parsed_or("B", 7_u32), Ok(7));
    }
}
