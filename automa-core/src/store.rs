//! The contract of a store: typed reads, one durable all-or-nothing write, a queue, logs, and a way to be woken.

#[cfg(feature = "sled")]
pub mod folder;
pub mod hub;
pub mod kv;
pub mod memory;
pub mod record;
#[cfg(feature = "sled")]
pub mod sled;

use std::fmt::{self, Debug};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::agent::Agent;
use crate::audit::{AuditEvent, AuditSeq, NewAuditEvent};
use crate::error::{Error, Invalid, Result};
use crate::execution::{Execution, Fence, Status};
use crate::id::{AgentId, ExecutionId, JobId, Kind, Ref, ScriptId, SessionId, UserId};
use crate::job::Job;
use crate::sandbox::{OutputChunk, Stream};
use crate::script::{Script, ScriptVersion, VersionNumber};
use crate::user::{LoginSession, User};

pub use self::hub::{Hub, Topic, Watcher};
pub use self::memory::MemoryStore;
#[cfg(feature = "sled")]
pub use self::sled::SledStore;

/// Counts the states of one record, from 1. Zero for a record that has not been stored yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

impl Revision {
    /// The state behind this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Where everything is kept.
///
/// # Promises
///
/// Each is one test of `conformance::store`.
///
/// - **`commit` is all or nothing and durable when it returns.** Requirements, revisions and unique keys are checked
///   against one state of the store, the one that the batch is applied to. When anything does not hold, nothing of
///   the batch is there: no write, no audit event.
/// - **Exactly one of two conflicting batches wins**: two inserts of one unique key, two updates of one revision, two
///   executions of one (job, instant, attempt).
/// - **Audit events are chained in the order of their commits**, in the same write as what they record, numbered
///   without a gap.
/// - **`claim` gives each queued execution to one caller**, the longest available first, and is durable when it returns.
/// - **Reads see every commit that returned before they began.** Lists are pages of at most
///   [`PageRequest::LIMIT_MAX`]; walking them by cursor gives everything that was there throughout, once.
/// - **`append_log` is refused with [`Error::LeaseLost`]** when the fence is not the current one. Lines appended
///   before a commit that returned are as durable as that commit.
/// - **`watch` loses no wake-up**: a watcher made before a change is committed wakes after it.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// The record with this key, if there is one.
    async fn get(&self, key: &Key) -> Result<Option<Entity>>;

    /// The record that has this unique key, if one has.
    async fn find(&self, unique: &Unique) -> Result<Option<Entity>>;

    /// One page of the records that match, in the order that [`Query`] tells for each.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for `cursor` when it is not one that this query gave.
    async fn list(&self, query: &Query, page: &PageRequest) -> Result<Page<Entity>>;

    /// Applies a batch, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], [`Error::Stale`], [`Error::NotFound`] or [`Error::InUse`] when something does not hold;
    /// [`Error::DiskFull`] or [`Error::Store`] when it could not be made durable.
    async fn commit(&self, batch: Batch) -> Result<()>;

    /// Gives up to `limit` available executions to a worker, each with a new fence, `started` in the audit log.
    async fn claim(&self, claim: &Claim) -> Result<Vec<Execution>>;

    /// Appends output of a running execution. Returns when readers can see it.
    ///
    /// # Errors
    ///
    /// [`Error::LeaseLost`] when `fence` is not the execution's current one.
    async fn append_log(&self, execution: ExecutionId, fence: Fence, lines: Vec<LogChunk>) -> Result<()>;

    /// Output of an execution from place `from` on, at most `bytes_max` bytes but at least one chunk if there is any.
    async fn read_log(&self, execution: ExecutionId, from: LogSeq, bytes_max: usize) -> Result<Vec<LogChunk>>;

    /// Audit events behind `after`, the oldest first, at most `limit`; of one thing only when `target` is given.
    async fn read_audit(&self, target: Option<&Ref>, after: AuditSeq, limit: usize) -> Result<Vec<AuditEvent>>;

    /// The newest audit event's place and hash, as the store remembers them apart from the chain.
    async fn audit_head(&self) -> Result<Option<(AuditSeq, crate::script::ContentHash)>>;

    /// Something that wakes when `topic` changes.
    fn watch(&self, topic: Topic) -> Watcher;

