//! The audit chain: its bytes are what the documentation says, and damage in the rows themselves is found.

use std::process::Command;
use std::sync::Arc;

use automa_core::Principal;
use automa_core::audit::{AuditOutcome, AuditSeq, NewAuditEvent};
use automa_core::auditor::{Auditor as _, ChainAuditor, Verification, chain};
use automa_core::error::Error;
use automa_core::id::{Kind, Ref};
use automa_core::store::kv::{Change, KeyValue as _, Row};
use automa_core::store::{Batch, MemoryStore, Order, Store};
use jiff::Timestamp;
use serde_json::json;

fn event(place: i64) -> NewAuditEvent {
    let at = Timestamp::new(1_700_000_000 + place, 123_456_789).unwrap();
    NewAuditEvent::done(at, &Principal::owner("somebody"), "script.create", Ref::new(Kind::Script, place))
}

/// The example in Python in the documentation of `chain`, run on events of every kind.
#[test]
fn the_hash_can_be_computed_from_the_documentation_alone() {
    let documentation = include_str!("../../src/auditor/chain.rs");
    let (_, program) = documentation.split_once("```python\n").unwrap();
    let (program, _) = program.split_once("//! ```").unwrap();
    let program: String = program
        .lines()
        .map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or_default().to_owned() + "\n")
        .collect();
    let before_1970 = NewAuditEvent { at: Timestamp::new(-5, -250_000_000).unwrap(), ..event(1) };
    let detail = event(2)
        .with("z", json!([1, -2, 0.5, null, true, {"b": "\u{1f}\u{7f}\n\t\"\\/", "a": {}}]))
        .with("ä", "日本 🦀");
    let refused = event(3).with_outcome(AuditOutcome::Refused).with("A", u64::MAX).with("a", i64::MIN);
    let mut last = None;
    for event in [event(0), before_1970, detail, refused] {
        let sealed = chain::seal(last, event);
        last = Some((sealed.seq, sealed.hash));
        let it = &sealed.event;
        let nanoseconds = it.at.as_nanosecond();
        let texts = [
            &it.actor.kind,
            &it.actor.id,
            &it.actor.name,
            &it.action,
            it.target.kind.name(),
            &it.target.id,
            it.outcome.name(),
        ];
        let call = json!({
            "previous": sealed.previous.to_string(),
            "seq": sealed.seq.0,
            "seconds": nanoseconds.div_euclid(1_000_000_000) as i64,
            "nanoseconds": nanoseconds.rem_euclid(1_000_000_000) as i64,
            "texts": texts,
            "detail": it.detail,
        });
        let script = format!(
            "{program}\nimport sys\ncall = json.loads(sys.argv[1])\nprevious = bytes.fromhex(call.pop('previous'))\nprint(digest(previous, **call).hex())"
        );
        let python = Command::new("/usr/bin/python3").args(["-I", "-c", &script, &call.to_string()]).output();
        let python = python.expect("the test needs /usr/bin/python3");
        assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
        assert_eq!(String::from_utf8_lossy(&python.stdout).trim(), sealed.hash.to_string());
    }
}

/// The first hash that there is: it must stay, or every log that was ever written would be broken.
#[test]
fn the_hash_of_a_known_event_does_not_change() {
    let sealed = chain::seal(None, event(0));
    assert_eq!(sealed.seq, AuditSeq(1));
    assert_eq!(sealed.hash.to_string(), "f00334086d6b6a47e86ae9415459bb20bf6183c943a5087b64941f849be043e5");
}

/// A store with ten events, and the rows that hold them.
async fn ten_events() -> (Arc<MemoryStore>, Vec<Row>) {
    let store = Arc::new(MemoryStore::new());
    for place in 0..10 {
        store.commit(Batch::new().event(event(place))).await.unwrap();
    }
    let rows = store.kv().range(b"A", b"B", Order::OldestFirst, 100).unwrap();
    assert_eq!(rows.len(), 10);
    (store, rows)
}

async fn verify(store: &Arc<MemoryStore>) -> Result<Verification, Error> {
    ChainAuditor::new(Arc::clone(store) as Arc<dyn Store>).verify().await
}

/// Whether damage is noticed: as damage of the chain, or as a row that cannot be read at all.
async fn is_broken(store: &Arc<MemoryStore>) -> bool {
    match verify(store).await {
        Ok(verified) => verified.damage.is_some(),
        Err(Error::Damaged(_)) => true,
        Err(other) => panic!("{other}"),
    }
}

fn change(row: &Row) -> Change {
    (row.0.clone(), Some(row.1.clone()))
}

#[tokio::test]
async fn any_flipped_bit_of_the_stored_log_is_found() {
    let (store, rows) = ten_events().await;
    assert!(!is_broken(&store).await);
    for (key, value) in [&rows[0], &rows[4], &rows[9]] {
        for place in 0..value.len() {
            for bit in [0, 3, 7] {
                let mut changed = value.clone();
                changed[place] ^= 1 << bit;
                store.kv().apply(vec![(key.clone(), Some(changed))]).unwrap();
                assert!(is_broken(&store).await, "bit {bit} of byte {place}");
            }
        }
        store.kv().apply(vec![(key.clone(), Some(value.clone()))]).unwrap();
    }
    assert!(!is_broken(&store).await);
}

#[tokio::test]
async fn removed_and_exchanged_rows_of_the_log_are_found() {
    let (store, rows) = ten_events().await;
    for place in 0..10 {
        let (key, value) = &rows[place];
        store.kv().apply(vec![(key.clone(), None)]).unwrap();
        let damage = verify(&store).await.unwrap().damage.unwrap();
        assert_eq!(damage.at, AuditSeq(place as u64 + 1));
        let other = &rows[(place + 3) % 10];
        store.kv().apply(vec![(key.clone(), Some(other.1.clone()))]).unwrap();
        assert!(is_broken(&store).await);
        store.kv().apply(vec![(other.0.clone(), Some(value.clone()))]).unwrap();
        assert!(is_broken(&store).await);
        store.kv().apply(vec![change(&rows[place]), change(other)]).unwrap();
        assert!(!is_broken(&store).await);
    }
}
