//! Configuration from environment variables, read once at start. Errors name the missing variable; resources have no
//! defaults.

use std::{collections::HashMap, str::FromStr, sync::Arc};

use crate::{clock::Clock, world::World};

/// Source of variables: the process in Lambda, or a map in the local system, where one process runs all functions.
/// Contains the world in which the functions run.
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

/// Error of a missing or invalid variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// The variable is unset or empty.
    #[error("environment variable {0} is required but not set")]
    Missing(String),
    /// The value of the variable is invalid.
    #[error("environment variable {name} can't be used: {reason}")]
    Invalid {
        /// Name of the variable.
        name: String,
        /// Reason.
        reason: String,
    },
}

impl Env {
    /// Returns the environment of the process.
    pub fn process() -> Self {
        Self { source: Source::Process, world: World::system() }
    }

    /// Returns an environment of exactly these variables.
    pub fn of(variables: HashMap<String, String>) -> Self {
        Self { source: Source::Map(Arc::new(variables)), world: World::system() }
    }

    /// Replaces the world.
    #[must_use]
    pub fn with_world(self, world: World) -> Self {
        Self { world, ..self }
    }

    /// Replaces the clock.
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

    /// Returns the variable's value; an empty value counts as unset.
    pub fn optional(&self, name: &str) -> Option<String> {
        match &self.source {
            Source::Process => std::env::var(name).ok(),
            Source::Map(map) => map.get(name).cloned(),
        }
        .filter(|value| !value.is_empty())
    }

    /// Returns the variable's value, or an error that names the variable.
    pub fn required(&self, name: &str) -> Result<String, EnvError> {
        self.optional(name).ok_or_else(|| EnvError::Missing(name.to_owned()))
    }

    /// Returns the parsed value of a required variable.
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, EnvError> {
        Self::parse(name, &self.required(name)?)
    }

    /// Returns the parsed value, or `default` if the variable is unset. For tuning values only, never for resources.
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
    fn missing_or_malformed_variable_is_named() {
        let env = Env::of(HashMap::from([("A".into(), String::new()), ("N".into(), "x".into())]));
        assert_eq!(env.required("A"), Err(EnvError::Missing("A".into())));
        assert!(env.parsed::<u32>("N").is_err_and(|e| e.to_string().contains("variable N")));
        assert_eq!(env.parsed_or("B", 7_u32), Ok(7));
    }
}
