//! Progress of an erasure of many orders: the pass, and the record after which the next page begins.

use std::{fmt, str::FromStr};

use anyhow::{Result, anyhow};
use uuid::Uuid;

/// A pass over the studio's records of one kind. Later passes read the marks of earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Marks orders.
    Orders,
    /// Erases the downloads of marked orders.
    Downloads,
    /// Erases the emails of marked orders and erased downloads, and those to the address.
    Emails,
}

/// Pass and page, in text form `pass` or `pass/id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Pass.
    pub pass: Pass,
    /// Last record of the previous page; `None` at the beginning of the pass.
    pub after: Option<Uuid>,
}

impl Position {
    /// Beginning of the erasure.
    pub const BEGINNING: Self = Self { pass: Pass::Orders, after: None };

    /// Returns the position after a page whose pass continues after `next`; `None` after the last page of the last
    /// pass.
    pub fn behind(self, next: Option<Uuid>) -> Option<Self> {
        if next.is_some() {
            return Some(Self { after: next, ..self });
        }
        let pass = match self.pass {
            Pass::Orders => Pass::Downloads,
            Pass::Downloads => Pass::Emails,
            Pass::Emails => return None,
        };
        Some(Self { pass, after: None })
    }
}

impl Pass {
    const ALL: [Self; 3] = [Self::Orders, Self::Downloads, Self::Emails];

    fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Downloads => "downloads",
            Self::Emails => "emails",
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.pass.name())?;
        self.after.map_or(Ok(()), |after| write!(f, "/{after}"))
    }
}

impl FromStr for Position {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, after) = text.split_once('/').map_or((text, None), |(name, after)| (name, Some(after)));
        let pass = Pass::ALL.into_iter().find(|pass| pass.name() == name);
        let pass = pass.ok_or_else(|| anyhow!("Not a pass of an erasure: {name}"))?;
        Ok(Self { pass, after: after.map(str::parse).transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_visits_all_passes_and_reads_back() {
        let id = Uuid::from_u128(7);
        let mut seen = Vec::new();
        let mut position = Some(Position::BEGINNING);
        while let Some(at) = position {
            seen.push(at.to_string());
            assert_eq!(at.to_string().parse::<Position>().expect("reads"), at);
            // Each pass has one more page, then the next pass begins.
            position = at.behind(Some(id).filter(|_| at.after.is_none()));
        }
        let page = |pass: &str| [pass.to_owned(), format!("{pass}/{id}")];
        assert_eq!(seen, ["orders", "downloads", "emails"].map(page).concat());
        assert!("photos".parse::<Position>().is_err() && "orders/x".parse::<Position>().is_err());
    }
}
