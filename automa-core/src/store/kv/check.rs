//! What each write means: it is checked against what is stored and staged, and becomes rows.

use std::collections::{HashMap, HashSet};

use super::stage::Stage;
use super::{KeyValue, decode, head, keys, log};
use crate::audit::{AuditSeq, NewAuditEvent};
use crate::auditor::chain;
use crate::error::{Error, Result};
use crate::execution::{Execution, Fence, Status};
use crate::id::{ExecutionId, Kind};
use crate::script::ContentHash;
use crate::store::{
    Batch, Claim, Entity, Key, LogChunk, Order, PageRequest, Query, Require, Revision, Topic, Unique, Write, record,
};

/// How many rows are read at once where all of a kind are wanted.
const ROWS_AT_ONCE: usize = 512;

/// What the writer remembers from group to group. Forgotten when a group is not applied.
#[derive(Debug)]
pub(super) struct Memory {
    /// The newest audit event.
    head: Option<(AuditSeq, ContentHash)>,
    /// The fences of running executions that have been asked for; `None` for one that does not run.
    fences: HashMap<ExecutionId, Option<Fence>>,
}

impl Memory {
    /// How many fences are remembered. More executions than this run at once on no machine.
    const FENCES_MAX: usize = 4_096;

    pub(super) fn load(kv: &impl KeyValue) -> Result<Self> {
        Ok(Self { head: head(kv)?, fences: HashMap::new() })
    }
}

/// Some jobs that become one change of the store.
#[derive(Debug)]
pub(super) struct Group<'a, K> {
    stage: Stage<'a, K>,
    memory: &'a mut Memory,
    /// What the present job adds to `memory` and `topics` if it holds.
    fences: Vec<(ExecutionId, Option<Fence>)>,
    changed: Vec<Topic>,
    /// What all jobs that hold change.
    topics: HashSet<Topic>,
}

impl<'a, K: KeyValue> Group<'a, K> {
    pub(super) fn new(kv: &'a K, memory: &'a mut Memory) -> Self {
        let (fences, changed, topics) = (Vec::new(), Vec::new(), HashSet::new());
        Self { stage: Stage::new(kv), memory, fences, changed, topics }
    }

    /// About how many bytes it has become.
    pub(super) fn bytes(&self) -> usize {
        self.stage.bytes()
    }

    /// The change, and what it changes.
    pub(super) fn into_changes(self) -> (Vec<super::Change>, HashSet<Topic>) {
        (self.stage.into_changes(), self.topics)
    }

    /// Does one job, whole or not at all. With the answer comes whether there is anything to write.
    pub(super) fn attempt<T>(&mut self, job: impl FnOnce(&mut Self) -> Result<T>) -> (Result<T>, bool) {
        let before = self.memory.head;
        let done = job(self);
        if done.is_err() {
            self.stage.take_back();
            self.memory.head = before;
            self.fences.clear();
            self.changed.clear();
            return (done, false);
        }
        if self.memory.fences.len() > Memory::FENCES_MAX {
            self.memory.fences.clear();
        }
        self.memory.fences.extend(self.fences.drain(..));
        self.topics.extend(self.changed.drain(..));
        (done, self.stage.keep())
    }

    pub(super) fn commit(&mut self, batch: Batch) -> Result<()> {
        for require in &batch.requires {
            self.require(require)?;
        }
        for write in batch.writes {
            match write {
                Write::Insert(entity) => self.insert(entity)?,
                Write::Update(entity) => self.update(entity)?,
                Write::Delete(key, revision) => self.delete(&key, revision)?,
            }
        }
        batch.events.into_iter().try_for_each(|event| self.audit(event))
    }

