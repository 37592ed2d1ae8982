//! The suite for auditors: one function per promise of [`Auditor`].
//!
//! Each takes the auditor and the store that it was made on: a store in memory whose audit log the suite can forge.

mod forge;

use std::sync::Arc;

use futures_util::future::join_all;

pub use self::forge::ForgedStore;
use self::forge::Forgery;
use super::given;
use crate::audit::{AuditOutcome, AuditSeq};
use crate::auditor::{Auditor, Verification};
use crate::id::Ref;
use crate::store::{Batch, Key, Require, Store as _};

/// Makes one test of each promise of an auditor.
///
/// `auditor!(|store| expression)`: the expression makes an auditor on `store`, an `Arc<dyn Store>`; it may `.await`.
#[doc(hidden)]
#[macro_export]
macro_rules! __auditor_suite {
    (@tests $made:tt $($name:ident)*) => {
        $($crate::__auditor_suite! { @test $made $name })*
    };
    (@test [$store:ident, $auditor:expr] $name:ident) => {
        #[test]
        fn $name() {
            $crate::conformance::run(async {
                let forged = ::std::sync::Arc::new($crate::conformance::auditor::ForgedStore::new());
                let $store: ::std::sync::Arc<dyn $crate::store::Store> = ::std::sync::Arc::clone(&forged) as _;
                let auditor: ::std::sync::Arc<dyn $crate::auditor::Auditor> = ::std::sync::Arc::new($auditor);
                $crate::conformance::auditor::$name(forged, auditor).await;
            });
        }
    };
    (|$store:ident| $auditor:expr) => {
        $crate::__auditor_suite! { @tests
            [$store, $auditor]
            what_is_attached_is_recorded_with_its_batch
            what_is_attached_to_a_refused_batch_is_not_recorded
            what_is_appended_is_recorded
            events_are_numbered_without_a_gap
            events_are_queried_by_target_and_place
            an_untouched_log_verifies
            a_changed_field_is_found
            a_missing_event_is_found
            a_cut_end_is_found
            a_swap_is_found
            an_added_event_is_found
        }
    };
}

/// Some events, as `Auditor::append` records them.
async fn fill(auditor: &dyn Auditor, count: usize) {
    for place in 0..count {
        let event = given::event("suite.fill", Ref::new(crate::id::Kind::Script, place % 7)).with("place", place);
        auditor.append(event).await.unwrap();
    }
}

async fn sound(auditor: &dyn Auditor, events: u64) -> Verification {
    let verified = auditor.verify().await.unwrap();
    assert_eq!(verified.damage, None);
    assert_eq!(verified.events, events);
    verified
}

/// That the log does not verify, and where it says so.
async fn broken(auditor: &dyn Auditor, at: u64, why: &str) {
    let verified = auditor.verify().await.unwrap();
    let Some(damage) = verified.damage else { panic!("not noticed: {why}") };
    assert_eq!(damage.at, AuditSeq(at), "{why}: {}", damage.what);
    assert!(!damage.what.is_empty());
}

/// In the same commit, in the order in which it was attached, every field as it was.
pub async fn what_is_attached_is_recorded_with_its_batch(store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    let script = given::script("attached");
    let events = ["script.create", "script.update"].map(|action| given::event(action, script.id.to_ref()));
    let mut batch = Batch::new().insert(script.clone());
    for event in &events {
        batch = auditor.attach(batch, event.clone());
    }
    assert_eq!(auditor.query(None, AuditSeq(0), 10).await.unwrap(), []);
    store.commit(batch).await.unwrap();
    let recorded = auditor.query(None, AuditSeq(0), 10).await.unwrap();
    assert_eq!(recorded.into_iter().map(|it| it.event).collect::<Vec<_>>(), events);
}

/// And the log goes on without a gap.
pub async fn what_is_attached_to_a_refused_batch_is_not_recorded(store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    fill(&*auditor, 2).await;
    let missing = given::script("missing");
    let batch = Batch::new().require(Require::Exists(Key::Script(missing.id)));
    assert!(store.commit(auditor.attach(batch, given::event("script.update", missing.id.to_ref()))).await.is_err());
    fill(&*auditor, 1).await;
    sound(&*auditor, 3).await;
}

