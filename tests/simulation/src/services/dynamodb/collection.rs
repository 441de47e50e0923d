//! Ordered items of a table or index, with the versions that an eventually consistent read may return.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use jiff::Timestamp;

use super::{
    key::{Partition, Position},
    value::Item,
};

/// Range of positions in a partition.
pub type Range = (Bound<Position>, Bound<Position>);

/// Items by partition and position.
#[derive(Debug, Clone, Default)]
pub struct Collection {
    partitions: BTreeMap<Partition, BTreeMap<Position, Slot>>,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    current: Option<Arc<Item>>,
    /// Earlier versions, oldest first, each with the time of the write that replaced it.
    replaced: Vec<(Timestamp, Option<Arc<Item>>)>,
}

impl Slot {
    /// Returns the version at this time; `None` means now.
    fn at(&self, time: Option<Timestamp>) -> Option<&Arc<Item>> {
        let replaced = time.and_then(|time| self.replaced.iter().find(|(replaced_at, _)| *replaced_at > time));
        replaced.map_or(self.current.as_ref(), |(_, version)| version.as_ref())
    }
}

impl Collection {
    /// Returns the item as of this time; `None` means now.
    pub fn get(&self, partition: &Partition, position: &Position, time: Option<Timestamp>) -> Option<&Arc<Item>> {
        self.partitions.get(partition)?.get(position)?.at(time)
    }

    /// Replaces an item and returns its previous version. `kept_at`: keep that version for reads as of earlier times.
    pub fn set(
        &mut self,
        partition: &Partition,
        position: Position,
        item: Option<Arc<Item>>,
        kept_at: Option<Timestamp>,
    ) -> Option<Arc<Item>> {
        if !self.partitions.contains_key(partition) {
            item.as_ref()?;
            self.partitions.insert(partition.clone(), BTreeMap::new());
        }
        let positions = self.partitions.get_mut(partition)?;
        if item.is_none() && kept_at.is_none() {
            let old = positions.remove(&position).and_then(|slot| slot.current);
            if positions.is_empty() {
                self.partitions.remove(partition);
            }
            return old;
        }
        let slot = positions.entry(position).or_default();
        let old = std::mem::replace(&mut slot.current, item);
        match kept_at {
            Some(now) => slot.replaced.push((now, old.clone())),
            None => slot.replaced.clear(),
        }
        old
    }

    /// Forgets the versions of an item that were replaced by this time.
    pub fn forget(&mut self, partition: &Partition, position: &Position, until: Timestamp) {
        let Some(positions) = self.partitions.get_mut(partition) else { return };
        let Some(slot) = positions.get_mut(position) else { return };
        slot.replaced.retain(|(replaced_at, _)| *replaced_at > until);
        if slot.replaced.is_empty() && slot.current.is_none() {
            positions.remove(position);
            if positions.is_empty() {
                self.partitions.remove(partition);
            }
        }
    }

    /// Returns all items as of now, in order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.partitions.values().flat_map(|positions| positions.values().filter_map(|slot| slot.at(None)))
    }

    /// Returns the items of a partition in this range, as of this time.
    pub fn query(
        &self,
        partition: &Partition,
        range: Range,
        forward: bool,
        time: Option<Timestamp>,
    ) -> Box<dyn Iterator<Item = &Arc<Item>> + '_> {
        let Some(positions) = self.partitions.get(partition).filter(|_| !is_empty(&range)) else {
            return Box::new(std::iter::empty());
        };
        let slots = positions.range(range);
        if forward {
            Box::new(slots.filter_map(move |(_, slot)| slot.at(time)))
        } else {
            Box::new(slots.rev().filter_map(move |(_, slot)| slot.at(time)))
        }
    }

    /// Returns all items after this place, as of this time.
    pub fn scan(
        &self,
        after: Option<(Partition, Position)>,
        time: Option<Timestamp>,
    ) -> Box<dyn Iterator<Item = &Arc<Item>> + '_> {
        let Some((partition, position)) = after else {
            return Box::new(
                self.partitions.values().flat_map(move |slots| slots.values().filter_map(move |slot| slot.at(time))),
            );
        };
        let rest = self.partitions.get(&partition).into_iter();
        let rest = rest.flat_map(move |slots| slots.range((Bound::Excluded(position.clone()), Bound::Unbounded)));
        let later = self.partitions.range((Bound::Excluded(partition), Bound::Unbounded));
        let later = later.flat_map(|(_, slots)| slots);
        Box::new(rest.chain(later).filter_map(move |(_, slot)| slot.at(time)))
    }
}

/// Whether the range has no positions; such ranges make `BTreeMap::range` panic.
fn is_empty((from, to): &Range) -> bool {
    match (from, to) {
        (Bound::Excluded(from), Bound::Excluded(to)) => from >= to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from > to,
        _ => false,
    }
}
