//! Which rows there are: the one place that makes and reads keys.
//!
//! A key is one byte that says what kind of row it is, and then fields of fixed width, most significant byte first, so
//! that the order of the keys is the order of the fields. Ids are 16 bytes and ordered by age.
//!
//! | byte | then | holds |
//! |---|---|---|
//! | `R` | kind of record, id (and number, for a script's version) | the record |
//! | `P` | key of a row whose value is too long, number | a part of that value |
//! | `I` | index, what it is by, id | nothing |
//! | `U` | unique value | the key of the record that has it |
//! | `A` | place | an audit event |
//! | `T` | kind, hash of the id, place | nothing: the audit events of one thing |
//! | `H` | | the newest audit event's place and hash |
//! | `L` | execution, place, number | a part of an output chunk |

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::audit::AuditSeq;
use crate::error::{Error, Result};
use crate::execution::Status;
use crate::id::{ExecutionId, Kind, Ref};
use crate::script::ContentHash;
use crate::store::record::{kind_byte, split};
use crate::store::{Entity, Key, LogSeq, Query, Scope, Unique};

const RECORD: u8 = b'R';
const PART: u8 = b'P';
const INDEX: u8 = b'I';
const UNIQUE: u8 = b'U';
const AUDIT: u8 = b'A';
const TARGET: u8 = b'T';
const HEAD: u8 = b'H';
const LOG: u8 = b'L';

/// The indexes: second byte of a key that begins with `I`. Never change.
mod index {
    pub(super) const SESSIONS_OF_USER: u8 = 1;
    pub(super) const AGENTS_OF_SCRIPT: u8 = 2;
    pub(super) const JOBS_OF_AGENT: u8 = 3;
    pub(super) const JOBS_BY_INSTANT: u8 = 4;
    pub(super) const EXECUTIONS_BY_STATUS: u8 = 5;
    pub(super) const EXECUTIONS_OF_AGENT: u8 = 6;
    pub(super) const EXECUTIONS_OF_AGENT_BY_STATUS: u8 = 7;
    pub(super) const EXECUTIONS_OF_JOB: u8 = 8;
    pub(super) const EXECUTIONS_OF_JOB_BY_STATUS: u8 = 9;
    pub(super) const QUEUE: u8 = 10;
    pub(super) const LEASES: u8 = 11;
}

const ID: usize = 16;
const INSTANT: usize = 12;

/// Builds a key from its fields.
struct Builder(Vec<u8>);

impl Builder {
    fn new(first: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(first);
        Self(bytes)
    }

    fn with(mut self, field: &[u8]) -> Self {
        self.0.extend_from_slice(field);
        self
    }

    /// Seconds with the sign bit flipped, so that instants before 1970 come first; then nanoseconds.
    fn instant(self, instant: Timestamp) -> Self {
        let (seconds, nanoseconds) = split(instant);
        self.with(&(seconds ^ i64::MIN).to_be_bytes()).with(&nanoseconds.to_be_bytes())
    }

    fn end(self) -> Vec<u8> {
        self.0
    }
}

/// The row of a record.
pub(super) fn record(key: &Key) -> Vec<u8> {
    let (kind, id) = match key {
        Key::User(id) => (Kind::User, id.as_bytes()),
        Key::Session(id) => (Kind::Session, id.as_bytes()),
        Key::Script(id) => (Kind::Script, id.as_bytes()),
        Key::Version(id, number) => {
            let row = Builder::new(&[RECORD, kind_byte(Kind::Version)]);
            return row.with(id.as_bytes()).with(&number.0.to_be_bytes()).end();
        }
        Key::Agent(id) => (Kind::Agent, id.as_bytes()),
        Key::Job(id) => (Kind::Job, id.as_bytes()),
        Key::Execution(id) => (Kind::Execution, id.as_bytes()),
    };
    Builder::new(&[RECORD, kind_byte(kind)]).with(id).end()
}