    /// Whether this process is the only one that can have the store open. If so, whatever runs at start-up has lost
    /// its worker; if not, only what has outlived its lease.
    fn is_exclusive(&self) -> bool;
}

/// Any record.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the type that it names")]
pub enum Entity {
    User(User),
    Session(LoginSession),
    Script(Script),
    Version(ScriptVersion),
    Agent(Box<Agent>),
    Job(Box<Job>),
    Execution(Box<Execution>),
}

/// Names one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each variant is the id that it names")]
pub enum Key {
    User(UserId),
    Session(SessionId),
    Script(ScriptId),
    Version(ScriptId, VersionNumber),
    Agent(AgentId),
    Job(JobId),
    Execution(ExecutionId),
}

impl Key {
    /// The record, as errors and audit events name it.
    #[must_use]
    pub fn to_ref(self) -> Ref {
        match self {
            Self::User(id) => id.to_ref(),
            Self::Session(id) => id.to_ref(),
            Self::Script(id) => id.to_ref(),
            Self::Version(id, number) => Ref::new(Kind::Version, format_args!("{number} of script {id}")),
            Self::Agent(id) => id.to_ref(),
            Self::Job(id) => id.to_ref(),
            Self::Execution(id) => id.to_ref(),
        }
    }
}

impl Entity {
    /// The record's key.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::User(it) => Key::User(it.id),
            Self::Session(it) => Key::Session(it.id),
            Self::Script(it) => Key::Script(it.id),
            Self::Version(it) => Key::Version(it.script, it.number),
            Self::Agent(it) => Key::Agent(it.id),
            Self::Job(it) => Key::Job(it.id),
            Self::Execution(it) => Key::Execution(it.id),
        }
    }

    /// Which state of the record this is. A script's version has one state only.
    #[must_use]
    pub fn revision(&self) -> Revision {
        match self {
            Self::User(it) => it.revision,
            Self::Session(it) => it.revision,
            Self::Script(it) => it.revision,
            Self::Version(_) => Revision(1),
            Self::Agent(it) => it.revision,
            Self::Job(it) => it.revision,
            Self::Execution(it) => it.revision,
        }
    }

    /// The same record in another state.
    #[must_use]
    pub fn with_revision(mut self, revision: Revision) -> Self {
        match &mut self {
            Self::User(it) => it.revision = revision,
            Self::Session(it) => it.revision = revision,
            Self::Script(it) => it.revision = revision,
            Self::Version(_) => {}
            Self::Agent(it) => it.revision = revision,
            Self::Job(it) => it.revision = revision,
            Self::Execution(it) => it.revision = revision,
        }
        self
    }

    /// What no other record may have at the same time.
    #[must_use]
    pub fn unique(&self) -> Option<Unique> {
        match self {
            Self::User(it) => Some(Unique::Username(it.username.as_str().to_owned())),
            Self::Script(it) => Some(Unique::ScriptName(it.name.key())),
            Self::Agent(it) => Some(Unique::AgentName(it.name.key())),
            Self::Job(it) => Some(Unique::JobName(it.name.key())),
            Self::Execution(it) => Some(Unique::Occurrence(it.spec.job?, it.spec.scheduled_at?, it.attempt)),
            Self::Session(_) | Self::Version(_) => None,
        }
    }
}

/// A type that is a record: lets callers read typed values through [`StoreExt`].
pub trait Record: Sized {
    /// What names it.
    type Id: Copy + Send;
    /// The key of the record with this id.
    fn key(id: Self::Id) -> Key;
    /// The record, when the entity is of this type.
    fn from_entity(entity: Entity) -> Option<Self>;
    /// The entity.
    fn into_entity(self) -> Entity;
}

macro_rules! records {
    ($($type:ident, $id:ty, $variant:ident, $name:ident => $key:expr, $wrap:expr, $unwrap:expr;)*) => {$(
        impl Record for $type {
            type Id = $id;

            fn key($name: $id) -> Key {
                $key
            }

            fn from_entity(entity: Entity) -> Option<Self> {
                match entity {
                    Entity::$variant(it) => Some($unwrap(it)),
                    _ => None,
                }
            }

            fn into_entity(self) -> Entity {
                Entity::$variant($wrap(self))
            }
        }
    )*};
}

