//! The contract of the audit log, and the default: a hash chain in the store.

pub mod chain;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::audit::{AuditEvent, AuditSeq, NewAuditEvent};
use crate::error::{Error, Result};
use crate::id::Ref;
use crate::script::ContentHash;
use crate::store::{Batch, Store};

/// Records who did what.
///
/// # Promises
///
/// Each is one test of `conformance::auditor`.
///
/// - What is attached to a batch is recorded exactly if the batch is committed.
/// - What `append` was given is durable when it returns.
/// - Events are numbered from 1 without a gap, in the order in which they became durable, and never change.
/// - `verify` finds a changed byte, a missing event, a cut end and a swap.
#[async_trait]
pub trait Auditor: Debug + Send + Sync + 'static {
    /// Adds an event to the batch whose change it describes.
    fn attach(&self, batch: Batch, event: NewAuditEvent) -> Batch;

    /// Records an event that changes nothing else, such as a refusal.
    async fn append(&self, event: NewAuditEvent) -> Result<()>;

    /// Events behind `after`, the oldest first, at most `limit`; of one thing only when `target` is given.
    async fn query(&self, target: Option<&Ref>, after: AuditSeq, limit: usize) -> Result<Vec<AuditEvent>>;

    /// Reads the whole log and checks that nothing in it was changed, left out or added.
    async fn verify(&self) -> Result<Verification>;
}

/// What a look through the whole audit log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// How many events were read and are as they were written.
    pub events: u64,
    /// The hash of the newest of them: keep it elsewhere to notice a rewrite of the whole log.
    pub head: Option<ContentHash>,
    /// The first thing that is wrong; `None` when nothing is.
    pub damage: Option<Damage>,
}

/// The first thing that is wrong in an audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The place at which it was noticed.
    pub at: AuditSeq,
    /// What is wrong.
    pub what: String,
}

/// The default: a hash chain, written by the store in the same batch as what it records.
#[derive(Debug, Clone)]
pub struct ChainAuditor {
    store: Arc<dyn Store>,
}

impl ChainAuditor {
    /// The audit log in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// How many events are read at once: memory stays bounded however long the log is.
    const READ_AT_ONCE: usize = 500;
}

#[async_trait]
impl Auditor for ChainAuditor {
    fn attach(&self, batch: Batch, event: NewAuditEvent) -> Batch {
        batch.event(event)
    }

    async fn append(&self, event: NewAuditEvent) -> Result<()> {
        self.store.commit(Batch::new().event(event)).await
    }

    async fn query(&self, target: Option<&Ref>, after: AuditSeq, limit: usize) -> Result<Vec<AuditEvent>> {
        self.store.read_audit(target, after, limit).await
    }

    async fn verify(&self) -> Result<Verification> {
        // Read first: events that come while we read then lie behind the head, which is no damage.
        let remembered = self.store.audit_head().await?;
        let mut last: Option<(AuditSeq, ContentHash)> = None;
        let damaged = |last: Option<(AuditSeq, ContentHash)>, at: AuditSeq, what: String| Verification {
            events: last.map_or(0, |(seq, _)| seq.0),
            head: last.map(|(_, hash)| hash),
            damage: Some(Damage { at, what }),
        };
        loop {
            let after = last.map_or(AuditSeq(0), |(seq, _)| seq);
            let events = match self.store.read_audit(None, after, Self::READ_AT_ONCE).await {
                // Something among the next events cannot even be read: find which.
                Err(Error::Damaged(_)) => match self.store.read_audit(None, after, 1).await {
                    Err(Error::Damaged(what)) => return Ok(damaged(last, AuditSeq(after.0 + 1), what)),
                    one => one?,
                },
                read => read?,
            };
            if events.is_empty() {
                break;
            }
            for event in &events {
                if let Err(flaw) = chain::check(last, event) {
                    let next = AuditSeq(last.map_or(0, |(seq, _)| seq.0) + 1);
                    return Ok(damaged(last, next, flaw.to_string()));
                }
                last = Some((event.seq, event.hash));
                if remembered.is_some_and(|(seq, hash)| seq == event.seq && hash != event.hash) {
                    return Ok(damaged(
                        last,
                        event.seq,
                        "the log was rewritten: the store remembers another hash".to_owned(),
                    ));
                }
            }
        }
        if let Some((seq, _)) = remembered.filter(|(seq, _)| last.is_none_or(|(read, _)| read < *seq)) {
            let next = AuditSeq(last.map_or(0, |(read, _)| read.0) + 1);
            return Ok(damaged(last, next, format!("the log was cut: the store remembers {} events", seq.0)));
        }
        Ok(Verification { events: last.map_or(0, |(seq, _)| seq.0), head: last.map(|(_, hash)| hash), damage: None })
    }
}
