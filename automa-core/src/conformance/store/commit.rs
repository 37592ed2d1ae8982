//! Promises about commits: whole or not at all, and never on top of what somebody else changed.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::agent::Agent;
use crate::audit::AuditSeq;
use crate::conformance::given::{self, at};
use crate::error::Error;
use crate::id::ScriptId;
use crate::script::Script;
use crate::store::{Batch, Key, LogSeq, PageRequest, Query, Require, Revision, Scope, Store, StoreExt as _};

/// When one part of a batch does not hold, no part of it is there: no write before it or behind it, no audit event.
pub async fn a_batch_is_applied_whole_or_not_at_all(store: Arc<dyn Store>) {
    let taken = given::script("taken");
    store.commit(Batch::new().insert(taken.clone())).await.unwrap();
    let (first, last) = (given::script("first"), given::script("last"));
    let whole = || {
        let renamed = Script { revision: Revision(1), description: "new".parse().unwrap(), ..taken.clone() };
        Batch::new().insert(first.clone()).update(renamed).event(given::event("script.create", first.id.to_ref()))
    };
    let flaws = [
        Batch::new().insert(given::script("taken")),
        Batch::new().update(given::script("never inserted")),
        Batch::new().delete(Key::Script(ScriptId::new()), None),
        Batch::new().require(Require::Exists(Key::Script(ScriptId::new()))),
        Batch::new().require(Require::None(Query::Scripts, taken.id.to_ref(), "there are scripts")),
    ];
    for flaw in flaws {
        let refused = store.commit(whole().join(flaw).insert(last.clone())).await;
        assert!(refused.is_err());
        for script in [&first, &last] {
            assert_eq!(store.get(&Key::Script(script.id)).await.unwrap(), None);
        }
        let read: Script = store.require(taken.id).await.unwrap();
        assert_eq!((read.revision, read.description.as_str()), (Revision(1), taken.description.as_str()));
        assert_eq!(store.read_audit(None, AuditSeq(0), 10).await.unwrap(), []);
        assert_eq!(store.audit_head().await.unwrap(), None);
    }
    store.commit(whole().insert(last.clone())).await.unwrap();
    let all = given::walk(&*store, &Query::Scripts, PageRequest::first(10)).await;
    assert_eq!(all.len(), 3);
    assert_eq!(store.read_audit(None, AuditSeq(0), 10).await.unwrap().len(), 1);
}

/// A batch without anything in it succeeds.
pub async fn an_empty_batch_changes_nothing(store: Arc<dyn Store>) {
    store.commit(Batch::new()).await.unwrap();
    assert_eq!(store.audit_head().await.unwrap(), None);
    assert_eq!(given::walk(&*store, &Query::Scripts, PageRequest::first(10)).await, []);
}

/// Whatever revision the caller's copy has when it is inserted.
pub async fn the_first_state_has_revision_1_and_each_update_adds_1(store: Arc<dyn Store>) {
    let mut script = given::script("counted");
    script.revision = Revision(77);
    store.commit(Batch::new().insert(script.clone())).await.unwrap();
    for expected in 1..5 {
        let read: Script = store.require(script.id).await.unwrap();
        assert_eq!(read.revision, Revision(expected));
        store.commit(Batch::new().update(read)).await.unwrap();
    }
}

/// An update or a deletion that names another revision than the stored one, older or newer, is `Stale`.
pub async fn a_stale_update_is_refused(store: Arc<dyn Store>) {
    let script = given::script("changing");
    store.commit(Batch::new().insert(script.clone())).await.unwrap();
    let read: Script = store.require(script.id).await.unwrap();
    store.commit(Batch::new().update(read.clone())).await.unwrap();
    for wrong in [0, 1, 3, u64::MAX] {
        let late = Script { revision: Revision(wrong), ..read.clone() };
        let refused = store.commit(Batch::new().update(late)).await;
        assert!(matches!(refused, Err(Error::Stale(it)) if it == script.id.to_ref()));
        let refused = store.commit(Batch::new().delete(Key::Script(script.id), Some(Revision(wrong)))).await;
        assert!(matches!(refused, Err(Error::Stale(_))));
    }
    store.commit(Batch::new().delete(Key::Script(script.id), Some(Revision(2)))).await.unwrap();
    assert_eq!(store.get(&Key::Script(script.id)).await.unwrap(), None);
}

