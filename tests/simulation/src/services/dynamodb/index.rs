//! Global secondary index that follows its table with a delay.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    collection::Collection,
    key::{Key, Partition, Position},
    schema::{Entry, IndexSchema, KeySchema},
    usage::write_units,
    value::{self, Item},
};

/// An index: its entries, and the changes that have not reached it yet.
#[derive(Debug, Clone)]
pub struct Index {
    pub schema: IndexSchema,
    pub entries: Collection,
    /// Changes by the time at which they reach the index, in order of the writes.
    pending: BTreeMap<(Timestamp, u64), Change>,
    /// Time of the last pending change of each item. A later change of the item does not overtake it.
    last: BTreeMap<Key, Timestamp>,
    changes: u64,
}

#[derive(Debug, Clone)]
struct Change {
    key: Key,
    removed: Option<(Partition, Position)>,
    inserted: Option<(Partition, Position, Arc<Item>)>,
}

impl Index {
    /// Creates an empty index.
    pub fn new(schema: IndexSchema) -> Self {
        Self { schema, entries: Collection::default(), pending: BTreeMap::new(), last: BTreeMap::new(), changes: 0 }
    }

    /// Takes over a write to the table and returns the write units that it costs. The change reaches the index at this
    /// time, but not before an earlier change of the same item. `None`: immediately.
    pub fn write(
        &mut self,
        table: &KeySchema,
        key: &Key,
        (old, new): (Option<&Arc<Item>>, Option<&Arc<Item>>),
        arrives_at: Option<Timestamp>,
    ) -> u64 {
        let old = old.and_then(|item| self.schema.entry(table, key, item));
        let new = new.and_then(|item| self.schema.entry(table, key, item));
        let units = units(old.as_ref(), new.as_ref());
        if units == 0 {
            return 0;
        }
        let change = Change {
            key: key.clone(),
            removed: old.map(|entry| (entry.partition, entry.position)),
            inserted: new.map(|entry| (entry.partition, entry.position, entry.item)),
        };
        match arrives_at {
            None => self.apply(change),
            Some(time) => {
                let time = self.last.get(key).map_or(time, |&last| last.max(time));
                self.last.insert(key.clone(), time);
                self.changes += 1;
                self.pending.insert((time, self.changes), change);
            }
        }
        units
    }

    /// Returns whether changes have not reached the index yet.
    pub fn is_behind(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Applies the changes that have reached the index by now.
    pub fn catch_up(&mut self, now: Timestamp) {
        while let Some(first) = self.pending.first_entry() {
            let time = first.key().0;
            if time > now {
                return;
            }
            let change = first.remove();
            if self.last.get(&change.key) == Some(&time)
                && !self.pending.range((time, 0)..=(time, u64::MAX)).any(|(_, later)| later.key == change.key)
            {
                self.last.remove(&change.key);
            }
            self.apply(change);
        }
    }

    fn apply(&mut self, Change { removed, inserted, .. }: Change) {
        if let Some((partition, position)) = removed {
            self.entries.set(&partition, position, None, None);
        }
        if let Some((partition, position, item)) = inserted {
            self.entries.set(&partition, position, Some(item), None);
        }
    }
}

/// Write units of a change of an index: none if the entry stays the same, and two writes if its key changes.
fn units(old: Option<&Entry>, new: Option<&Entry>) -> u64 {
    let size = |entry: &Entry| value::size(&entry.item);
    match (old, new) {
        (None, None) => 0,
        (Some(entry), None) | (None, Some(entry)) => write_units(size(entry)),
        (Some(old), Some(new)) if old.item == new.item => 0,
        (Some(old), Some(new)) if old.partition == new.partition && old.position == new.position => {
            write_units(size(old).max(size(new)))
        }
        (Some(old), Some(new)) => write_units(size(old)) + write_units(size(new)),
    }
}

/// Returns the time at which a write reaches an index, or `None` without a delay.
pub fn arrival(now: Timestamp, max_lag: Duration, random: &mut fastrand::Rng) -> Option<Timestamp> {
    let max = u64::try_from(max_lag.as_nanos()).unwrap_or(u64::MAX);
    if max == 0 {
        return None;
    }
    now.checked_add(Duration::from_nanos(random.u64(0..=max))).ok()
}
