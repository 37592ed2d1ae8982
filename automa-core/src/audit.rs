//! Audit events: who did what to which thing, when, with what outcome.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::access::Principal;
use crate::id::Ref;
use crate::script::ContentHash;
use crate::words::words;

/// How what somebody tried to do came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused: they may not.
    Refused,
    /// It was tried and failed.
    Failed,
}

words!("outcome", AuditOutcome { Done => "done", Refused => "refused", Failed => "failed" });

/// Who did something, as it was at that moment: the name stays even when the user is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of principal: `user`, `owner`, `system`, `anonymous`.
    pub kind: String,
    /// The user's id; empty when it was not a user.
    pub id: String,
    /// The user's or the embedding program's name.
    pub name: String,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// An event that is about to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEvent {
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done, as `script.create`: the noun, a full stop, the verb.
    pub action: String,
    /// To which thing.
    pub target: Ref,
    /// How it came out.
    pub outcome: AuditOutcome,
    /// Whatever else helps to understand it. Never a secret.
    pub detail: Map<String, Value>,
}

impl NewAuditEvent {
    /// `principal` has done `action` to `target`.
    #[must_use]
    pub fn done(at: Timestamp, principal: &Principal, action: &str, target: Ref) -> Self {
        let (outcome, detail) = (AuditOutcome::Done, Map::new());
        Self { at, actor: principal.actor(), action: action.to_owned(), target, outcome, detail }
    }

    /// The same with another outcome.
    #[must_use]
    pub fn with_outcome(mut self, outcome: AuditOutcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The same with one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}

/// The number of an event in the chain: 1, 2, 3 and so on without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct AuditSeq(pub u64);

/// An event as it stands in the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// Its place.
    pub seq: AuditSeq,
    /// What it says.
    pub event: NewAuditEvent,
    /// The hash of the event before it; all zero for the first.
    pub previous: ContentHash,
    /// SHA-256 over `previous`, the place and every field: see [`chain`](crate::auditor::chain).
    pub hash: ContentHash,
}