/// What a row is, for the error that says it is damaged.
pub(super) fn name_of(key: &[u8]) -> String {
    let kind = |byte: &u8| Kind::ALL.iter().copied().find(|kind| kind_byte(*kind) == *byte);
    match key {
        [RECORD, byte, id @ ..] if id.len() >= ID => {
            let id = ExecutionId::from_bytes(id[..ID].try_into().unwrap_or_default());
            kind(byte).map_or_else(|| format!("record {id}"), |kind| format!("{kind} {id}"))
        }
        [AUDIT, place @ ..] => {
            format!("audit event {}", place.try_into().map_or(0, u64::from_be_bytes))
        }
        _ => "an internal row".to_owned(),
    }
}

/// The row that keeps a unique value from being used twice.
pub(super) fn unique(unique: &Unique) -> Vec<u8> {
    let name = |which: u8, name: &str| Builder::new(&[UNIQUE, which]).with(name.as_bytes()).end();
    match unique {
        Unique::Username(it) => name(1, it),
        Unique::ScriptName(it) => name(2, it),
        Unique::AgentName(it) => name(3, it),
        Unique::JobName(it) => name(4, it),
        Unique::Occurrence(job, at, attempt) => {
            Builder::new(&[UNIQUE, 5]).with(job.as_bytes()).instant(*at).with(&attempt.to_be_bytes()).end()
        }
    }
}

/// Every index row that a record has, itself apart.
pub(super) fn index_keys(entity: &Entity) -> Vec<Vec<u8>> {
    let row = |which: u8| Builder::new(&[INDEX, which]);
    match entity {
        Entity::User(_) | Entity::Script(_) | Entity::Version(_) => Vec::new(),
        Entity::Session(it) => vec![row(index::SESSIONS_OF_USER).with(it.user.as_bytes()).with(it.id.as_bytes()).end()],
        Entity::Agent(it) => vec![row(index::AGENTS_OF_SCRIPT).with(it.script.as_bytes()).with(it.id.as_bytes()).end()],
        Entity::Job(it) => {
            let id = it.id.as_bytes();
            let mut keys = vec![row(index::JOBS_OF_AGENT).with(it.agent.as_bytes()).with(id).end()];
            keys.extend(it.next_at.map(|at| row(index::JOBS_BY_INSTANT).instant(at).with(id).end()));
            keys
        }
        Entity::Execution(it) => {
            let (id, status) = (it.id.as_bytes(), [status_byte(it.status())]);
            let agent = it.spec.agent.as_bytes();
            let mut keys = vec![
                row(index::EXECUTIONS_BY_STATUS).with(&status).with(id).end(),
                row(index::EXECUTIONS_OF_AGENT).with(agent).with(id).end(),
                row(index::EXECUTIONS_OF_AGENT_BY_STATUS).with(agent).with(&status).with(id).end(),
            ];
            if let Some(job) = &it.spec.job {
                let job = job.as_bytes();
                keys.push(row(index::EXECUTIONS_OF_JOB).with(job).with(id).end());
                keys.push(row(index::EXECUTIONS_OF_JOB_BY_STATUS).with(job).with(&status).with(id).end());
            }
            match (it.status(), it.lease()) {
                (Status::Queued, _) => keys.push(row(index::QUEUE).instant(it.available_at()).with(id).end()),
                (Status::Running, Some(lease)) => keys.push(row(index::LEASES).instant(lease.until).with(id).end()),
                _ => {}
            }
            keys
        }
    }
}

/// The byte that stands for a status in keys. Never changes.
const fn status_byte(status: Status) -> u8 {
    match status {
        Status::Queued => 1,
        Status::Running => 2,
        Status::Succeeded => 3,
        Status::Failed => 4,
        Status::TimedOut => 5,
        Status::OutOfMemory => 6,
        Status::Cancelled => 7,
        Status::Lost => 8,
        Status::SandboxError => 9,
        Status::Skipped => 10,
        Status::Missed => 11,
    }
}