records! {
    User, UserId, User, id => Key::User(id), std::convert::identity, std::convert::identity;
    LoginSession, SessionId, Session, id => Key::Session(id), std::convert::identity, std::convert::identity;
    Script, ScriptId, Script, id => Key::Script(id), std::convert::identity, std::convert::identity;
    ScriptVersion, (ScriptId, VersionNumber), Version, id => Key::Version(id.0, id.1), std::convert::identity, std::convert::identity;
    Agent, AgentId, Agent, id => Key::Agent(id), Box::new, |it: Box<Self>| *it;
    Job, JobId, Job, id => Key::Job(id), Box::new, |it: Box<Self>| *it;
    Execution, ExecutionId, Execution, id => Key::Execution(id), Box::new, |it: Box<Self>| *it;
}

/// A value that one record at most has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Unique {
    /// A user's name.
    Username(String),
    /// A script's name, in lower case.
    ScriptName(String),
    /// An agent's name, in lower case.
    AgentName(String),
    /// A job's name, in lower case.
    JobName(String),
    /// One attempt at one planned instant of one job: what makes an occurrence fire once.
    Occurrence(JobId, Timestamp, u32),
}

impl Unique {
    /// The error of a batch that wants a value which another record has.
    #[must_use]
    pub fn taken(&self) -> Error {
        let (kind, field, value) = match self {
            Self::Username(name) => ("user", "username", name.clone()),
            Self::ScriptName(name) => ("script", "name", name.clone()),
            Self::AgentName(name) => ("agent", "name", name.clone()),
            Self::JobName(name) => ("job", "name", name.clone()),
            Self::Occurrence(job, at, attempt) => ("execution", "scheduled_at", format!("{job} {at} {attempt}")),
        };
        Error::Exists { kind, field, value }
    }
}

/// Which records to list. Each has an index of its own: a page costs what is on it, not what the store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Every user, by age.
    Users,
    /// A user's logins, by age.
    Sessions(UserId),
    /// Every script, by age.
    Scripts,
    /// A script's versions, by number.
    Versions(ScriptId),
    /// Agents, by age; of one script if given.
    Agents(Option<ScriptId>),
    /// Jobs, by age; of one agent if given.
    Jobs(Option<AgentId>),
    /// Jobs with a planned instant at or before this one, by that instant.
    DueJobs(Timestamp),
    /// Executions, by age; of one agent or job, and in one status, if given.
    Executions(Scope, Option<Status>),
    /// Queued executions that are available at or before this instant, by that instant.
    Queue(Timestamp),
    /// Running executions whose lease ends at or before this instant, by that instant.
    Leases(Timestamp),
}

/// Whose executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// One agent's.
    Agent(AgentId),
    /// One job's.
    Job(JobId),
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Begin behind the place that this names; at the beginning without it.
    pub cursor: Option<Cursor>,
    /// At most this many, 1 to [`PageRequest::LIMIT_MAX`]; more is taken as that. A page of large records may hold
    /// fewer and still have a next one.
    pub limit: usize,
    /// From which end.
    pub order: Order,
}

impl PageRequest {
    /// The most records on one page.
    pub const LIMIT_MAX: usize = 200;

    /// The first `limit` records from the oldest on.
    #[must_use]
    pub const fn first(limit: usize) -> Self {
        Self { cursor: None, limit, order: Order::OldestFirst }
    }

    /// The first `limit` records from the newest on.
    #[must_use]
    pub const fn newest(limit: usize) -> Self {
        Self { cursor: None, limit, order: Order::NewestFirst }
    }

    /// The same from another place on.
    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.cursor = cursor;
        self
    }
}

/// From which end a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// In the query's order.
    OldestFirst,
    /// Against it.
    NewestFirst,
}

/// A place in a list. To callers it is a word without a meaning: hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

impl Cursor {
    /// A place that a store names by these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes by which the store named it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The error for a cursor that the query did not give.
    #[must_use]
    pub fn foreign() -> Error {
        Invalid::new("cursor", "is not a cursor of this list; give the next_cursor of its last page, or none").into()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = text.as_bytes();
        let pairs = digits.chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        });
        match pairs.collect::<Option<Vec<u8>>>() {
            Some(bytes) if !bytes.is_empty() && bytes.len() <= 128 => Ok(Self(bytes)),
            _ => Err(Self::foreign()),
        }
    }
}

/// Some records of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The records.
    pub items: Vec<T>,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<Cursor>,
}

