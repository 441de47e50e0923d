//! A table with its indexes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    Settings,
    collection::Collection,
    index::{Index, arrival},
    key::Key,
    schema::TableSchema,
    usage::{Usage, write_units},
    value::{self, Item},
};
use crate::services::Moment;

/// Versions of an item before and after a write, if it existed.
pub type Versions = (Option<Arc<Item>>, Option<Arc<Item>>);

/// State of a table.
#[derive(Debug, Clone)]
pub struct Table {
    pub schema: TableSchema,
    /// Attribute with the time to live, once it is enabled.
    pub ttl: Option<String>,
    pub items: Collection,
    pub indexes: BTreeMap<String, Index>,
    pub usage: Usage,
    /// Changes since they were last taken.
    pub changes: Vec<Versions>,
    /// Items with earlier versions, in order of the writes that replaced them.
    replaced: VecDeque<(Timestamp, Key)>,
}

impl Table {
    /// Creates an empty table.
    pub fn new(schema: TableSchema) -> Self {
        let indexes = schema.indexes.iter().map(|(name, index)| (name.clone(), Index::new(index.clone()))).collect();
        Self {
            schema,
            ttl: None,
            items: Collection::default(),
            indexes,
            usage: Usage::default(),
            changes: Vec::new(),
            replaced: VecDeque::new(),
        }
    }

    /// Returns the current item.
    pub fn get(&self, key: &Key) -> Option<&Arc<Item>> {
        self.items.get(&key.partition, &key.position(), None)
    }

    /// Writes or deletes an item, bills it, and returns its previous version.
    pub fn write(
        &mut self,
        key: &Key,
        item: Option<&Arc<Item>>,
        settings: &Settings,
        moment: &mut Moment<'_>,
    ) -> Option<Arc<Item>> {
        let (old, index_units) = self.replace(key, item, settings, moment);
        let size = |item: Option<&Arc<Item>>| item.map_or(0, |item| value::size(item));
        self.usage.write_units += write_units(size(old.as_ref()).max(size(item)));
        self.usage.index_write_units += index_units;
        old
    }

    /// Deletes an item whose time to live has passed. DynamoDB does not bill it.
    pub fn expire(&mut self, key: &Key, settings: &Settings, moment: &mut Moment<'_>) {
        self.replace(key, None, settings, moment);
    }

    fn replace(
        &mut self,
        key: &Key,
        item: Option<&Arc<Item>>,
        settings: &Settings,
        moment: &mut Moment<'_>,
    ) -> (Option<Arc<Item>>, u64) {
        let kept_at = (!settings.read_lag.is_zero()).then_some(moment.now);
        if kept_at.is_some() {
            self.forget(moment.now.saturating_sub(settings.read_lag).unwrap_or(Timestamp::MIN));
            self.replaced.push_back((moment.now, key.clone()));
        }
        let old = self.items.set(&key.partition, key.position(), item.cloned(), kept_at);
        self.changes.push((old.clone(), item.cloned()));
        let mut units = 0;
        for index in self.indexes.values_mut() {
            let arrives_at = arrival(moment.now, settings.index_lag, moment.random);
            // A delay of zero also waits for the earlier changes.
            let arrives_at = arrives_at.or_else(|| index.is_behind().then_some(moment.now));
            units += index.write(&self.schema.keys, key, (old.as_ref(), item), arrives_at);
        }
        (old, units)
    }

    /// Forgets versions that no read returns any more.
    fn forget(&mut self, until: Timestamp) {
        while let Some((_, key)) = self.replaced.pop_front_if(|(replaced_at, _)| *replaced_at <= until) {
            self.items.forget(&key.partition, &key.position(), until);
        }
    }

    /// Writes an item to the table and its indexes without billing and delay.
    pub fn plant(&mut self, key: &Key, item: &Arc<Item>) {
        let old = self.items.set(&key.partition, key.position(), Some(item.clone()), None);
        for index in self.indexes.values_mut() {
            index.catch_up(Timestamp::MAX);
            index.write(&self.schema.keys, key, (old.as_ref(), Some(item)), None);
        }
    }
}