/// Where a list is read from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// The records' own rows.
    Records,
    /// Rows of an index, whose last 16 bytes are the id of a record of this kind.
    Index(Kind),
}

/// The rows that a query reads.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) source: Source,
    /// The first key, and the one behind the last.
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
    /// The length that each key has.
    pub(super) key_len: usize,
}

pub(super) fn listing(query: &Query) -> Listing {
    let (source, prefix, width) = scan(query);
    let key_len = prefix.len() + width;
    let to = match query {
        Query::DueJobs(at) | Query::Queue(at) | Query::Leases(at) => {
            // Up to and including this instant, whatever the id.
            just_behind_prefix(Builder(prefix.clone()).instant(*at).end())
        }
        _ => just_behind_prefix(prefix.clone()),
    };
    Listing { source, from: prefix, to, key_len }
}

/// Whether a place lies in the list that this query reads.
pub(super) fn belongs(query: &Query, place: &[u8]) -> bool {
    place.starts_with(&scan(query).1)
}

/// What a query reads: from where, behind which prefix, and how many bytes follow that in each key.
fn scan(query: &Query) -> (Source, Vec<u8>, usize) {
    let records = |kind: Kind| (Source::Records, vec![RECORD, kind_byte(kind)], ID);
    let index = |kind: Kind, which: u8, by: &[&[u8]], width: usize| {
        let prefix = by.iter().fold(Builder::new(&[INDEX, which]), |key, field| key.with(field)).end();
        (Source::Index(kind), prefix, width)
    };
    let executions = |which: u8, by: &[&[u8]]| index(Kind::Execution, which, by, ID);
    match query {
        Query::Users => records(Kind::User),
        Query::Scripts => records(Kind::Script),
        Query::Agents(None) => records(Kind::Agent),
        Query::Jobs(None) => records(Kind::Job),
        Query::Executions(Scope::All, None) => records(Kind::Execution),
        Query::Versions(script) => {
            let prefix = Builder::new(&[RECORD, kind_byte(Kind::Version)]).with(script.as_bytes()).end();
            (Source::Records, prefix, size_of::<u32>())
        }
        Query::Sessions(user) => index(Kind::Session, index::SESSIONS_OF_USER, &[user.as_bytes()], ID),
        Query::Agents(Some(script)) => index(Kind::Agent, index::AGENTS_OF_SCRIPT, &[script.as_bytes()], ID),
        Query::Jobs(Some(agent)) => index(Kind::Job, index::JOBS_OF_AGENT, &[agent.as_bytes()], ID),
        Query::DueJobs(_) => index(Kind::Job, index::JOBS_BY_INSTANT, &[], INSTANT + ID),
        Query::Queue(_) => index(Kind::Execution, index::QUEUE, &[], INSTANT + ID),
        Query::Leases(_) => index(Kind::Execution, index::LEASES, &[], INSTANT + ID),
        Query::Executions(scope, status) => {
            let status = status.map(|status| [status_byte(status)]);
            match (scope, &status) {
                (Scope::All, Some(status)) => executions(index::EXECUTIONS_BY_STATUS, &[status]),
                // Already matched above; the records' own rows.
                (Scope::All, None) => records(Kind::Execution),
                (Scope::Agent(id), None) => executions(index::EXECUTIONS_OF_AGENT, &[id.as_bytes()]),
                (Scope::Agent(id), Some(status)) => {
                    executions(index::EXECUTIONS_OF_AGENT_BY_STATUS, &[id.as_bytes(), status])
                }
                (Scope::Job(id), None) => executions(index::EXECUTIONS_OF_JOB, &[id.as_bytes()]),
                (Scope::Job(id), Some(status)) => {
                    executions(index::EXECUTIONS_OF_JOB_BY_STATUS, &[id.as_bytes(), status])
                }
            }
        }
    }
}

/// The row of the record that an index row points at.
pub(super) fn record_behind(kind: Kind, index_key: &[u8]) -> Vec<u8> {
    let id = &index_key[index_key.len().saturating_sub(ID)..];
    Builder::new(&[RECORD, kind_byte(kind)]).with(id).end()
}

