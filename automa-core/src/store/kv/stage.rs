//! Changes that are decided but not applied: later checks see them, and a batch that fails takes its own back.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, KeyValue, Row, parts};
use crate::error::Result;
use crate::store::Order;

/// What a row will hold; `None` for a row that will be gone.
type Staged = Option<Vec<u8>>;

/// A store as it will be, once what is staged has been applied.
#[derive(Debug)]
pub(super) struct Stage<'a, K> {
    kv: &'a K,
    rows: BTreeMap<Vec<u8>, Staged>,
    /// What the rows held before the present batch; an outer `None` stands for "was not staged".
    undo: Vec<(Vec<u8>, Option<Staged>)>,
    bytes: usize,
}

impl<'a, K: KeyValue> Stage<'a, K> {
    pub(super) fn new(kv: &'a K) -> Self {
        Self { kv, rows: BTreeMap::new(), undo: Vec::new(), bytes: 0 }
    }

    /// About how many bytes are staged.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Everything staged, to be applied.
    pub(super) fn into_changes(self) -> Vec<Change> {
        self.rows.into_iter().collect()
    }

    /// Keeps what was staged since the last `keep` or `take_back`; whether that was anything.
    pub(super) fn keep(&mut self) -> bool {
        let any = !self.undo.is_empty();
        self.undo.clear();
        any
    }

    /// Forgets what was staged since the last `keep` or `take_back`.
    pub(super) fn take_back(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            match before {
                Some(before) => self.rows.insert(key, before),
                None => self.rows.remove(&key),
            };
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.rows.get(key) {
            Some(staged) => Ok(staged.clone()),
            None => self.kv.get(key),
        }
    }

    /// As [`KeyValue::range`].
    pub(super) fn range(&self, from: &[u8], to: &[u8], order: Order, limit: usize) -> Result<Vec<Row>> {
        if from >= to {
            return Ok(Vec::new());
        }
        let staged = || self.rows.range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(to)));
        // So many more that `limit` are left when the removed ones are gone.
        let gone: BTreeSet<&[u8]> =
            staged().filter(|(_, value)| value.is_none()).map(|(key, _)| key.as_slice()).collect();
        let mut rows = self.kv.range(from, to, order, limit.saturating_add(gone.len()))?;
        if staged().next().is_none() {
            return Ok(rows);
        }
        rows.retain(|(key, _)| !self.rows.contains_key(key));
        let new = staged().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
        rows.extend(new);
        rows.sort_unstable();
        if order == Order::NewestFirst {
            rows.reverse();
        }
        rows.truncate(limit);
        Ok(rows)
    }

    /// The whole value of a row, read together with its parts.
    pub(super) fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(stored) = self.get(key)? else { return Ok(None) };
        parts::join(key, stored, |from, to, limit| self.range(from, to, Order::OldestFirst, limit)).map(Some)
    }

    /// Stages one change.
    pub(super) fn set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len) + 32;
        let before = self.rows.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    /// Stages a row whose value may be of any length. One that is there already is replaced, its parts included.
    pub(super) fn set_value(&mut self, key: Vec<u8>, value: &[u8]) -> Result<()> {
        self.clear_parts(&key)?;
        for (key, value) in parts::split(key, value) {
            self.set(key, value);
        }
        Ok(())
    }

    /// Stages the end of such a row.
    pub(super) fn remove_value(&mut self, key: Vec<u8>) -> Result<()> {
        self.clear_parts(&key)?;
        self.set(key, None);
        Ok(())
    }

    fn clear_parts(&mut self, key: &[u8]) -> Result<()> {
        let count = self.get(key)?.map_or(0, |stored| parts::count(&stored));
        for number in 0..count {
            self.set(super::keys::part(key, number), None);
        }
        Ok(())
    }
}
