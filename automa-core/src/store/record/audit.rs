//! Audit events, as stored.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::field::{Instant, parse};
use super::{EVENT, open, pack, unpack};
use crate::audit::{Actor, AuditEvent, AuditSeq, NewAuditEvent};
use crate::error::{Error, Result};
use crate::id::{Kind, Ref};
use crate::script::ContentHash;

#[derive(Debug, Serialize, Deserialize)]
struct EventV1<'a> {
    seq: u64,
    at: Instant,
    /// Kind, id and name.
    #[serde(borrow)]
    actor: (&'a str, &'a str, &'a str),
    action: &'a str,
    /// Kind and id.
    #[serde(borrow)]
    target: (&'a str, &'a str),
    outcome: &'a str,
    #[serde(borrow)]
    detail: Cow<'a, str>,
    previous: [u8; 32],
    hash: [u8; 32],
}

/// An event of the chain as bytes. [`decode_event`] gives it back, equal in every field.
#[must_use]
pub fn encode_event(event: &AuditEvent) -> Vec<u8> {
    let AuditEvent { seq, event, previous, hash } = event;
    let detail = match event.detail.is_empty() {
        true => Cow::Borrowed("{}"),
        false => Cow::Owned(serde_json::to_string(&event.detail).unwrap_or_default()),
    };
    let body = EventV1 {
        seq: seq.0,
        at: event.at.into(),
        actor: (&event.actor.kind, &event.actor.id, &event.actor.name),
        action: &event.action,
        target: (event.target.kind.name(), &event.target.id),
        outcome: event.outcome.name(),
        detail,
        previous: previous.0,
        hash: hash.0,
    };
    pack(EVENT, &body)
}

/// The event that [`encode_event`] made these bytes of. Whether its hash is right is not looked at.
///
/// # Errors
///
/// [`Error::Damaged`] for anything else, as [`decode`](super::decode).
pub fn decode_event(bytes: &[u8]) -> Result<AuditEvent> {
    let (kind, body) = open(bytes)?;
    if kind != EVENT {
        return Err(Error::Damaged(format!("an audit event has the kind {kind}")));
    }
    let body: EventV1<'_> = unpack(Kind::System, body)?;
    let damaged = |error: serde_json::Error| Error::Damaged(format!("audit event {}: its detail: {error}", body.seq));
    let detail: Map<String, Value> = match &*body.detail {
        "{}" => Map::new(),
        text => serde_json::from_str(text).map_err(damaged)?,
    };
    let (kind, id, name) = body.actor;
    Ok(AuditEvent {
        seq: AuditSeq(body.seq),
        event: NewAuditEvent {
            at: body.at.open()?,
            actor: Actor { kind: kind.to_owned(), id: id.to_owned(), name: name.to_owned() },
            action: body.action.to_owned(),
            target: Ref { kind: parse("an audit event's target", body.target.0)?, id: body.target.1.to_owned() },
            outcome: parse("an audit event's outcome", body.outcome)?,
            detail,
        },
        previous: ContentHash(body.previous),
        hash: ContentHash(body.hash),
    })
}