/// The first key behind this one.
pub(super) fn just_behind(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// The first key behind all that begin with these bytes. Their first byte is a letter, so there is one.
pub(super) fn just_behind_prefix(mut prefix: Vec<u8>) -> Vec<u8> {
    while prefix.last() == Some(&u8::MAX) {
        prefix.pop();
    }
    if let Some(last) = prefix.last_mut() {
        *last += 1;
    }
    prefix
}

/// The row of part `number` of the value of row `key`.
pub(super) fn part(key: &[u8], number: u32) -> Vec<u8> {
    Builder::new(&[PART]).with(key).with(&number.to_be_bytes()).end()
}

/// The row of an audit event.
pub(super) fn audit(seq: AuditSeq) -> Vec<u8> {
    Builder::new(&[AUDIT]).with(&seq.0.to_be_bytes()).end()
}

/// The rows of the audit events behind a place.
pub(super) fn audit_after(after: AuditSeq) -> (Vec<u8>, Vec<u8>) {
    (just_behind(&audit(after)), vec![AUDIT + 1])
}

/// The row that lists an audit event under the thing that it is about. Ids there may be any text, hence the hash.
pub(super) fn audit_target(target: &Ref, seq: AuditSeq) -> Vec<u8> {
    let id = Sha256::digest(target.id.as_bytes());
    Builder::new(&[TARGET, kind_byte(target.kind)]).with(&id[..ID]).with(&seq.0.to_be_bytes()).end()
}

/// The rows that list the audit events of one thing behind a place.
pub(super) fn audit_of(target: &Ref, after: AuditSeq) -> (Vec<u8>, Vec<u8>) {
    let from = just_behind(&audit_target(target, after));
    let to = just_behind_prefix(audit_target(target, AuditSeq(u64::MAX)));
    (from, to)
}

/// The audit event that a row of [`audit_target`] points at.
pub(super) fn audit_behind(index_key: &[u8]) -> Vec<u8> {
    let place = &index_key[index_key.len().saturating_sub(size_of::<u64>())..];
    Builder::new(&[AUDIT]).with(place).end()
}

/// The row of the newest audit event's place and hash.
pub(in crate::store) fn audit_head() -> Vec<u8> {
    vec![HEAD]
}

pub(super) fn write_head((seq, hash): (AuditSeq, ContentHash)) -> Vec<u8> {
    Builder::new(&seq.0.to_be_bytes()).with(&hash.0).end()
}

pub(in crate::store) fn read_head(bytes: &[u8]) -> Result<(AuditSeq, ContentHash)> {
    let head = bytes
        .split_first_chunk::<8>()
        .and_then(|(seq, hash)| Some((AuditSeq(u64::from_be_bytes(*seq)), ContentHash(hash.try_into().ok()?))));
    head.ok_or_else(|| Error::Damaged("the place and hash of the newest audit event".to_owned()))
}

/// The row of one part of an output chunk.
pub(super) fn log(execution: ExecutionId, seq: LogSeq, number: u16) -> Vec<u8> {
    Builder::new(&[LOG]).with(execution.as_bytes()).with(&seq.0.to_be_bytes()).with(&number.to_be_bytes()).end()
}

/// The rows of all output of an execution.
pub(super) fn log_of(execution: ExecutionId) -> (Vec<u8>, Vec<u8>) {
    let prefix = Builder::new(&[LOG]).with(execution.as_bytes()).end();
    (prefix.clone(), just_behind_prefix(prefix))
}

/// The place and the part's number of a row of [`log`].
pub(super) fn read_log(key: &[u8]) -> Option<(LogSeq, u16)> {
    let (seq, number) = key.get(1 + ID..)?.split_first_chunk::<8>()?;
    Some((LogSeq(u64::from_be_bytes(*seq)), u16::from_be_bytes(number.try_into().ok()?)))
}
