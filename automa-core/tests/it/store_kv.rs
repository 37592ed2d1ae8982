//! The writer behind every store of ours: many commits share a sync, and nothing is acknowledged without one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use automa_core::Principal;
use automa_core::audit::{AuditSeq, NewAuditEvent};
use automa_core::error::{Error, Result};
use automa_core::execution::{Execution, NewExecution, Origin};
use automa_core::id::{AgentId, Ref, ScriptId};
use automa_core::job::RetryPolicy;
use automa_core::json::JsonObject;
use automa_core::sandbox::Stream;
use automa_core::script::VersionNumber;
use automa_core::store::kv::{Change, KeyValue, KvStore, Row};
use automa_core::store::memory::MemoryRows;
use automa_core::store::{Batch, Claim, LogChunk, LogSeq, Order, PageRequest, Query, Store, StoreExt as _};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

/// Rows in memory that count what is done to them and fail when they are told to.
#[derive(Debug, Default)]
struct TestRows {
    rows: MemoryRows,
    applied: AtomicUsize,
    synced: AtomicUsize,
    full: AtomicBool,
    apply_fails: AtomicBool,
    sync_fails: AtomicBool,
    /// The writer waits in `sync` while this is set.
    hold: AtomicBool,
}

fn fail(when: &AtomicBool, kind: std::io::ErrorKind) -> Result<()> {
    if when.load(SeqCst) { Err(Error::store(std::io::Error::new(kind, "told to"))) } else { Ok(()) }
}

impl KeyValue for TestRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.rows.get(key)
    }

    fn range(&self, from: &[u8], to: &[u8], order: Order, limit: usize) -> Result<Vec<Row>> {
        self.rows.range(from, to, order, limit)
    }

    fn room(&self, _bytes: usize) -> Result<()> {
        fail(&self.full, std::io::ErrorKind::StorageFull)
    }

    fn apply(&self, changes: Vec<Change>) -> Result<()> {
        fail(&self.apply_fails, std::io::ErrorKind::StorageFull)?;
        self.applied.fetch_add(1, SeqCst);
        assert!(
            changes.iter().all(|(key, value)| key.len() <= 1024 && value.iter().all(|it| it.len() <= Self::VALUE_MAX))
        );
        self.rows.apply(changes)
    }

    fn sync(&self) -> Result<()> {
        while self.hold.load(SeqCst) {
            std::thread::yield_now();
        }
        fail(&self.sync_fails, std::io::ErrorKind::Other)?;
        self.synced.fetch_add(1, SeqCst);
        Ok(())
    }
}

type TestStore = KvStore<TestRows>;

fn store() -> Arc<TestStore> {
    Arc::new(TestStore::on(TestRows::default()).unwrap())
}

fn execution() -> Execution {
    let spec = NewExecution {
        agent: AgentId::new(),
        job: None,
        script: ScriptId::new(),
        version: VersionNumber::FIRST,
        origin: Origin::Manual,
        scheduled_at: None,
        input: JsonObject::default(),
        retry: RetryPolicy::default(),
    };
    Execution::queue(spec, Timestamp::UNIX_EPOCH)
}

fn event() -> NewAuditEvent {
    NewAuditEvent::done(Timestamp::UNIX_EPOCH, &Principal::System, "test.event", Ref::system())
}

