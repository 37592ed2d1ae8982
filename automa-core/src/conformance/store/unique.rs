//! Promises about unique values: one record at most has each.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::conformance::given::{self, at};
use crate::error::Error;
use crate::execution::Execution;
use crate::id::{AgentId, JobId, ScriptId};
use crate::script::Script;
use crate::store::{Batch, Key, PageRequest, Query, Scope, Store, StoreExt as _, Unique};

/// Of each kind of thing, without regard to case; the error names kind, field and value.
pub async fn a_name_is_given_once(store: Arc<dyn Store>) {
    let script = ScriptId::new();
    let batches = |name: &str| {
        [
            ("user", Batch::new().insert(given::user(name))),
            ("script", Batch::new().insert(given::script(name))),
            ("agent", Batch::new().insert(given::agent(name, script))),
            ("job", Batch::new().insert(given::job(name, AgentId::new(), None))),
        ]
    };
    // The four kinds do not get into each other's way.
    for (_, batch) in batches("Same") {
        store.commit(batch).await.unwrap();
    }
    for name in ["Same", "same", "SAME"] {
        for (expected, batch) in batches(name) {
            match store.commit(batch).await {
                Err(Error::Exists { kind, field, value }) => {
                    assert_eq!(kind, expected);
                    assert_eq!(field, if kind == "user" { "username" } else { "name" });
                    assert_eq!(value, "same");
                }
                other => panic!("a second {expected} called {name}: {other:?}"),
            }
        }
    }
    assert_eq!(store.find(&Unique::ScriptName("other".to_owned())).await.unwrap(), None);
    // A name that begins like another is another.
    for (_, batch) in batches("Same again") {
        store.commit(batch).await.unwrap();
    }
}

/// The others get `Exists`, and leave nothing behind.
pub async fn of_many_who_want_one_name_one_gets_it(store: Arc<dyn Store>) {
    for round in 0..5 {
        let tries = (0..16).map(|_| {
            let (store, script) = (Arc::clone(&store), given::script(&format!("round {round}")));
            tokio::spawn(async move { store.commit(Batch::new().insert(script.clone())).await.map(|()| script.id) })
        });
        let tried = join_all(tries).await.into_iter().map(Result::unwrap);
        let (won, lost): (Vec<_>, Vec<_>) = tried.partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 15));
        assert!(lost.iter().all(|lost| matches!(lost, Err(Error::Exists { .. }))));
        let all = given::walk(&*store, &Query::Scripts, PageRequest::first(50)).await;
        assert_eq!(all.len(), round + 1);
        assert_eq!(won[0].as_ref().ok().map(|id| Key::Script(*id)), all.last().map(crate::store::Entity::key));
    }
}

/// And then found under its new name only.
pub async fn a_name_is_free_again_after_a_rename_or_a_deletion(store: Arc<dyn Store>) {
    let script = given::script("before");
    store.commit(Batch::new().insert(script.clone())).await.unwrap();
    let mut read: Script = store.require(script.id).await.unwrap();
    read.name = "After".parse().unwrap();
    store.commit(Batch::new().update(read)).await.unwrap();
    let found = |name: &str| Unique::ScriptName(name.to_owned());
    assert_eq!(store.find(&found("before")).await.unwrap(), None);
    assert_eq!(store.find(&found("after")).await.unwrap().map(|it| it.key()), Some(Key::Script(script.id)));
    store.commit(Batch::new().insert(given::script("BEFORE"))).await.unwrap();
    // A change of case alone keeps the name.
    let mut read: Script = store.require(script.id).await.unwrap();
    read.name = "AFTER".parse().unwrap();
    store.commit(Batch::new().update(read)).await.unwrap();
    store.commit(Batch::new().delete(Key::Script(script.id), None)).await.unwrap();
    assert_eq!(store.find(&found("after")).await.unwrap(), None);
    store.commit(Batch::new().insert(given::script("after"))).await.unwrap();
}

/// One (job, instant, attempt) becomes one execution, however many schedulers fire it; runs by hand are not counted.
pub async fn an_occurrence_has_one_execution_per_attempt(store: Arc<dyn Store>) {
    let (agent, job) = (AgentId::new(), JobId::new());
    let tries = (0..16).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(Batch::new().insert(given::queued(agent, Some(job), at(60)))).await })
    });
    let won = join_all(tries).await.into_iter().filter(|tried| matches!(tried, Ok(Ok(())))).count();
    assert_eq!(won, 1);
    let Some(crate::store::Entity::Execution(mut first)) =
        store.find(&Unique::Occurrence(job, at(60), 1)).await.unwrap()
    else {
        panic!("the occurrence is not found");
    };
    // The next attempt, another instant (a nanosecond later is another), another job: each once.
    let fence = first.claim("worker", at(61), at(90)).unwrap();
    let second = first.finish(fence, given::outcome(1), None, at(62)).unwrap().unwrap();
    store.commit(Batch::new().update(*first).insert(second.clone())).await.unwrap();
    let again = Execution { id: crate::id::ExecutionId::new(), ..second };
    assert!(matches!(store.commit(Batch::new().insert(again)).await, Err(Error::Exists { .. })));
    store.commit(Batch::new().insert(given::queued(agent, Some(job), given::at_nano(60, 1)))).await.unwrap();
    store.commit(Batch::new().insert(given::queued(agent, Some(JobId::new()), at(60)))).await.unwrap();
    for _ in 0..3 {
        store.commit(Batch::new().insert(given::queued(agent, None, at(60)))).await.unwrap();
    }
    let of_job = given::walk(&*store, &Query::Executions(Scope::Job(job), None), PageRequest::first(50)).await;
    assert_eq!(of_job.len(), 3);
}
