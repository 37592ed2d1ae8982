//! Records as bytes: how every store keeps what the domain types say, today's form and all earlier ones.
//!
//! A record is one byte for the version of its form, one byte for its kind, and a body in bincode. The bodies are
//! types of their own (`UserV1`, `JobV1` and so on), so that a domain type can change without a stored byte changing:
//! a new form gets a new type and a new version, and the old one stays readable. JSON, cron expressions and zones are
//! kept as the text that people write.

mod agent;
mod audit;
mod execution;
mod field;
mod job;
mod script;
mod user;

use bincode::Options as _;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::Kind;
use crate::store::Entity;

pub use self::audit::{decode_event, encode_event};
pub(crate) use self::field::split;

/// The version of the forms that this program writes; it reads this one and all before it.
const VERSION: u8 = 1;

/// The longest body that is read, in bytes: an execution's input and result, or a source, with room to spare. It
/// bounds what a damaged length can make us allocate.
const BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The byte for an audit event; entities have the ones of [`kind_byte`].
const EVENT: u8 = 0x80;

/// A record as bytes. [`decode`] gives it back, equal in every field.
#[must_use]
pub fn encode(entity: &Entity) -> Vec<u8> {
    match entity {
        Entity::User(it) => pack(kind_byte(Kind::User), &user::UserV1::from(it)),
        Entity::Session(it) => pack(kind_byte(Kind::Session), &user::SessionV1::from(it)),
        Entity::Script(it) => pack(kind_byte(Kind::Script), &script::ScriptV1::from(it)),
        Entity::Version(it) => pack(kind_byte(Kind::Version), &script::VersionV1::from(it)),
        Entity::Agent(it) => pack(kind_byte(Kind::Agent), &agent::AgentV1::from(&**it)),
        Entity::Job(it) => pack(kind_byte(Kind::Job), &job::JobV1::from(&**it)),
        Entity::Execution(it) => pack(kind_byte(Kind::Execution), &execution::ExecutionV1::from(&**it)),
    }
}

/// The record that [`encode`] made these bytes of.
///
/// # Errors
///
/// [`Error::Damaged`] for anything else, and for what a newer version of Automa wrote. Never panics, whatever the
/// bytes are, and allocates no more than they justify.
pub fn decode(bytes: &[u8]) -> Result<Entity> {
    let (kind, body) = open(bytes)?;
    let kind = kind_of(kind).ok_or_else(|| Error::Damaged(format!("a record of the unknown kind {kind}")))?;
    match kind {
        Kind::User => unpack::<user::UserV1<'_>>(kind, body)?.open().map(Entity::User),
        Kind::Session => unpack::<user::SessionV1>(kind, body)?.open().map(Entity::Session),
        Kind::Script => unpack::<script::ScriptV1<'_>>(kind, body)?.open().map(Entity::Script),
        Kind::Version => unpack::<script::VersionV1<'_>>(kind, body)?.open().map(Entity::Version),
        Kind::Agent => unpack::<agent::AgentV1<'_>>(kind, body)?.open().map(|it| Entity::Agent(Box::new(it))),
        Kind::Job => unpack::<job::JobV1<'_>>(kind, body)?.open().map(|it| Entity::Job(Box::new(it))),
        Kind::Execution => {
            unpack::<execution::ExecutionV1<'_>>(kind, body)?.open().map(|it| Entity::Execution(Box::new(it)))
        }
        Kind::System => Err(Error::Damaged("a record of the system, which has none".to_owned())),
    }
}

/// The byte that stands for a kind, in records and in the keys of stores. Never changes.
pub(crate) const fn kind_byte(kind: Kind) -> u8 {
    match kind {
        Kind::User => 1,
        Kind::Session => 2,
        Kind::Script => 3,
        Kind::Version => 4,
        Kind::Agent => 5,
        Kind::Job => 6,
        Kind::Execution => 7,
        Kind::System => 8,
    }
}

fn kind_of(byte: u8) -> Option<Kind> {
    Kind::ALL.iter().copied().find(|kind| kind_byte(*kind) == byte)
}

/// How bodies are encoded: integers in as few bytes as they need, nothing behind the end, nothing beyond the limit.
fn options() -> impl bincode::Options {
    bincode::DefaultOptions::new().with_limit(BYTES_MAX)
}

fn pack(kind: u8, body: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![VERSION, kind];
    // Writing to memory cannot fail, and writing is not limited: a body that came to be can be written.
    let written = bincode::DefaultOptions::new().serialize_into(&mut bytes, body);
    debug_assert!(written.is_ok(), "a body cannot be written: {written:?}");
    bytes
}

/// Takes off the two bytes in front.
fn open(bytes: &[u8]) -> Result<(u8, &[u8])> {
    match bytes {
        [VERSION, kind, body @ ..] => Ok((*kind, body)),
        [version, ..] if *version > VERSION => {
            let text =
                format!("a record has form {version} and was written by a newer version of Automa; use that version");
            Err(Error::Damaged(text))
        }
        _ => Err(Error::Damaged("a record is too short or of an unknown form".to_owned())),
    }
}

fn unpack<'a, T: Deserialize<'a>>(kind: Kind, body: &'a [u8]) -> Result<T> {
    options().deserialize(body).map_err(|error| Error::Damaged(format!("a record of a {kind} cannot be read: {error}")))
}