/// What is written at once, or not at all.
#[derive(Debug, Clone, Default)]
#[must_use = "a batch does nothing until it is committed"]
pub struct Batch {
    /// What must hold.
    pub requires: Vec<Require>,
    /// What is written.
    pub writes: Vec<Write>,
    /// What is recorded about it.
    pub events: Vec<NewAuditEvent>,
}

/// What must hold for a batch to be applied.
#[derive(Debug, Clone)]
pub enum Require {
    /// There is such a record; else [`Error::NotFound`].
    Exists(Key),
    /// No record matches; else [`Error::InUse`] with these words.
    None(Query, Ref, &'static str),
}

/// One write.
#[derive(Debug, Clone)]
pub enum Write {
    /// A new record; its revision becomes 1.
    Insert(Entity),
    /// A new state of a record that is still at the revision that `Entity` has; its revision goes up by 1.
    Update(Entity),
    /// The end of a record; only at this revision, if one is given.
    Delete(Key, Option<Revision>),
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds something that must hold.
    pub fn require(mut self, require: Require) -> Self {
        self.requires.push(require);
        self
    }

    /// Adds a new record.
    pub fn insert(mut self, record: impl Record) -> Self {
        self.writes.push(Write::Insert(record.into_entity()));
        self
    }

    /// Adds a new state of a record.
    pub fn update(mut self, record: impl Record) -> Self {
        self.writes.push(Write::Update(record.into_entity()));
        self
    }

    /// Adds the end of a record.
    pub fn delete(mut self, key: Key, revision: Option<Revision>) -> Self {
        self.writes.push(Write::Delete(key, revision));
        self
    }

    /// Adds an audit event. [`Auditor::attach`](crate::auditor::Auditor::attach) is what the engine calls.
    pub fn event(mut self, event: NewAuditEvent) -> Self {
        self.events.push(event);
        self
    }

    /// Adds everything that another batch holds.
    pub fn join(mut self, other: Self) -> Self {
        self.requires.extend(other.requires);
        self.writes.extend(other.writes);
        self.events.extend(other.events);
        self
    }
}

/// A worker's wish for work.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The worker.
    pub worker: String,
    /// The present instant.
    pub now: Timestamp,
    /// Until when the leases hold.
    pub until: Timestamp,
    /// At most this many.
    pub limit: usize,
}

impl Claim {
    /// The audit event that a store writes for each execution it gives out.
    #[must_use]
    pub fn event(&self, execution: &Execution) -> NewAuditEvent {
        let system = crate::access::Principal::System;
        NewAuditEvent::done(self.now, &system, "execution.start", execution.id.to_ref())
            .with("worker", self.worker.clone())
            .with("attempt", execution.attempt)
    }
}

/// A chunk's place in an execution's output: 0, 1, 2 and so on without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogSeq(pub u64);

/// Some output of an execution, at most [`OutputSender::CHUNK_MAX`](crate::sandbox::OutputSender::CHUNK_MAX) bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Its place.
    pub seq: LogSeq,
    /// When it arrived.
    pub at: Timestamp,
    /// Which stream.
    pub stream: Stream,
    /// What was written.
    pub bytes: Vec<u8>,
}

impl LogChunk {
    /// Output that arrived at `at` and goes to place `seq`.
    #[must_use]
    pub fn new(seq: LogSeq, at: Timestamp, chunk: OutputChunk) -> Self {
        Self { seq, at, stream: chunk.stream, bytes: chunk.bytes }
    }
}

/// Typed reads, for callers. Every [`Store`] has them.
#[async_trait]
pub trait StoreExt: Store {
    /// The record with this id, if there is one.
    async fn read<T: Record + Send>(&self, id: T::Id) -> Result<Option<T>> {
        Ok(self.get(&T::key(id)).await?.and_then(T::from_entity))
    }

    /// The record with this id.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none.
    async fn require<T: Record + Send>(&self, id: T::Id) -> Result<T> {
        let key = T::key(id);
        self.get(&key).await?.and_then(T::from_entity).ok_or_else(|| Error::NotFound(key.to_ref()))
    }

    /// A page of records of one type.
    async fn page<T: Record + Send>(&self, query: &Query, page: &PageRequest) -> Result<Page<T>> {
        let found = self.list(query, page).await?;
        Ok(Page { items: found.items.into_iter().filter_map(T::from_entity).collect(), next: found.next })
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