fn wish() -> Claim {
    let now = Timestamp::UNIX_EPOCH;
    Claim { worker: "worker".to_owned(), now, until: now + SignedDuration::from_secs(30), limit: 1 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_wait_together_share_one_sync() {
    let store = store();
    store.kv().hold.store(true, SeqCst);
    let tasks: Vec<_> = (0..101)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(Batch::new().insert(execution()).event(event())).await })
        })
        .collect();
    // The first group may hold any number; whatever comes while it is synced becomes the second, or waits before it.
    while store.kv().applied.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    store.kv().hold.store(false, SeqCst);
    for task in join_all(tasks).await {
        task.unwrap().unwrap();
    }
    let (applied, synced) = (store.kv().applied.load(SeqCst), store.kv().synced.load(SeqCst));
    assert_eq!(applied, synced);
    assert!(synced < 50, "101 commits took {synced} syncs");
    assert_eq!(store.audit_head().await.unwrap().unwrap().0, AuditSeq(101));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_returns_after_its_sync_and_output_before() {
    let store = store();
    store.commit(Batch::new().insert(execution())).await.unwrap();
    let run = store.claim(&wish()).await.unwrap().pop().unwrap();
    let synced = store.kv().synced.load(SeqCst);
    assert_eq!(synced, 2);
    let line = LogChunk { seq: LogSeq(0), at: wish().now, stream: Stream::Stdout, bytes: b"text".to_vec() };
    store.append_log(run.id, run.fence(), vec![line]).await.unwrap();
    assert_eq!(store.read_log(run.id, LogSeq(0), 100).await.unwrap().len(), 1);
    assert_eq!(store.kv().synced.load(SeqCst), synced);

    store.kv().hold.store(true, SeqCst);
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(Batch::new().insert(execution())).await }
    });
    while store.kv().applied.load(SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    store.kv().hold.store(false, SeqCst);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_changes_nothing_costs_no_sync() {
    let store = store();
    store.commit(Batch::new()).await.unwrap();
    assert_eq!(store.claim(&wish()).await.unwrap(), []);
    assert!(store.commit(Batch::new().update(execution())).await.is_err());
    let kv = store.kv();
    assert_eq!((kv.applied.load(SeqCst), kv.synced.load(SeqCst)), (0, 0));
}

#[tokio::test]
async fn a_group_without_room_changes_nothing_and_the_next_may_succeed() {
    let store = store();
    store.commit(Batch::new().insert(execution()).event(event())).await.unwrap();
    store.kv().full.store(true, SeqCst);
    let refused = execution();
    let batch = || Batch::new().insert(refused.clone()).event(event());
    assert_eq!(store.commit(batch()).await.unwrap_err().code(), "disk_full");
    assert_eq!(store.claim(&wish()).await.unwrap_err().code(), "disk_full");
    assert_eq!(store.read::<Execution>(refused.id).await.unwrap(), None);
    store.kv().full.store(false, SeqCst);
    // Neither the place in the chain nor the execution was used up by what was refused.
    store.commit(batch()).await.unwrap();
    assert_eq!(store.audit_head().await.unwrap().unwrap().0, AuditSeq(2));
    let run = store.claim(&wish()).await.unwrap().pop().unwrap();
    store.append_log(run.id, run.fence(), Vec::new()).await.unwrap();
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged() {
    let store = store();
    let before = execution();
    store.commit(Batch::new().insert(before.clone())).await.unwrap();
    store.kv().sync_fails.store(true, SeqCst);
    let refused = store.commit(Batch::new().insert(execution())).await.unwrap_err();
    assert_eq!(refused.code(), "store_failed");
    store.kv().sync_fails.store(false, SeqCst);
    for _ in 0..3 {
        let refused = store.commit(Batch::new().insert(execution())).await.unwrap_err();
        let words = format!("{:?}", refused);
        assert!(words.contains("open the store again"), "{words}");
    }
    assert!(store.claim(&wish()).await.is_err());
    let line = LogChunk { seq: LogSeq(0), at: wish().now, stream: Stream::Stdout, bytes: Vec::new() };
    assert!(store.append_log(before.id, before.fence(), vec![line]).await.is_err());
    // Reading goes on.
    assert!(store.read::<Execution>(before.id).await.unwrap().is_some());
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_acknowledged() {
    let store = store();
    store.kv().apply_fails.store(true, SeqCst);
    assert_eq!(store.commit(Batch::new().insert(execution())).await.unwrap_err().code(), "disk_full");
    store.kv().apply_fails.store(false, SeqCst);
    assert!(store.commit(Batch::new().insert(execution())).await.is_err());
    assert_eq!(store.kv().synced.load(SeqCst), 0);
    let page = store.list(&Query::Queue(wish().now), &PageRequest::first(5)).await.unwrap();
    assert_eq!(page.items, []);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_its_commit_along() {
    let store = store();
    {
        // The caller goes away before the answer comes.
        let commit = store.commit(Batch::new().insert(execution()));
        tokio::pin!(commit);
        let _ = futures_util::poll!(&mut commit);
    }
    store.commit(Batch::new().insert(execution())).await.unwrap();
    let page = store.list(&Query::Queue(wish().now), &PageRequest::first(5)).await.unwrap();
    assert_eq!(page.items.len(), 2);
}
