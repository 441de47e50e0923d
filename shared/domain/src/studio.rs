//! The tenant to which a record belongs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Name of a studio: 1 to 63 characters of `[a-z0-9-]`, like a DNS label, so that it can be part of a key, a path or a
/// host name.
///
/// Names come only from a JWT claim, or from records and messages of Darkroom itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Studio(String);

/// Error: the text is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a studio's name is 1 to 63 of a-z, 0-9 and '-'")]
pub struct InvalidStudio;

impl Studio {
    /// Returns the studio of records that belong to no customer.
    pub fn nobody() -> Self {
        Self("darkroom".to_owned())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Studio {
    type Err = InvalidStudio;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=63).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidStudio)
        }
    }
}

impl TryFrom<String> for Studio {
    type Error = InvalidStudio;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Studio> for String {
    fn from(studio: Studio) -> Self {
        studio.0
    }
}

impl fmt::Display for Studio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_could_escape_keys_is_refused() {
        for bad in ["", "a/b", "..", "Anna", "a b", "ä", &"x".repeat(64)] {
            assert_eq!(bad.parse::<Studio>(), Err(InvalidStudio), "{bad:?}");
        }
        assert!("anna-and-son-2".parse::<Studio>().is_ok());
        assert!("x".repeat(63).parse::<Studio>().is_ok());
    }

    #[test]
    fn stored_name_is_checked_when_read() {
        let anna: Studio = serde_json::from_str("\"anna\"").expect("valid");
        assert_eq!(
            (anna.as_str(), anna.to_string(), String::from(anna.clone())),
            ("anna", "anna".into(), "anna".into())
        );
        assert!(serde_json::from_str::<Studio>("\"../anna\"").is_err());
    }
}