/// However many try at once.
pub async fn of_two_updates_of_one_revision_one_wins(store: Arc<dyn Store>) {
    let script = given::script("wanted");
    store.commit(Batch::new().insert(script.clone())).await.unwrap();
    for round in 1..=5 {
        let read: Script = store.require(script.id).await.unwrap();
        let tries = (0..16).map(|at| {
            let (store, mut mine) = (Arc::clone(&store), read.clone());
            mine.description = format!("by {at}").parse().unwrap();
            tokio::spawn(async move { store.commit(Batch::new().update(mine)).await })
        });
        let (mut won, mut stale) = (0, 0);
        for tried in join_all(tries).await {
            match tried.unwrap() {
                Ok(()) => won += 1,
                Err(Error::Stale(_)) => stale += 1,
                Err(other) => panic!("an update was refused for another reason: {other}"),
            }
        }
        assert_eq!((won, stale), (1, 15));
        let read: Script = store.require(script.id).await.unwrap();
        assert_eq!(read.revision, Revision(round + 1));
    }
}

/// It is `NotFound`, and names what is missing.
pub async fn what_is_missing_cannot_be_updated_or_deleted(store: Arc<dyn Store>) {
    let script = given::script("missing");
    let refused = store.commit(Batch::new().update(script.clone())).await;
    assert!(matches!(refused, Err(Error::NotFound(it)) if it == script.id.to_ref()));
    for revision in [None, Some(Revision(1))] {
        let refused = store.commit(Batch::new().delete(Key::Script(script.id), revision)).await;
        assert!(matches!(refused, Err(Error::NotFound(it)) if it == script.id.to_ref()));
    }
    let missing: Result<Script, Error> = store.require(script.id).await;
    assert!(matches!(missing, Err(Error::NotFound(_))));
}

/// A second record with the same id is `Exists`, also when its unique value differs.
pub async fn an_id_is_inserted_once(store: Arc<dyn Store>) {
    let script = given::script("one");
    store.commit(Batch::new().insert(script.clone())).await.unwrap();
    let mut again = script.clone();
    again.name = "another".parse().unwrap();
    let refused = store.commit(Batch::new().insert(again)).await;
    assert!(
        matches!(refused, Err(Error::Exists { kind: "script", field: "id", value }) if value == script.id.to_string())
    );
    let version = given::version(script.id, 1, "1");
    store.commit(Batch::new().insert(version.clone())).await.unwrap();
    assert!(matches!(store.commit(Batch::new().insert(version)).await, Err(Error::Exists { .. })));
}

/// An update of a script's version is refused whatever it says.
pub async fn a_version_never_changes(store: Arc<dyn Store>) {
    let version = given::version(ScriptId::new(), 1, "print(1)");
    store.commit(Batch::new().insert(version.clone())).await.unwrap();
    let other = given::version(version.script, 1, "print(2)");
    assert!(store.commit(Batch::new().update(other)).await.is_err());
    let read: crate::script::ScriptVersion = store.require((version.script, version.number)).await.unwrap();
    assert_eq!(read, version);
}

/// Else the batch is `NotFound`, and names it.
pub async fn a_required_record_must_exist(store: Arc<dyn Store>) {
    let script = given::script("needed");
    let agent = given::agent("needs it", script.id);
    let batch = || Batch::new().require(Require::Exists(Key::Script(script.id))).insert(agent.clone());
    let refused = store.commit(batch()).await;
    assert!(matches!(refused, Err(Error::NotFound(it)) if it == script.id.to_ref()));
    store.commit(Batch::new().insert(script.clone())).await.unwrap();
    store.commit(batch()).await.unwrap();
}

/// Else the batch is `InUse`, with the words that came with the requirement.
pub async fn what_must_not_match_must_not_match(store: Arc<dyn Store>) {
    let script = given::script("used");
    let agent = given::agent("user", script.id);
    let execution = given::queued(agent.id, None, at(10));
    store.commit(Batch::new().insert(script.clone()).insert(agent.clone()).insert(execution)).await.unwrap();
    let unless =
        |query: Query| Batch::new().require(Require::None(query, script.id.to_ref(), "delete the agents first"));
    let queries = [
        Query::Agents(Some(script.id)),
        Query::Agents(None),
        Query::Executions(Scope::Agent(agent.id), None),
        Query::Executions(Scope::Agent(agent.id), Some(crate::execution::Status::Queued)),
        Query::Queue(at(10)),
    ];
    for query in queries {
        let refused = store.commit(unless(query)).await;
        assert!(
            matches!(refused, Err(Error::InUse { what, by }) if what == script.id.to_ref() && by == "delete the agents first")
        );
    }
    let queries = [
        Query::Agents(Some(ScriptId::new())),
        Query::Jobs(None),
        Query::Executions(Scope::Agent(agent.id), Some(crate::execution::Status::Running)),
        Query::Queue(given::at_nano(9, 999_999_999)),
        Query::Leases(at(1_000)),
    ];
    for query in queries {
        store.commit(unless(query)).await.unwrap();
    }
}

