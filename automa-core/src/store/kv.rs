//! A store on anything that keeps sorted bytes: [`KeyValue`] is the little that it needs, [`KvStore`] all the rest.
//!
//! This is the short way to a store of your own: implement the five methods of [`KeyValue`], call [`KvStore::on`],
//! and run `conformance::store` against it. [`MemoryStore`](super::MemoryStore) and
//! [`SledStore`](super::SledStore) are made like this.
//!
//! # How it works
//!
//! One thread writes. It takes what waits (commits, claims, output), checks each against the store and against what
//! it has taken before it, applies all that holds as one atomic change, makes that durable with one sync, and only then
//! answers: with many callers, many commits share the price of one sync. Nobody else writes, so a check that held
//! still holds when its change is applied. When applying or syncing fails, nothing is acknowledged any more: what a
//! failed sync left on the disk is unknown until the store is opened again.
//!
//! Readers read in the callers' threads. They see either all or nothing of each group of changes, possibly a moment
//! before it is durable.
//!
//! # Rows
//!
//! `kv/keys.rs` says which rows there are. Every list has an index of its own, so a page costs what is on it.

mod check;
pub(in crate::store) mod keys;
mod log;
mod parts;
mod stage;
mod writer;

use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use self::keys::{Listing, Source};
use self::writer::{Job, Writer};
use super::{
    Batch, Claim, Cursor, Entity, Hub, Key, LogChunk, LogSeq, Order, Page, PageRequest, Query, Store, Topic, Unique,
    Watcher, record,
};
use crate::audit::{AuditEvent, AuditSeq};
use crate::error::{Error, Result};
use crate::execution::{Execution, Fence};
use crate::id::{ExecutionId, Ref};
use crate::script::ContentHash;

/// A page ends early once its records have about this many bytes, so that large ones take no more memory and time than
/// many small ones.
const PAGE_BYTES: usize = 1024 * 1024;

/// One row: a key and what it holds.
pub type Row = (Vec<u8>, Vec<u8>);

/// One change: a key, and what it holds from now on; `None` removes the row.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// Sorted bytes: all that [`KvStore`] needs to be a [`Store`].
///
/// Only one thread at a time calls `room`, `apply` and `sync`; any number call `get` and `range`, never while `apply`
/// runs. What is kept must belong to this value alone: nobody else may write to it.
///
/// Keys have at most 1 KiB, values at most [`KeyValue::VALUE_MAX`].
pub trait KeyValue: Debug + Send + Sync + 'static {
    /// The largest value that is ever given to `apply`, in bytes: small, because sled writes sixteen neighbours
    /// together and does not sync what is larger than 128 KiB.
    const VALUE_MAX: usize = parts::PART_BYTES + 1;

    /// What this key holds.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Up to `limit` rows with `from <= key < to`, by key: ascending, or descending from the upper end for
    /// [`Order::NewestFirst`]. None when `from >= to`.
    fn range(&self, from: &[u8], to: &[u8], order: Order, limit: usize) -> Result<Vec<Row>>;

    /// Whether about `bytes` more fit. Called before each `apply`; an error here means that nothing was changed, and
    /// that later calls may succeed.
    fn room(&self, bytes: usize) -> Result<()> {
        let _ = bytes;
        Ok(())
    }

    /// Makes all of these changes, or none, also when the machine stops in the middle. Each key occurs once.
    fn apply(&self, changes: Vec<Change>) -> Result<()>;

    /// Makes durable whatever was applied before: it survives the end of the process and of the machine.
    fn sync(&self) -> Result<()>;
}

/// A [`Store`] on a [`KeyValue`]. Dropping it waits until what was begun is written.
#[derive(Debug)]
pub struct KvStore<K: KeyValue> {
    // Before `shared`: dropping it joins the thread, which holds the other reference.
    writer: Writer,
    shared: Arc<Shared<K>>,
}

/// What readers and the writer share.
#[derive(Debug)]
struct Shared<K> {
    kv: K,
    /// Held for writing while changes are applied, so that a reader of several rows sees one state.
    applying: RwLock<()>,
    hub: Hub,
}

impl<K> Shared<K> {
    fn new(kv: K) -> Arc<Self> {
        Arc::new(Self { kv, applying: RwLock::new(()), hub: Hub::default() })
    }
}

impl<K: KeyValue> KvStore<K> {
    /// A store on what `kv` holds, and the thread that writes to it.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Damaged`] when it cannot be read, or when the thread cannot be started.
    pub fn on(kv: K) -> Result<Self> {
        let shared = Shared::new(kv);
        let writer = Writer::start(Arc::clone(&shared))?;
        Ok(Self { writer, shared })
    }

    /// The same, but without a writer where none can be started.
    pub(super) fn on_or_refuse(kv: K) -> Self {
        let shared = Shared::new(kv);
        let writer = Writer::start(Arc::clone(&shared)).unwrap_or_else(|error| {
            tracing::error!("cannot start the store's writer: {error}");
            Writer::ended()
        });
        Self { writer, shared }
    }

    /// What it keeps its rows in.
    pub fn kv(&self) -> &K {
        &self.shared.kv
    }

    /// Reads with nothing being applied meanwhile.
    fn reading<T>(&self, read: impl FnOnce(&K) -> Result<T>) -> Result<T> {
        let _quiet = self.shared.applying.read().unwrap_or_else(PoisonError::into_inner);
        read(&self.shared.kv)
    }
}