/// With its outcome and detail.
pub async fn what_is_appended_is_recorded(_store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    let mut expected = Vec::new();
    for outcome in AuditOutcome::ALL {
        let event = given::event("auth.login", Ref::system()).with_outcome(*outcome);
        auditor.append(event.clone()).await.unwrap();
        expected.push(event);
    }
    let recorded = auditor.query(None, AuditSeq(0), 10).await.unwrap();
    assert_eq!(recorded.into_iter().map(|it| it.event).collect::<Vec<_>>(), expected);
}

/// From 1, with 32 tasks at once.
pub async fn events_are_numbered_without_a_gap(_store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    let tasks = (0..32).map(|_| {
        let auditor = Arc::clone(&auditor);
        tokio::spawn(async move { fill(&*auditor, 5).await })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let recorded = auditor.query(None, AuditSeq(0), 1_000).await.unwrap();
    assert!(recorded.iter().map(|it| it.seq.0).eq(1..=160));
    sound(&*auditor, 160).await;
}

/// The oldest first, as many as asked for, behind the place that is given.
pub async fn events_are_queried_by_target_and_place(_store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    fill(&*auditor, 30).await;
    let places = async |target: Option<&Ref>, after: u64, limit: usize| -> Vec<u64> {
        auditor.query(target, AuditSeq(after), limit).await.unwrap().iter().map(|it| it.seq.0).collect()
    };
    assert_eq!(places(None, 27, 10).await, [28, 29, 30]);
    assert_eq!(places(None, 0, 2).await, [1, 2]);
    let third = Ref::new(crate::id::Kind::Script, 2);
    assert_eq!(places(Some(&third), 0, 10).await, [3, 10, 17, 24]);
    assert_eq!(places(Some(&third), 3, 2).await, [10, 17]);
    assert_eq!(places(Some(&Ref::system()), 0, 10).await, [] as [u64; 0]);
}

/// Empty, short, and longer than anything reads at once; the head is the newest event's hash.
pub async fn an_untouched_log_verifies(_store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    assert_eq!(sound(&*auditor, 0).await.head, None);
    for count in [1, 1_100] {
        fill(&*auditor, count).await;
    }
    let newest = auditor.query(None, AuditSeq(1_100), 5).await.unwrap();
    assert_eq!(sound(&*auditor, 1_101).await.head, Some(newest[0].hash));
}

/// Any field of any event, its hashes included.
pub async fn a_changed_field_is_found(store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    fill(&*auditor, 20).await;
    for at in [1, 2, 10, 19] {
        for field in 0..Forgery::FIELDS {
            store.forge(Some(Forgery::Change { at, field }));
            broken(&*auditor, at, &format!("field {field} of event {at} was changed")).await;
        }
    }
    for field in 0..Forgery::FIELDS {
        store.forge(Some(Forgery::Change { at: 20, field }));
        broken(&*auditor, 20, &format!("field {field} of the newest event was changed")).await;
    }
    store.forge(None);
    sound(&*auditor, 20).await;
}

/// At the beginning and in the middle.
pub async fn a_missing_event_is_found(store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    fill(&*auditor, 20).await;
    for at in [1, 2, 10, 19] {
        store.forge(Some(Forgery::Leave { at }));
        broken(&*auditor, at, &format!("event {at} is missing")).await;
    }
}

/// The last one, the second half, everything.
pub async fn a_cut_end_is_found(store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    fill(&*auditor, 20).await;
    for at in [20, 11, 1] {
        store.forge(Some(Forgery::Cut { at }));
        broken(&*auditor, at, &format!("everything from event {at} on is missing")).await;
    }
}

/// Of what two events say, of the events with their places, of neighbours and of others.
pub async fn a_swap_is_found(store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    fill(&*auditor, 20).await;
    for (one, other) in [(1, 2), (5, 12), (19, 20)] {
        for whole in [false, true] {
            store.forge(Some(Forgery::Swap { one, other, whole }));
            broken(&*auditor, one, &format!("events {one} and {other} were swapped")).await;
        }
    }
}

/// A copy of an event, put behind it.
pub async fn an_added_event_is_found(store: Arc<ForgedStore>, auditor: Arc<dyn Auditor>) {
    fill(&*auditor, 20).await;
    for at in [1, 10] {
        store.forge(Some(Forgery::Repeat { at }));
        broken(&*auditor, at + 1, &format!("event {at} was repeated")).await;
    }
}