/// Within a batch, each check is made against what the writes before it leave.
pub async fn checks_see_the_writes_before_them(store: Arc<dyn Store>) {
    let twice = Batch::new().insert(given::script("twin")).insert(given::script("twin"));
    assert!(matches!(store.commit(twice).await, Err(Error::Exists { field: "name", .. })));
    let script = given::script("grown");
    let (first, second) =
        (Script { revision: Revision(1), ..script.clone() }, Script { revision: Revision(2), ..script.clone() });
    store.commit(Batch::new().insert(script.clone()).update(first.clone()).update(second)).await.unwrap();
    let read: Script = store.require(script.id).await.unwrap();
    assert_eq!(read.revision, Revision(3));
    let twice = Batch::new()
        .update(Script { revision: Revision(3), ..first.clone() })
        .update(Script { revision: Revision(3), ..first });
    assert!(matches!(store.commit(twice).await, Err(Error::Stale(_))));
    let in_place = Batch::new().delete(Key::Script(script.id), None).insert(given::script("grown"));
    store.commit(in_place).await.unwrap();
    let all = given::walk(&*store, &Query::Scripts, PageRequest::first(10)).await;
    assert_eq!(all.len(), 1);
}

/// A script's versions go with it, an execution's output with it; those of others stay.
pub async fn what_is_deleted_takes_its_own_along(store: Arc<dyn Store>) {
    let (gone, stays) = (given::script("gone"), given::script("stays"));
    let mut batch = Batch::new().insert(gone.clone()).insert(stays.clone());
    for number in 1..=3 {
        batch = batch.insert(given::version(gone.id, number, &"x".repeat(100_000)));
        batch = batch.insert(given::version(stays.id, number, "print()"));
    }
    store.commit(batch).await.unwrap();
    store.commit(Batch::new().delete(Key::Script(gone.id), None)).await.unwrap();
    assert_eq!(given::walk(&*store, &Query::Versions(gone.id), PageRequest::first(10)).await, []);
    assert_eq!(given::walk(&*store, &Query::Versions(stays.id), PageRequest::first(10)).await.len(), 3);

    let agent = given::agent("runs", stays.id);
    let mut batch = Batch::new().insert(agent.clone());
    let runs: Vec<_> = (0..2).map(|after| given::queued(agent.id, None, at(after))).collect();
    for run in &runs {
        batch = batch.insert(run.clone());
    }
    store.commit(batch).await.unwrap();
    for run in store.claim(&given::wish("worker", at(5), 2)).await.unwrap() {
        store
            .append_log(run.id, run.fence(), vec![given::line(0, &[b'x'; 30_000]), given::line(1, b"end")])
            .await
            .unwrap();
    }
    store.commit(Batch::new().delete(Key::Execution(runs[0].id), None)).await.unwrap();
    assert_eq!(store.read_log(runs[0].id, LogSeq(0), usize::MAX).await.unwrap(), []);
    assert_eq!(store.read_log(runs[1].id, LogSeq(0), usize::MAX).await.unwrap().len(), 2);
    let listed = given::walk(&*store, &Query::Executions(Scope::Agent(agent.id), None), PageRequest::first(10)).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(given::walk(&*store, &Query::Leases(at(1_000)), PageRequest::first(10)).await.len(), 1);
}

/// Also from another task, while many others write.
pub async fn reads_see_every_commit_that_returned(store: Arc<dyn Store>) {
    let script = given::script("shared");
    store.commit(Batch::new().insert(script.clone())).await.unwrap();
    let writers = (0..8).map(|_| {
        let (store, script) = (Arc::clone(&store), script.id);
        tokio::spawn(async move {
            for _ in 0..10 {
                let agent = given::agent(&given::fresh_name("agent"), script);
                store.commit(Batch::new().insert(agent.clone())).await.unwrap();
                let read: Option<Agent> = store.read(agent.id).await.unwrap();
                assert!(read.is_some());
                let listed = store.list(&Query::Agents(Some(script)), &PageRequest::newest(200)).await.unwrap();
                assert!(listed.items.iter().any(|it| it.key() == Key::Agent(agent.id)));
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
}
