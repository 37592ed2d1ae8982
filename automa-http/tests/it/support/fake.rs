//! A sandbox that does what the script's lines say, and a store that fails when it is told to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use automa_core::audit::{AuditEvent, AuditSeq};
use automa_core::error::{Error, Result};
use automa_core::execution::{Execution, Fence};
use automa_core::id::{ExecutionId, Ref};
use automa_core::json::Json;
use automa_core::sandbox::{Capabilities, Exit, Outcome, OutputSender, Probe, Sandbox, Stream, Task, Usage};
use automa_core::script::ContentHash;
use automa_core::store::{
    Batch, Claim, Entity, Key, LogChunk, LogSeq, MemoryStore, Page, PageRequest, Query, Store, Topic, Unique, Watcher,
};
use tokio_util::sync::CancellationToken;

/// Runs scripts of the lines `out TEXT`, `err TEXT`, `bytes HEX`, `wait` (until cancelled), `exit N`.
#[derive(Debug, Default)]
pub(crate) struct FakeSandbox {
    /// Whether the next question about its abilities is a panic.
    pub(crate) panics: AtomicBool,
}

#[async_trait]
impl Sandbox for FakeSandbox {
    fn capabilities(&self) -> Capabilities {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "the test asked for a panic");
        Capabilities { backend: "fake", isolation: "none: a test", network: false, cpu_share: false, processes: false }
    }

    async fn probe(&self) -> Probe {
        Probe { backend: "fake", available: true, checks: Vec::new() }
    }

    async fn run(&self, task: Task, output: OutputSender, cancel: CancellationToken) -> Outcome {
        let done = |exit, result| Outcome { exit, reason: None, result, usage: Usage::default() };
        if task.source.contains("compile(") {
            // The engine asks whether a script compiles.
            let bad = task.source.contains("syntax error");
            let result = if bad { "does not compile: invalid syntax (line 1, column 8)".into() } else { true.into() };
            return done(Exit::Code(0), Some(Json::new(result).unwrap()));
        }
        for line in task.source.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "out" => output.send(Stream::Stdout, format!("{rest}\n").as_bytes()).await,
                "err" => output.send(Stream::Stderr, format!("{rest}\n").as_bytes()).await,
                "bytes" => {
                    let bytes =
                        (0..rest.len() / 2).map(|at| u8::from_str_radix(&rest[2 * at..2 * at + 2], 16).unwrap());
                    output.send(Stream::Stdout, &bytes.collect::<Vec<_>>()).await;
                }
                "wait" => {
                    cancel.cancelled().await;
                    return done(Exit::Cancelled, None);
                }
                "pause" => tokio::time::sleep(Duration::from_millis(rest.parse().unwrap())).await,
                "exit" => return done(Exit::Code(rest.parse().unwrap()), None),
                _ => {}
            }
        }
        done(Exit::Code(0), Some(Json::new(task.input.to_value()).unwrap()))
    }
}

/// How a [`FailingStore`] fails.
pub(crate) const DISK_FULL: u8 = 1;
pub(crate) const BROKEN: u8 = 2;
pub(crate) const BUSY: u8 = 3;

/// A store in memory whose writes fail while it is told so.
#[derive(Debug)]
pub(crate) struct FailingStore {
    inner: MemoryStore,
    pub(crate) fails: Arc<AtomicU8>,
}

impl FailingStore {
    pub(crate) fn new() -> Self {
        Self { inner: MemoryStore::new(), fails: Arc::default() }
    }
}

#[async_trait]
impl Store for FailingStore {
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
        match self.fails.load(Ordering::SeqCst) {
            DISK_FULL => Err(Error::store(io::Error::from(io::ErrorKind::StorageFull))),
            BROKEN => Err(Error::store(io::Error::other("/var/lib/secret/path went away"))),
            BUSY => Err(Error::Busy("sign-ins")),
            _ => self.inner.commit(batch).await,
        }
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
        self.inner.read_audit(target, after, limit).await
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
