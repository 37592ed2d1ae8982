//! The hash chain: what exactly each audit event's hash is taken over, so that anybody can check it.
//!
//! The hash is SHA-256 over these bytes, one after the other:
//!
//! | field | bytes |
//! |---|---|
//! | the words `automa audit event 1` | 20, in ASCII |
//! | the hash of the event before; 32 zeros for the first | 32 |
//! | `seq` | 8, most significant first |
//! | `at`: whole seconds since 1970-01-01T00:00:00Z, rounded down | 8, two's complement, most significant first |
//! | `at`: the nanoseconds above them | 4, most significant first |
//! | `actor.kind`, `actor.id`, `actor.name`, `action`, `target.kind`, `target.id`, `outcome`, `detail` | each its length in bytes (8, most significant first) and its UTF-8 |
//!
//! `detail` is the object as JSON without white space, its members (and those of every object in it) ordered by the
//! code points of their names, with `"`, `\` and control characters escaped and nothing else. In Python:
//!
//! ```python
//! import hashlib, json, struct
//!
//! def digest(previous: bytes, seq: int, seconds: int, nanoseconds: int, texts: list[str], detail: dict) -> bytes:
//!     body = b"automa audit event 1" + previous + struct.pack(">QqI", seq, seconds, nanoseconds)
//!     detail = json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
//!     for text in [*texts, detail]:
//!         body += struct.pack(">Q", len(text.encode())) + text.encode()
//!     return hashlib.sha256(body).digest()
//! ```
//!
//! (Numbers with a fraction are written as Rust's `ryu` does, which differs from Python for exponents: `1e16` instead
//! of `1e+16`. Automa's own events hold none.)

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::audit::{AuditEvent, AuditSeq, NewAuditEvent};
use crate::script::ContentHash;
use crate::store::record::split;

/// What stands in front of everything that is hashed: another form of event would have another.
const DOMAIN: &[u8] = b"automa audit event 1";

/// What stands for the hash of the event before the first one.
pub const ORIGIN: ContentHash = ContentHash([0; 32]);

/// What is wrong with an event of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// It has another number than the one behind the event before it.
    Place {
        /// The number that it should have.
        expected: AuditSeq,
        /// The number that it has.
        found: AuditSeq,
    },
    /// It names another hash than the one of the event before it.
    Previous,
    /// Its own hash is not the one of what it says.
    Content,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place { expected, found } => write!(f, "event {} stands where event {} belongs", found.0, expected.0),
            Self::Previous => {
                f.write_str("it does not continue the event before it: one of the two was changed or exchanged")
            }
            Self::Content => f.write_str("it was changed: its content does not have the hash that was recorded"),
        }
    }
}

impl std::error::Error for Flaw {}

/// Puts an event behind `previous`, the place and hash of the last one, or in front of all when there is none.
#[must_use]
pub fn seal(previous: Option<(AuditSeq, ContentHash)>, event: NewAuditEvent) -> AuditEvent {
    let (seq, previous) = behind(previous);
    let hash = digest(previous, seq, &event);
    AuditEvent { seq, event, previous, hash }
}

/// Whether `event` is the one that belongs behind `previous`, unchanged.
///
/// # Errors
///
/// The first [`Flaw`] that shows.
pub fn check(previous: Option<(AuditSeq, ContentHash)>, event: &AuditEvent) -> Result<(), Flaw> {
    let (expected, previous) = behind(previous);
    if event.seq != expected {
        return Err(Flaw::Place { expected, found: event.seq });
    }
    if event.previous != previous {
        return Err(Flaw::Previous);
    }
    if event.hash != digest(previous, event.seq, &event.event) {
        return Err(Flaw::Content);
    }
    Ok(())
}

fn behind(previous: Option<(AuditSeq, ContentHash)>) -> (AuditSeq, ContentHash) {
    previous.map_or((AuditSeq(1), ORIGIN), |(seq, hash)| (AuditSeq(seq.0 + 1), hash))
}

fn digest(previous: ContentHash, seq: AuditSeq, event: &NewAuditEvent) -> ContentHash {
    let (seconds, nanoseconds) = split(event.at);
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    hasher.update(previous.0);
    hasher.update(seq.0.to_be_bytes());
    hasher.update(seconds.to_be_bytes());
    hasher.update(nanoseconds.to_be_bytes());
    let NewAuditEvent { at: _, actor, action, target, outcome, detail } = event;
    let detail = canonical(detail);
    let actor = [actor.kind.as_str(), &actor.id, &actor.name];
    for text in actor.into_iter().chain([action, target.kind.name(), &target.id, outcome.name(), &detail]) {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    ContentHash(hasher.finalize().into())
}

/// The one text of a JSON object: members ordered at every level, whatever order the map has them in.
fn canonical(detail: &Map<String, Value>) -> String {
    if detail.is_empty() {
        return "{}".to_owned();
    }
    serde_json::to_string(&Members(detail)).unwrap_or_default()
}

struct Members<'a>(&'a Map<String, Value>);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members: BTreeMap<&str, Ordered<'_>> =
            self.0.iter().map(|(name, value)| (name.as_str(), Ordered(value))).collect();
        serializer.collect_map(members)
    }
}

struct Ordered<'a>(&'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(members) => Members(members).serialize(serializer),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Ordered)),
            other => other.serialize(serializer),
        }
    }
}
