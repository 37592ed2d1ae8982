//! A store in memory, for tests and for programs that need no memory of yesterday.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

use crate::error::Result;
use crate::store::Order;
use crate::store::kv::{Change, KeyValue, KvStore, Row};

/// A [`Store`](super::Store) that ends with the process. Otherwise it keeps every promise of one.
pub type MemoryStore = KvStore<MemoryRows>;

/// Sorted bytes in memory.
#[derive(Default)]
pub struct MemoryRows(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl std::fmt::Debug for MemoryRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "MemoryRows({} rows)", rows.len())
    }
}

impl MemoryStore {
    /// An empty store. On a machine that cannot start another thread, one that refuses to write.
    #[must_use]
    pub fn new() -> Self {
        Self::on_or_refuse(MemoryRows::default())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyValue for MemoryRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], order: Order, limit: usize) -> Result<Vec<Row>> {
        if from >= to {
            return Ok(Vec::new());
        }
        let rows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = rows.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let copy = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(match order {
            Order::OldestFirst => found.take(limit).map(copy).collect(),
            Order::NewestFirst => found.rev().take(limit).map(copy).collect(),
        })
    }

    fn apply(&self, changes: Vec<Change>) -> Result<()> {
        let mut rows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in changes {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }
}
