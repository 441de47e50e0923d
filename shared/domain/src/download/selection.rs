//! Selections: the photos of an order that a download contains.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

/// Some photos of an order, as one bit for each of its positions: 250 bytes for 2,000 photos.
///
/// The photos of an order never change, so the positions stay right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(Vec<u8>);

impl Selection {
    /// Returns the selection of these photos from all photos of the order. The error lists the photos that the order does
    /// not contain, in the sequence of `chosen`.
    pub fn of(all: &[Uuid], chosen: &[Uuid]) -> Result<Self, Vec<Uuid>> {
        let wanted: HashSet<_> = chosen.iter().collect();
        let held: HashSet<_> = all.iter().collect();
        let unknown: Vec<_> = chosen.iter().filter(|id| !held.contains(id)).copied().collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut bits = vec![0; all.len().div_ceil(8)];
        for (position, _) in all.iter().enumerate().filter(|(_, id)| wanted.contains(id)) {
            bits[position / 8] |= 1 << (position % 8);
        }
        Ok(Self(bits))
    }

    /// Returns the selected photos of all photos of the order, in the order's sequence.
    pub fn from(&self, all: Vec<Uuid>) -> Vec<Uuid> {
        let is_chosen = |position: usize| self.0.get(position / 8).is_some_and(|byte| byte >> (position % 8) & 1 == 1);
        all.into_iter().enumerate().filter(|(position, _)| is_chosen(*position)).map(|(_, id)| id).collect()
    }
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn selection_returns_the_chosen_photos_in_sequence(chosen in proptest::collection::vec(any::<bool>(), 0..50)) {
            let all: Vec<_> = (0..chosen.len()).map(|n| Uuid::from_u128(n as u128)).collect();
            let expected: Vec<_> = all.iter().zip(&chosen).filter(|(_, is)| **is).map(|(id, _)| *id).collect();
            let backwards: Vec<_> = expected.iter().rev().copied().collect();
            let selection = Selection::of(&all, &backwards).expect("all are known");
            let stored: Selection = serde_json::from_str(&serde_json::to_string(&selection).expect("JSON")).expect("read");
            prop_assert_eq!(stored.from(all), expected);
        }
    }

    #[test]
    fn unknown_photos_are_named() {
        let ids = [1, 2, 3].map(Uuid::from_u128);
        assert_eq!(Selection::of(&ids[..1], &[ids[2], ids[0], ids[1]]), Err(vec![ids[2], ids[1]]));
    }
}
