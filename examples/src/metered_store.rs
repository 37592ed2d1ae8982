//! A store of one's own: any other store, with a count of what goes through it.
//!
//! `tests/it/main.rs` runs the whole conformance suite against it: that is all it takes to know that a store is right.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use automa_core::Result;
use automa_core::audit::{AuditEvent, AuditSeq};
use automa_core::execution::{Execution, Fence};
use automa_core::id::{ExecutionId, Ref};
use automa_core::script::ContentHash;
use automa_core::store::{
    Batch, Claim, Entity, Key, LogChunk, LogSeq, Page, PageRequest, Query, Store, Topic, Unique, Watcher,
};

/// Counts the reads and the commits that reach the store inside it.
#[derive(Debug)]
pub struct MeteredStore {
    inner: Arc<dyn Store>,
    reads: AtomicU64,
    commits: AtomicU64,
}

impl MeteredStore {
    /// A meter around `inner`.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, reads: AtomicU64::new(0), commits: AtomicU64::new(0) }
    }

    /// How many reads there were.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// How many commits succeeded.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    fn read(&self) -> &dyn Store {
        self.reads.fetch_add(1, Ordering::Relaxed);
        &*self.inner
    }
}

#[async_trait]
impl Store for MeteredStore {
    async fn get(&self, key: &Key) -> Result<Option<Entity>> {
        self.read().get(key).await
    }

    async fn find(&self, unique: &Unique) -> Result<Option<Entity>> {
        self.read().find(unique).await
    }

    async fn list(&self, query: &Query, page: &PageRequest) -> Result<Page<Entity>> {
        self.read().list(query, page).await
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        self.inner.commit(batch).await?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn claim(&self, claim: &Claim) -> Result<Vec<Execution>> {
        self.inner.claim(claim).await
    }

    async fn append_log(&self, execution: ExecutionId, fence: Fence, lines: Vec<LogChunk>) -> Result<()> {
        self.inner.append_log(execution, fence, lines).await
    }

    async fn read_log(&self, execution: ExecutionId, from: LogSeq, bytes_max: usize) -> Result<Vec<LogChunk>> {
        self.read().read_log(execution, from, bytes_max).await
    }

    async fn read_audit(&self, target: Option<&Ref>, after: AuditSeq, limit: usize) -> Result<Vec<AuditEvent>> {
        self.read().read_audit(target, after, limit).await
    }

    async fn audit_head(&self) -> Result<Option<(AuditSeq, ContentHash)>> {
        self.read().audit_head().await
    }

    fn watch(&self, topic: Topic) -> Watcher {
        self.inner.watch(topic)
    }

    fn is_exclusive(&self) -> bool {
        self.inner.is_exclusive()
    }
}
