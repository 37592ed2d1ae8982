//! Promises about single records: they come back as they were written.

use std::sync::Arc;

use crate::agent::VersionChoice;
use crate::conformance::given::{self, at};
use crate::json::{Json, JsonObject};
use crate::script::{Source, VersionNumber};
use crate::store::{Batch, Entity, Record, Store, StoreExt as _};

/// Writes a record and reads it back: equal in all but the revision, which is 1.
async fn comes_back<T: Record + Send>(store: &dyn Store, record: T) {
    let written = record.into_entity();
    let key = written.key();
    assert_eq!(store.get(&key).await.unwrap(), None);
    let batch = Batch { writes: vec![crate::store::Write::Insert(written.clone())], ..Batch::new() };
    store.commit(batch).await.unwrap();
    let read = store.get(&key).await.unwrap();
    let expected: Entity = written.with_revision(crate::store::Revision(1));
    assert_eq!(read, Some(expected.clone()));
    if let Some(unique) = expected.unique() {
        assert_eq!(store.find(&unique).await.unwrap(), Some(expected));
    }
}

/// Users, logins, scripts, versions, agents, jobs and executions in every state are equal in every field.
pub async fn every_kind_of_record_comes_back_as_it_was_written(store: Arc<dyn Store>) {
    let store = &*store;
    let user = given::user("ada");
    comes_back(store, given::session(user.id)).await;
    comes_back(store, user).await;
    comes_back(store, crate::user::User { email: None, active: false, ..given::user("bob") }).await;
    let script = given::script("Report");
    comes_back(store, given::version(script.id, 1, "print(1)\n")).await;
    comes_back(store, given::version(script.id, 2, "\u{FEFF}\u{FEFF}print('two marks in front')")).await;
    comes_back(store, script.clone()).await;
    let agent = given::agent("Agent", script.id);
    let job = given::job("Job", agent.id, Some(at(50)));
    let (agent_id, job_id) = (agent.id, job.id);
    comes_back(store, crate::agent::Agent { version: VersionChoice::Latest, ..given::agent("Other", script.id) }).await;
    comes_back(store, agent).await;
    comes_back(store, job).await;
    comes_back(store, given::job("Idle job", agent_id, None)).await;

    let mut execution = given::queued(agent_id, Some(job_id), given::at_nano(-100_000_000_000, 1));
    comes_back(store, execution.clone()).await;
    let fence = execution.claim("worker 1", at(60), at(90)).unwrap();
    execution.revision = crate::store::Revision(1);
    store.commit(Batch::new().update(execution.clone())).await.unwrap();
    execution.revision = crate::store::Revision(2);
    let read: crate::execution::Execution = store.require(execution.id).await.unwrap();
    assert_eq!(read, execution);
    let next = execution.finish(fence, given::outcome(3), Some("wasm"), given::at_nano(61, 5)).unwrap().unwrap();
    store.commit(Batch::new().update(execution.clone()).insert(next.clone())).await.unwrap();
    execution.revision = crate::store::Revision(3);
    let read: crate::execution::Execution = store.require(execution.id).await.unwrap();
    assert_eq!(read, execution);
    let read: crate::execution::Execution = store.require(next.id).await.unwrap();
    assert_eq!((read.attempt, read.first, read.available_at()), (2, execution.id, next.available_at()));
}

/// From nothing to the largest that the domain allows, at and around the sizes at which stores begin to split.
pub async fn values_of_any_size_come_back(store: Arc<dyn Store>) {
    let store = &*store;
    let script = given::script("sizes");
    let mut number = 0;
    for bytes in [1, 4_095, 4_096, 4_097, 8_192, 65_535, 65_536, 65_537, 131_072, Source::BYTES_MAX] {
        number += 1;
        let text: String = (0..bytes).map(|at| char::from(b'a' + (at % 23) as u8)).collect();
        comes_back(store, given::version(script.id, number, &text)).await;
    }
    let versions =
        given::walk(store, &crate::store::Query::Versions(script.id), crate::store::PageRequest::first(3)).await;
    assert_eq!(versions.len(), number as usize);

    // The same record larger, smaller and larger again: nothing of an earlier state is left in a later one.
    let agent = given::agent("sizes", script.id);
    store.commit(Batch::new().insert(agent.clone())).await.unwrap();
    for bytes in [8, 65_536, 9, JsonObject::BYTES_MAX, 4_000, 4_096, 70_000, 66_000, 8] {
        let mut agent: crate::agent::Agent = store.require(agent.id).await.unwrap();
        agent.config = given::object_of(bytes);
        store.commit(Batch::new().update(agent.clone())).await.unwrap();
        let read: crate::agent::Agent = store.require(agent.id).await.unwrap();
        assert_eq!(read.config, agent.config, "a config of {bytes} bytes");
    }

    let mut execution = given::queued(agent.id, None, at(1));
    let fence = execution.claim("worker", at(2), at(9)).unwrap();
    let result = Json::new(serde_json::Value::String("ü".repeat(Json::BYTES_MAX / 2 - 1))).unwrap();
    let outcome = crate::sandbox::Outcome { result: Some(result), ..given::outcome(0) };
    execution.finish(fence, outcome, None, at(3)).unwrap();
    comes_back(store, execution).await;
}

/// Any characters that the domain allows: other alphabets, emoji, NUL inside JSON, what databases use as quotes.
pub async fn any_text_comes_back(store: Arc<dyn Store>) {
    let store = &*store;
    for text in ["日本語 🦀", "Ünïcödé ẞ", "a'; DROP TABLE scripts; --", "50% _ \\ \" ` $1", "\u{10FFFF}", "ı İ ﬁ"]
    {
        let script = given::script(text);
        comes_back(store, given::version(script.id, VersionNumber::FIRST.0, text)).await;
        let mut agent = given::agent(text, script.id);
        let value = serde_json::json!({ text: [text, "\u{0}", { "\u{0}\u{1f}": text }] });
        agent.config = JsonObject::new(value).unwrap();
        comes_back(store, agent).await;
        comes_back(store, script).await;
    }
}