    pub(super) fn claim(&mut self, claim: &Claim) -> Result<Vec<Execution>> {
        let limit = claim.limit.min(PageRequest::LIMIT_MAX);
        let listing = keys::listing(&Query::Queue(claim.now));
        let (mut from, to) = (listing.from, listing.to);
        let mut claimed = Vec::new();
        while claimed.len() < limit {
            let wanted = limit - claimed.len();
            let rows = self.stage.range(&from, &to, Order::OldestFirst, wanted)?;
            let Some((last, _)) = rows.last() else { break };
            from = keys::just_behind(last);
            let exhausted = rows.len() < wanted;
            for (index, _) in rows {
                claimed.extend(self.claim_one(claim, &keys::record_behind(Kind::Execution, &index))?);
            }
            if exhausted {
                break;
            }
        }
        Ok(claimed)
    }

    /// Gives out one execution. One that cannot be read is left where it is, so that the rest of the queue goes on.
    fn claim_one(&mut self, claim: &Claim, key: &[u8]) -> Result<Option<Execution>> {
        let old = match self.read(key) {
            Ok(Some(Entity::Execution(old))) => old,
            Ok(_) => {
                tracing::error!("{} is queued, but is not there", keys::name_of(key));
                return Ok(None);
            }
            Err(error @ Error::Damaged(_)) => {
                tracing::error!("{error}; it stays queued");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut new = old.clone();
        if new.claim(&claim.worker, claim.now, claim.until).is_err() {
            return Ok(None);
        }
        new.revision = old.revision.next();
        let event = claim.event(&new);
        let execution = (*new).clone();
        self.replace(Some(&Entity::Execution(old)), &Entity::Execution(new))?;
        self.audit(event)?;
        Ok(Some(execution))
    }

    pub(super) fn append(&mut self, execution: ExecutionId, fence: Fence, lines: &[LogChunk]) -> Result<()> {
        if self.current_fence(execution)? != Some(fence) {
            return Err(Error::LeaseLost(execution.to_ref()));
        }
        for chunk in lines {
            for (key, value) in log::rows(execution, chunk)? {
                self.stage.set(key, value);
            }
        }
        self.changed.push(Topic::Log(execution));
        Ok(())
    }

    fn current_fence(&mut self, id: ExecutionId) -> Result<Option<Fence>> {
        if let Some(fence) = self.memory.fences.get(&id) {
            return Ok(*fence);
        }
        let fence = match self.read(&keys::record(&Key::Execution(id)))? {
            Some(Entity::Execution(execution)) => fence_of(&execution),
            // Not remembered: an execution that is made later must not be found missing.
            _ => return Ok(None),
        };
        self.fences.push((id, fence));
        Ok(fence)
    }

    fn read(&self, key: &[u8]) -> Result<Option<Entity>> {
        self.stage.value(key)?.map(|bytes| decode(key, &bytes)).transpose()
    }

    fn require(&self, require: &Require) -> Result<()> {
        match require {
            Require::Exists(key) => match self.stage.get(&keys::record(key))? {
                Some(_) => Ok(()),
                None => Err(Error::NotFound(key.to_ref())),
            },
            Require::None(query, what, by) => {
                let keys::Listing { from, to, .. } = keys::listing(query);
                match self.stage.range(&from, &to, Order::OldestFirst, 1)?.is_empty() {
                    true => Ok(()),
                    false => Err(Error::InUse { what: what.clone(), by: (*by).to_owned() }),
                }
            }
        }
    }

    fn insert(&mut self, entity: Entity) -> Result<()> {
        let key = entity.key();
        if self.stage.get(&keys::record(&key))?.is_some() {
            let it = key.to_ref();
            return Err(Error::Exists { kind: it.kind.name(), field: "id", value: it.id });
        }
        self.replace(None, &entity.with_revision(Revision(1)))
    }

    fn update(&mut self, entity: Entity) -> Result<()> {
        let key = entity.key();
        if let Key::Version(..) = key {
            return Err(Error::State(format!("{} never changes; upload a new version", key.to_ref())));
        }
        let old = self.read(&keys::record(&key))?.ok_or_else(|| Error::NotFound(key.to_ref()))?;
        if old.revision() != entity.revision() {
            return Err(Error::Stale(key.to_ref()));
        }
        let next = old.revision().next();
        self.replace(Some(&old), &entity.with_revision(next))
    }

    /// Stages a record in place of its earlier state, with its index rows and its unique value.
    fn replace(&mut self, old: Option<&Entity>, new: &Entity) -> Result<()> {
        let key = keys::record(&new.key());
        let (before, after) = (old.and_then(Entity::unique), new.unique());
        if before != after {
            if let Some(unique) = &after {
                self.take_unique(unique, &key)?;
            }
            if let Some(unique) = &before {
                self.stage.set(keys::unique(unique), None);
            }
        }
        let (gone, come) = (old.map(keys::index_keys).unwrap_or_default(), keys::index_keys(new));
        for index in gone.iter().filter(|index| !come.contains(index)) {
            self.stage.set(index.clone(), None);
        }
        for index in come.into_iter().filter(|index| !gone.contains(index)) {
            self.stage.set(index, Some(Vec::new()));
        }
        self.stage.set_value(key, &record::encode(new))?;
        match new {
            Entity::Job(_) => self.changed.push(Topic::Schedule),
            Entity::Execution(it) => {
                self.changed.push(Topic::Execution(it.id));
                if it.status() == Status::Queued {
                    self.changed.push(Topic::Queue);
                }
                self.fences.push((it.id, fence_of(it)));
            }
            _ => {}
        }
        Ok(())
    }

    fn take_unique(&mut self, unique: &Unique, key: &[u8]) -> Result<()> {
        let row = keys::unique(unique);
        if self.stage.get(&row)?.is_some() {
            return Err(unique.taken());
        }
        self.stage.set(row, Some(key.to_vec()));
        Ok(())
    }

    fn delete(&mut self, key: &Key, revision: Option<Revision>) -> Result<()> {
        let row = keys::record(key);
        let old = self.read(&row)?.ok_or_else(|| Error::NotFound(key.to_ref()))?;
        if revision.is_some_and(|revision| revision != old.revision()) {
            return Err(Error::Stale(key.to_ref()));
        }
        if let Some(unique) = old.unique() {
            self.stage.set(keys::unique(&unique), None);
        }
        for index in keys::index_keys(&old) {
            self.stage.set(index, None);
        }
        self.stage.remove_value(row)?;
        match key {
            Key::Script(id) => {
                let keys::Listing { from, to, .. } = keys::listing(&Query::Versions(*id));
                self.remove_all(from, &to)?;
            }
            Key::Execution(id) => {
                let (from, to) = keys::log_of(*id);
                self.remove_all(from, &to)?;
                self.changed.push(Topic::Execution(*id));
                self.fences.push((*id, None));
            }
            Key::Job(_) => self.changed.push(Topic::Schedule),
            _ => {}
        }
        Ok(())
    }

    /// Stages the end of every row between two keys, with its parts.
    fn remove_all(&mut self, mut from: Vec<u8>, to: &[u8]) -> Result<()> {
        loop {
            let rows = self.stage.range(&from, to, Order::OldestFirst, ROWS_AT_ONCE)?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            from = keys::just_behind(last);
            for (key, _) in rows {
                self.stage.remove_value(key)?;
            }
        }
    }

    /// Puts an event at the end of the chain.
    fn audit(&mut self, event: NewAuditEvent) -> Result<()> {
        let event = chain::seal(self.memory.head, event);
        let head = (event.seq, event.hash);
        self.stage.set_value(keys::audit(event.seq), &record::encode_event(&event))?;
        self.stage.set(keys::audit_target(&event.event.target, event.seq), Some(Vec::new()));
        self.stage.set(keys::audit_head(), Some(keys::write_head(head)));
        self.memory.head = Some(head);
        Ok(())
    }
}

/// The fence with which output may be appended.
fn fence_of(execution: &Execution) -> Option<Fence> {
    (execution.status() == Status::Running).then(|| execution.fence())
}
