//! Promises about the audit log: one chain, in the order of the commits, without a gap.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::audit::{AuditOutcome, AuditSeq};
use crate::auditor::chain;
use crate::conformance::given;
use crate::id::{Kind, Ref, ScriptId};
use crate::script::Script;
use crate::store::{Batch, Store, StoreExt as _};

/// Equal in every field, with place and hashes as [`chain`] tells.
pub async fn audit_events_come_back_as_they_were_written(store: Arc<dyn Store>) {
    let long = "ü".repeat(50_000);
    let mut expected = Vec::new();
    let mut last = None;
    for (place, outcome) in AuditOutcome::ALL.iter().cycle().take(6).enumerate() {
        let mut event = given::event("script.create", Ref::new(Kind::Script, format_args!("place {place}")));
        event =
            event.with_outcome(*outcome).with("nested", serde_json::json!({"z": [1, {"b": 1, "a": -0.5}], "a": null}));
        if place % 2 == 1 {
            event = event.with("long", long.clone());
        }
        store.commit(Batch::new().event(event.clone())).await.unwrap();
        let sealed = chain::seal(last, event);
        last = Some((sealed.seq, sealed.hash));
        expected.push(sealed);
    }
    assert_eq!(store.read_audit(None, AuditSeq(0), 100).await.unwrap(), expected);
    assert_eq!(store.read_audit(None, AuditSeq(2), 3).await.unwrap(), expected[2..5]);
    assert_eq!(store.read_audit(None, AuditSeq(6), 100).await.unwrap(), []);
    assert_eq!(store.read_audit(None, AuditSeq(u64::MAX), 100).await.unwrap(), []);
    assert_eq!(store.read_audit(None, AuditSeq(0), 0).await.unwrap(), []);
}

/// With 32 tasks at once, each several events in a batch, which stand side by side.
pub async fn audit_events_are_chained_without_a_gap(store: Arc<dyn Store>) {
    let tasks = (0..32).map(|task| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for round in 0..5 {
                let script = given::script(&format!("{task}-{round}"));
                let events = ["script.create", "script.update"].map(|action| given::event(action, script.id.to_ref()));
                let [first, second] = events;
                store.commit(Batch::new().insert(script).event(first).event(second)).await.unwrap();
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let events = store.read_audit(None, AuditSeq(0), 1_000).await.unwrap();
    assert_eq!(events.len(), 320);
    let mut last = None;
    for event in &events {
        if let Err(flaw) = chain::check(last, event) {
            panic!("event {}: {flaw}", event.seq.0);
        }
        last = Some((event.seq, event.hash));
    }
    for pair in events.chunks(2) {
        assert_eq!(pair[0].event.target, pair[1].event.target);
        assert_eq!((pair[0].event.action.as_str(), pair[1].event.action.as_str()), ("script.create", "script.update"));
    }
}

/// By kind and id, in order, page by page; a thing whose id begins like another's is another.
pub async fn audit_events_of_one_thing_are_found(store: Arc<dyn Store>) {
    let things = [
        Ref::new(Kind::Script, "a"),
        Ref::new(Kind::Script, "ab"),
        Ref::new(Kind::Agent, "a"),
        Ref::system(),
        Ref::new(Kind::User, "ä".repeat(1_000)),
    ];
    for round in 0..4 {
        for thing in &things {
            store.commit(Batch::new().event(given::event(&format!("round.{round}"), thing.clone()))).await.unwrap();
        }
    }
    for (place, thing) in things.iter().enumerate() {
        let events = store.read_audit(Some(thing), AuditSeq(0), 100).await.unwrap();
        let expected: Vec<u64> = (0..4).map(|round| round * 5 + place as u64 + 1).collect();
        assert_eq!(events.iter().map(|it| it.seq.0).collect::<Vec<_>>(), expected);
        assert!(events.iter().all(|it| it.event.target == *thing));
        let some = store.read_audit(Some(thing), events[0].seq, 2).await.unwrap();
        assert_eq!(some, events[1..3]);
    }
    assert_eq!(store.read_audit(Some(&Ref::new(Kind::Script, "")), AuditSeq(0), 9).await.unwrap(), []);
}

/// After every commit.
pub async fn the_audit_head_is_the_newest_event(store: Arc<dyn Store>) {
    assert_eq!(store.audit_head().await.unwrap(), None);
    for place in 1..=5 {
        store.commit(Batch::new().event(given::event("a.b", Ref::system()))).await.unwrap();
        let newest = store.read_audit(None, AuditSeq(place - 1), 5).await.unwrap().pop().unwrap();
        assert_eq!(store.audit_head().await.unwrap(), Some((AuditSeq(place), newest.hash)));
    }
}

/// And no gap either, when others are committed at the same time.
pub async fn a_refused_batch_leaves_no_audit_event(store: Arc<dyn Store>) {
    let taken = given::script("taken");
    store.commit(Batch::new().insert(taken.clone())).await.unwrap();
    let tasks = (0..24).map(|place| {
        let store = Arc::clone(&store);
        let script = given::script(if place % 2 == 0 { "taken".to_owned() } else { format!("free {place}") }.as_str());
        tokio::spawn(async move {
            let event = given::event("script.create", script.id.to_ref());
            let done = store.commit(Batch::new().event(event).insert(script.clone())).await;
            (script.id, done.is_ok())
        })
    });
    let done: Vec<(ScriptId, bool)> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    let events = store.read_audit(None, AuditSeq(0), 100).await.unwrap();
    assert_eq!(events.iter().map(|it| it.seq.0).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    for (id, was_done) in done {
        let read: Option<Script> = store.read(id).await.unwrap();
        assert_eq!(read.is_some(), was_done);
        assert_eq!(events.iter().filter(|it| it.event.target == id.to_ref()).count(), usize::from(was_done));
    }
}
