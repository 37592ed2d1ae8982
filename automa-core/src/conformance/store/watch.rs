//! Promises about watching: whoever waits for a change wakes, and nobody has to poll.

use std::sync::Arc;
use std::time::Duration;

use crate::conformance::given::{self, at};
use crate::id::{AgentId, ExecutionId};
use crate::job::Job;
use crate::store::{Batch, Key, Store, StoreExt as _, Topic, Watcher};

/// Waits for a wake-up that must come.
async fn wakes(watcher: &mut Watcher, why: &str) {
    assert!(tokio::time::timeout(Duration::from_secs(10), watcher.changed()).await.is_ok(), "did not wake: {why}");
}

/// Whether a wake-up is there already.
async fn awake(watcher: &mut Watcher) -> bool {
    tokio::time::timeout(Duration::from_millis(50), watcher.changed()).await.is_ok()
}

/// New ones, and those of a retry that is written in the same batch as an end.
pub async fn a_watcher_wakes_when_an_execution_is_queued(store: Arc<dyn Store>) {
    let mut watcher = store.watch(Topic::Queue);
    let waiting = tokio::spawn(async move {
        wakes(&mut watcher, "an execution was queued").await;
        watcher
    });
    let execution = given::queued(AgentId::new(), None, at(1));
    store.commit(Batch::new().insert(execution)).await.unwrap();
    let mut watcher = waiting.await.unwrap();
    let mut run = store.claim(&given::wish("worker", at(2), 1)).await.unwrap().pop().unwrap();
    while awake(&mut watcher).await {}
    let next = run.finish(run.fence(), given::outcome(1), None, at(3)).unwrap().unwrap();
    store.commit(Batch::new().update(run).insert(next)).await.unwrap();
    wakes(&mut watcher, "a retry was queued").await;
}

/// When it is made, changed or removed.
pub async fn a_watcher_wakes_when_a_job_changes(store: Arc<dyn Store>) {
    let mut watcher = store.watch(Topic::Schedule);
    let job = given::job("job", AgentId::new(), Some(at(1)));
    store.commit(Batch::new().insert(job.clone())).await.unwrap();
    wakes(&mut watcher, "a job was made").await;
    let read: Job = store.require(job.id).await.unwrap();
    store.commit(Batch::new().update(read)).await.unwrap();
    wakes(&mut watcher, "a job was changed").await;
    store.commit(Batch::new().delete(Key::Job(job.id), None)).await.unwrap();
    wakes(&mut watcher, "a job was removed").await;
}

/// Its record's watcher when it is claimed, changes or ends, its output's when it prints; not when another one does.
pub async fn a_watcher_wakes_when_its_execution_goes_on(store: Arc<dyn Store>) {
    let mine = given::queued(AgentId::new(), None, at(1));
    store.commit(Batch::new().insert(mine.clone())).await.unwrap();
    let mut record = store.watch(Topic::Execution(mine.id));
    let mut output = store.watch(Topic::Log(mine.id));
    let mut other = store.watch(Topic::Execution(ExecutionId::new()));
    let mut run = store.claim(&given::wish("worker", at(2), 1)).await.unwrap().pop().unwrap();
    wakes(&mut record, "it was claimed").await;
    store.append_log(run.id, run.fence(), vec![given::line(0, b"text")]).await.unwrap();
    wakes(&mut output, "it printed").await;
    run.finish(run.fence(), given::outcome(0), None, at(3)).unwrap();
    store.commit(Batch::new().update(run)).await.unwrap();
    wakes(&mut record, "it ended").await;
    assert!(!awake(&mut other).await, "another execution's watcher woke");
}

/// What changed before a wait began, but after the last wake-up, ends the wait at once.
pub async fn a_watcher_misses_nothing_between_two_waits(store: Arc<dyn Store>) {
    let mut watcher = store.watch(Topic::Queue);
    assert!(!awake(&mut watcher).await, "it woke before anything changed");
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for place in 0..200 {
                store.commit(Batch::new().insert(given::queued(AgentId::new(), None, at(place)))).await.unwrap();
            }
        }
    });
    // A worker that looks, waits, and looks again finds them all, because each look comes after a wake-up.
    let mut found = 0;
    while found < 200 {
        let claimed = store.claim(&given::wish("worker", at(1_000), 3)).await.unwrap();
        found += claimed.len();
        if claimed.is_empty() {
            wakes(&mut watcher, "executions were queued").await;
        }
    }
    writer.await.unwrap();
}
