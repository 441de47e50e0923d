//! Access without requests, for checks and for the operators of the simulation.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{
    DynamoDb,
    key::{Key, KeyValue, Partition},
    table::Table,
    usage::Usage,
    value::{Item, Number, Value},
};
use crate::services::Moment;

/// DynamoDB: an item that expired more than 5 years ago stays.
const MAX_EXPIRED_SECONDS: i64 = 5 * 365 * 24 * 60 * 60;

/// Items of all tables at one time.
#[derive(Debug, Clone)]
pub struct Snapshot {
    tables: BTreeMap<String, Vec<Arc<Item>>>,
}

/// A change of an item: its versions before and after, if it existed.
#[derive(Debug, Clone)]
pub struct Change {
    /// Name of the table.
    pub table: String,
    /// Version before.
    pub old: Option<Arc<Item>>,
    /// Version after.
    pub new: Option<Arc<Item>>,
}

impl Snapshot {
    /// Returns the items of a table, in the order of [`DynamoDb::items`].
    pub fn items(&self, table: &str) -> impl Iterator<Item = &Arc<Item>> {
        self.tables.get(table).into_iter().flatten()
    }
}

impl DynamoDb {
    /// Takes the changes since the last call, by table.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let mut taken = Vec::new();
        for (name, table) in &mut self.tables {
            let change = |(old, new)| Change { table: name.clone(), old, new };
            taken.extend(table.changes.drain(..).map(change));
        }
        taken
    }

    /// Returns the names of the tables.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// Returns the current items of a table: its partitions in an order that does not depend on the history, the items
    /// of a partition by sort key.
    pub fn items(&self, table: &str) -> impl Iterator<Item = &Arc<Item>> {
        self.tables.get(table).into_iter().flat_map(|table| table.items.all())
    }

    /// Returns the entries of an index that have reached it by now, in the order of [`DynamoDb::items`].
    pub fn index_items(&mut self, table: &str, index: &str, now: Timestamp) -> impl Iterator<Item = &Arc<Item>> {
        let index = self.tables.get_mut(table).and_then(|table| table.indexes.get_mut(index));
        index.into_iter().flat_map(move |index| {
            index.catch_up(now);
            index.entries.all()
        })
    }

    /// Returns the current item with this key of strings.
    pub fn get(&self, table: &str, partition: &str, sort: &str) -> Option<&Arc<Item>> {
        let partition = Partition::new(KeyValue::S(partition.to_owned()));
        let key = Key { partition, sort: Some(KeyValue::S(sort.to_owned())) };
        self.tables.get(table)?.get(&key)
    }

    /// Writes an item to a table and its indexes without a request, a condition or a delay.
    ///
    /// # Panics
    ///
    /// If the table does not exist, or if the item is not valid in it.
    #[expect(clippy::expect_used, reason = "the simulation plants only what DynamoDB could hold")]
    pub fn put_raw(&mut self, table: &str, item: Item) {
        let table = self.tables.get_mut(table).expect("the table exists");
        let (key, _) = table.schema.check(&item).expect("the item is valid");
        table.plant(&key, &Arc::new(item));
    }

    /// Copies the items of all tables.
    pub fn snapshot(&self) -> Snapshot {
        let items = |table: &Table| table.items.all().cloned().collect();
        Snapshot { tables: self.tables.iter().map(|(name, table)| (name.clone(), items(table))).collect() }
    }

    /// Replaces the items of all tables of the snapshot. The indexes hold the restored items without a delay.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        for name in snapshot.tables.keys() {
            self.restore_table(name, snapshot);
        }
    }

    /// Replaces the items of one table: see [`DynamoDb::restore`]. Does nothing if the table or its copy is missing.
    pub fn restore_table(&mut self, name: &str, snapshot: &Snapshot) {
        let (Some(table), Some(items)) = (self.tables.get_mut(name), snapshot.tables.get(name)) else { return };
        let restored = Table::new(table.schema.clone());
        let before = std::mem::replace(table, restored);
        table.ttl = before.ttl;
        table.usage = before.usage;
        for item in items {
            if let Ok((key, _)) = table.schema.check(item) {
                table.plant(&key, item);
            }
        }
    }

    /// Deletes about half of the items whose time to live has passed, and returns their number. DynamoDB deletes an
    /// expired item at any later time. Tables without a time to live (`UpdateTimeToLive`) keep all items.
    pub fn expire(&mut self, now: Timestamp, random: &mut fastrand::Rng) -> usize {
        self.expire_if(now, random, fastrand::Rng::bool)
    }

    /// Deletes all items whose time to live has passed: see [`DynamoDb::expire`].
    pub fn expire_all(&mut self, now: Timestamp, random: &mut fastrand::Rng) -> usize {
        self.expire_if(now, random, |_| true)
    }

    fn expire_if(
        &mut self,
        now: Timestamp,
        random: &mut fastrand::Rng,
        is_chosen: impl Fn(&mut fastrand::Rng) -> bool,
    ) -> usize {
        let settings = self.settings;
        let mut count = 0;
        for table in self.tables.values_mut() {
            let Some(attribute) = &table.ttl else { continue };
            let is_expired = |item: &Item| {
                let expires_at = item.get(attribute).and_then(Value::as_n).and_then(Number::as_i64);
                expires_at.is_some_and(|at| (now.as_second() - MAX_EXPIRED_SECONDS..now.as_second()).contains(&at))
            };
            let expired = table.items.all().filter(|item| is_expired(item) && is_chosen(random));
            let keys: Vec<Key> = expired.filter_map(|item| table.schema.check(item).ok().map(|(key, _)| key)).collect();
            for key in keys {
                table.expire(&key, &settings, &mut Moment { now, random });
                count += 1;
            }
        }
        count
    }

    /// Returns the capacity that requests to a table have consumed.
    pub fn usage(&self, table: &str) -> Usage {
        self.tables.get(table).map_or_else(Usage::default, |table| table.usage)
    }

    /// Returns the number of accepted PutItem, DeleteItem and BatchWriteItem requests, including those whose condition
    /// was not met. Never decreases.
    pub fn write_calls(&self) -> u64 {
        self.write_calls
    }

    /// Returns the number of items that requests wrote or deleted. Never decreases.
    pub fn item_writes(&self) -> u64 {
        self.item_writes
    }
}
