//! Promises about the queue: each execution goes to one worker, in turn, and everybody can see to whom.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::audit::AuditSeq;
use crate::conformance::given::{self, at, at_nano};
use crate::error::Error;
use crate::execution::{Execution, Fence, Status};
use crate::id::{AgentId, ExecutionId};
use crate::store::{Batch, Entity, PageRequest, Query, Revision, Scope, Store, StoreExt as _};

async fn queue(store: &dyn Store, available: impl IntoIterator<Item = jiff::Timestamp>) -> Vec<ExecutionId> {
    let agent = AgentId::new();
    let mut ids = Vec::new();
    for available in available {
        let execution = given::queued(agent, None, available);
        ids.push(execution.id);
        store.commit(Batch::new().insert(execution)).await.unwrap();
    }
    ids
}

fn ids(executions: &[Execution]) -> Vec<ExecutionId> {
    executions.iter().map(|it| it.id).collect()
}

/// By the instant from which on each is available, then by age.
pub async fn claim_gives_the_longest_available_first(store: Arc<dyn Store>) {
    let made = queue(&*store, [at(5), at(3), at_nano(3, 1), at(1), at(3)]).await;
    let expected = [made[3], made[1], made[4], made[2], made[0]];
    let first = store.claim(&given::wish("worker", at(9), 2)).await.unwrap();
    let rest = store.claim(&given::wish("worker", at(9), 10)).await.unwrap();
    assert_eq!(ids(&first), expected[..2]);
    assert_eq!(ids(&rest), expected[2..]);
}

/// Not a nanosecond earlier.
pub async fn claim_gives_nothing_before_its_time(store: Arc<dyn Store>) {
    let made = queue(&*store, [at(10), at(20)]).await;
    assert_eq!(store.claim(&given::wish("worker", at_nano(9, 999_999_999), 5)).await.unwrap(), []);
    assert_eq!(ids(&store.claim(&given::wish("worker", at(10), 5)).await.unwrap()), [made[0]]);
    assert_eq!(store.claim(&given::wish("worker", at_nano(19, 999_999_999), 5)).await.unwrap(), []);
    assert_eq!(ids(&store.claim(&given::wish("worker", at(20), 5)).await.unwrap()), [made[1]]);
}

/// With sixteen workers at once that take until nothing is left.
pub async fn claim_gives_each_execution_to_one_caller(store: Arc<dyn Store>) {
    let made = queue(&*store, (0..200).map(|place| at(place % 7))).await;
    let workers = (0..16).map(|worker| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                let some =
                    store.claim(&given::wish(&format!("worker {worker}"), at(60), 1 + worker % 4)).await.unwrap();
                if some.is_empty() {
                    return taken;
                }
                taken.extend(ids(&some));
            }
        })
    });
    let taken: Vec<ExecutionId> = join_all(workers).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(taken.len(), made.len(), "some were given twice, or not at all");
    assert_eq!(taken.into_iter().collect::<HashSet<_>>(), made.into_iter().collect());
    assert_eq!(given::walk(&*store, &Query::Queue(at(60)), PageRequest::first(50)).await, []);
    let running = Query::Executions(Scope::All, Some(Status::Running));
    assert_eq!(given::walk(&*store, &running, PageRequest::first(50)).await.len(), 200);
}

/// The execution that is given is the stored one: running, its lease and revision set, one audit event written.
pub async fn each_claim_has_a_new_fence_and_is_recorded(store: Arc<dyn Store>) {
    let made = queue(&*store, [at(1), at(1)]).await;
    let wish = given::wish("the worker", at_nano(2, 2), 5);
    let claimed = store.claim(&wish).await.unwrap();
    assert_eq!(ids(&claimed), made);
    let events = store.read_audit(None, AuditSeq(0), 10).await.unwrap();
    assert_eq!(events.len(), 2);
    for (execution, event) in claimed.iter().zip(&events) {
        let read: Execution = store.require(execution.id).await.unwrap();
        assert_eq!(&read, execution);
        assert_eq!((read.status(), read.fence(), read.revision), (Status::Running, Fence(1), Revision(2)));
        assert_eq!(read.started_at(), Some(wish.now));
        let lease = read.lease().unwrap();
        assert_eq!((lease.worker.as_str(), lease.until), ("the worker", wish.until));
        assert_eq!(event.event, wish.event(execution));
    }
    // The copy that was given can be written back.
    let mut first = claimed[0].clone();
    first.finish(Fence(1), given::outcome(0), Some("wasm"), at(3)).unwrap();
    store.commit(Batch::new().update(first.clone())).await.unwrap();
    assert!(matches!(store.commit(Batch::new().update(first)).await, Err(Error::Stale(_))));
}

/// No audit event, nothing else.
pub async fn a_claim_without_work_changes_nothing(store: Arc<dyn Store>) {
    assert_eq!(store.claim(&given::wish("worker", at(9), 5)).await.unwrap(), []);
    let made = queue(&*store, [at(1)]).await;
    assert_eq!(store.claim(&given::wish("worker", at(9), 0)).await.unwrap(), []);
    assert_eq!(store.audit_head().await.unwrap(), None);
    assert_eq!(ids(&store.claim(&given::wish("worker", at(9), 1)).await.unwrap()), made);
}

/// Running executions only; a renewal moves one, an end takes it off.
pub async fn leases_are_listed_by_their_end(store: Arc<dyn Store>) {
    let listed = async |until: jiff::Timestamp| -> Vec<ExecutionId> {
        let all = given::walk(&*store, &Query::Leases(until), PageRequest::first(2)).await;
        let ids = all.into_iter().map(|it| match it {
            Entity::Execution(it) => it.id,
            other => panic!("the leases hold {other:?}"),
        });
        ids.collect()
    };
    let made = queue(&*store, [at(1), at(2), at(3), at(4)]).await;
    for (place, now) in [at(10), at(12), at(11)].into_iter().enumerate() {
        let one = store.claim(&given::wish("worker", now, 1)).await.unwrap();
        assert_eq!(ids(&one), [made[place]]);
    }
    assert_eq!(listed(at_nano(39, 999_999_999)).await, []);
    assert_eq!(listed(at(40)).await, [made[0]]);
    assert_eq!(listed(at(100)).await, [made[0], made[2], made[1]]);
    let mut first: Execution = store.require(made[0]).await.unwrap();
    first.renew(first.fence(), at(90)).unwrap();
    let mut second: Execution = store.require(made[1]).await.unwrap();
    second.finish(second.fence(), given::outcome(0), None, at(20)).unwrap();
    store.commit(Batch::new().update(first).update(second)).await.unwrap();
    assert_eq!(listed(at(41)).await, [made[2]]);
    assert_eq!(listed(at(100)).await, [made[2], made[0]]);
}