/// The whole value of a row whose stored bytes are `stored`.
fn whole(kv: &impl KeyValue, key: &[u8], stored: Vec<u8>) -> Result<Vec<u8>> {
    parts::join(key, stored, |from, to, limit| kv.range(from, to, Order::OldestFirst, limit))
}

/// The record in a row.
fn entity(kv: &impl KeyValue, key: &[u8]) -> Result<Option<Entity>> {
    let Some(stored) = kv.get(key)? else { return Ok(None) };
    decode(key, &whole(kv, key, stored)?).map(Some)
}

/// The record that a row's bytes are, with an error that says which row.
fn decode(key: &[u8], bytes: &[u8]) -> Result<Entity> {
    record::decode(bytes).map_err(|error| match error {
        Error::Damaged(what) => Error::Damaged(format!("{}: {what}", keys::name_of(key))),
        other => other,
    })
}

fn list(kv: &impl KeyValue, query: &Query, page: &PageRequest) -> Result<Page<Entity>> {
    let Listing { source, mut from, mut to, key_len } = keys::listing(query);
    if let Some(cursor) = &page.cursor {
        let place = cursor.as_bytes();
        if place.len() != key_len || !keys::belongs(query, place) {
            return Err(Cursor::foreign());
        }
        match page.order {
            Order::OldestFirst => from = keys::just_behind(place).max(from),
            Order::NewestFirst => to = place.to_vec().min(to),
        }
    }
    let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
    let rows = kv.range(&from, &to, page.order, limit + 1)?;
    let (found, mut bytes) = (rows.len(), 0);
    let mut items = Vec::with_capacity(found.min(limit));
    let mut last = None;
    for (key, stored) in rows {
        if items.len() == limit || bytes > PAGE_BYTES {
            break;
        }
        let (record, stored) = match source {
            Source::Records => (key.clone(), Some(stored)),
            Source::Index(kind) => {
                let record = keys::record_behind(kind, &key);
                let stored = kv.get(&record)?;
                (record, stored)
            }
        };
        let dangling = || Error::Damaged(format!("{} is listed, but is not there", keys::name_of(&record)));
        let value = whole(kv, &record, stored.ok_or_else(dangling)?)?;
        bytes += value.len();
        items.push(decode(&record, &value)?);
        last = Some(key);
    }
    let next = last.filter(|_| items.len() < found).map(Cursor::from_bytes);
    Ok(Page { items, next })
}

fn audit(kv: &impl KeyValue, target: Option<&Ref>, after: AuditSeq, limit: usize) -> Result<Vec<AuditEvent>> {
    let read = |key: &[u8], stored: Vec<u8>| {
        record::decode_event(&whole(kv, key, stored)?).map_err(|error| match error {
            Error::Damaged(what) => Error::Damaged(format!("{}: {what}", keys::name_of(key))),
            other => other,
        })
    };
    let Some(target) = target else {
        let (from, to) = keys::audit_after(after);
        let rows = kv.range(&from, &to, Order::OldestFirst, limit)?;
        return rows.into_iter().map(|(key, stored)| read(&key, stored)).collect();
    };
    let (from, to) = keys::audit_of(target, after);
    let mut events = Vec::new();
    for (index, _) in kv.range(&from, &to, Order::OldestFirst, limit)? {
        let key = keys::audit_behind(&index);
        let dangling = || Error::Damaged(format!("{} is listed, but is not there", keys::name_of(&key)));
        events.push(read(&key, kv.get(&key)?.ok_or_else(dangling)?)?);
    }
    Ok(events)
}

fn head(kv: &impl KeyValue) -> Result<Option<(AuditSeq, ContentHash)>> {
    kv.get(&keys::audit_head())?.map(|bytes| keys::read_head(&bytes)).transpose()
}

#[async_trait]
impl<K: KeyValue> Store for KvStore<K> {
    async fn get(&self, key: &Key) -> Result<Option<Entity>> {
        self.reading(|kv| entity(kv, &keys::record(key)))
    }

    async fn find(&self, unique: &Unique) -> Result<Option<Entity>> {
        self.reading(|kv| match kv.get(&keys::unique(unique))? {
            Some(key) => entity(kv, &key),
            None => Ok(None),
        })
    }

    async fn list(&self, query: &Query, page: &PageRequest) -> Result<Page<Entity>> {
        self.reading(|kv| list(kv, query, page))
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        self.writer.submit(|reply| Job::Commit(batch, reply)).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Execution>> {
        let claim = claim.clone();
        self.writer.submit(|reply| Job::Claim(claim, reply)).await
    }

    async fn append_log(&self, execution: ExecutionId, fence: Fence, lines: Vec<LogChunk>) -> Result<()> {
        self.writer.submit(|reply| Job::Append(execution, fence, lines, reply)).await
    }

    async fn read_log(&self, execution: ExecutionId, from: LogSeq, bytes_max: usize) -> Result<Vec<LogChunk>> {
        self.reading(|kv| log::read(kv, execution, from, bytes_max))
    }

    async fn read_audit(&self, target: Option<&Ref>, after: AuditSeq, limit: usize) -> Result<Vec<AuditEvent>> {
        self.reading(|kv| audit(kv, target, after, limit))
    }

    async fn audit_head(&self) -> Result<Option<(AuditSeq, ContentHash)>> {
        self.reading(head)
    }

    fn watch(&self, topic: Topic) -> Watcher {
        self.shared.hub.watch(topic)
    }

    fn is_exclusive(&self) -> bool {
        true
    }
}
