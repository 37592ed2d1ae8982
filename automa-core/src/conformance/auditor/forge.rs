//! A store whose audit log can be forged: what somebody with the disk in hand could do to it.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jiff::SignedDuration;

use crate::audit::{AuditEvent, AuditOutcome, AuditSeq};
use crate::error::Result;
use crate::execution::{Execution, Fence};
use crate::id::{ExecutionId, Kind, Ref};
use crate::script::ContentHash;
use crate::store::{
    Batch, Claim, Entity, Key, LogChunk, LogSeq, MemoryStore, Page, PageRequest, Query, Store, Topic, Unique, Watcher,
};

/// One forgery, by the places of the events that it concerns.
#[derive(Debug, Clone, Copy)]
pub(super) enum Forgery {
    /// Another value in one field.
    Change { at: u64, field: u32 },
    /// The event is not there.
    Leave { at: u64 },
    /// Neither this event nor any behind it is there.
    Cut { at: u64 },
    /// Two events stand in each other's place; unless `whole`, each with the number and hashes of its new place.
    Swap { one: u64, other: u64, whole: bool },
    /// The event comes twice, the second time with the next number; those behind it are not there.
    Repeat { at: u64 },
}

impl Forgery {
    /// How many fields can be changed.
    pub(super) const FIELDS: u32 = 12;

    fn apply(self, events: &mut Vec<AuditEvent>) {
        let place = |at: u64| at as usize - 1;
        match self {
            Self::Change { at, field } => change(&mut events[place(at)], field),
            Self::Leave { at } => drop(events.remove(place(at))),
            Self::Cut { at } => events.truncate(place(at)),
            Self::Swap { one, other, whole } => {
                let (one, other) = (place(one), place(other));
                events.swap(one, other);
                if !whole {
                    let (left, right) = events.split_at_mut(other);
                    let (one, other) = (&mut left[one], &mut right[0]);
                    std::mem::swap(&mut one.seq, &mut other.seq);
                    std::mem::swap(&mut one.previous, &mut other.previous);
                    std::mem::swap(&mut one.hash, &mut other.hash);
                }
            }
            Self::Repeat { at } => {
                let copy = &events[place(at)];
                let copy = AuditEvent { seq: AuditSeq(at + 1), ..copy.clone() };
                events.truncate(place(at) + 1);
                events.push(copy);
            }
        }
    }
}

fn change(event: &mut AuditEvent, field: u32) {
    let AuditEvent { event, previous, hash, .. } = event;
    match field {
        0 => event.at += SignedDuration::from_nanos(1),
        1 => event.actor.kind.push('x'),
        2 => event.actor.id.push('x'),
        3 => event.actor.name = event.actor.name.to_uppercase(),
        4 => event.action.push('d'),
        5 => event.target.kind = Kind::Job,
        6 => event.target.id.push(' '),
        7 => event.outcome = AuditOutcome::Failed,
        8 => drop(event.detail.insert("number".to_owned(), 0.100_000_000_000_000_02.into())),
        9 => drop(event.detail.remove("text")),
        10 => previous.0[31] ^= 1,
        _ => hash.0[0] ^= 0x80,
    }
}

/// A [`MemoryStore`] whose audit log reads as somebody forged it.
#[derive(Debug, Default)]
pub struct ForgedStore {
    inner: MemoryStore,
    forgery: Mutex<Option<Forgery>>,
}

impl ForgedStore {
    /// An empty store, honest for now.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forges the log from now on, in place of any earlier forgery.
    pub(super) fn forge(&self, forgery: Option<Forgery>) {
        *self.forgery.lock().unwrap_or_else(PoisonError::into_inner) = forgery;
    }
}

#[async_trait]
impl Store for ForgedStore {
    async fn get(&self, key: &Key) -> Result<Option<Entity>> {
        self.inner.get(key).await
    }

    async fn find(&self, unique: &Unique) -> Result<Option<Entity>> {
        self.inner.find(unique).await
    }

    async fn list(&self, query: &Query, page: &PageRequest) -> Result<Page<Entity>> {
        self.inner.list(query, page).await
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        self.inner.commit(batch).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Execution>> {
        self.inner.claim(claim).await
    }

    async fn append_log(&self, execution: ExecutionId, fence: Fence, lines: Vec<LogChunk>) -> Result<()> {
        self.inner.append_log(execution, fence, lines).await
    }

    async fn read_log(&self, execution: ExecutionId, from: LogSeq, bytes_max: usize) -> Result<Vec<LogChunk>> {
        self.inner.read_log(execution, from, bytes_max).await
    }

    async fn read_audit(&self, target: Option<&Ref>, after: AuditSeq, limit: usize) -> Result<Vec<AuditEvent>> {
        let forgery = *self.forgery.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(forgery) = forgery else { return self.inner.read_audit(target, after, limit).await };
        let mut events = self.inner.read_audit(None, AuditSeq(0), usize::MAX).await?;
        forgery.apply(&mut events);
        // Read by place, as an index of the rows would give them.
        events.retain(|it| it.seq > after && target.is_none_or(|target| it.event.target == *target));
        events.truncate(limit);
        Ok(events)
    }

    async fn audit_head(&self) -> Result<Option<(AuditSeq, ContentHash)>> {
        self.inner.audit_head().await
    }

    fn watch(&self, topic: Topic) -> Watcher {
        self.inner.watch(topic)
    }

    fn is_exclusive(&self) -> bool {
        self.inner.is_exclusive()
    }
}
