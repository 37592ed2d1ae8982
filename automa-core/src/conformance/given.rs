//! Records for the suites to work with: whole, valid, and different from each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::access::Principal;
use crate::agent::{Agent, BackendChoice, RestartPolicy, VersionChoice};
use crate::audit::NewAuditEvent;
use crate::execution::{Execution, NewExecution, Origin, Status};
use crate::id::{AgentId, ExecutionId, JobId, Ref, ScriptId, SessionId, UserId};
use crate::job::{Job, Misfire, Overlap, RetryPolicy};
use crate::json::JsonObject;
use crate::limits::{Bytes, Limits};
use crate::password::PasswordHash;
use crate::permissions::{Network, Permissions};
use crate::sandbox::{Exit, Outcome, Stream, Usage};
use crate::schedule::Schedule;
use crate::script::{Script, ScriptVersion, Source, VersionNumber};
use crate::store::{Claim, Entity, LogChunk, LogSeq, Page, PageRequest, Query, Revision, Store};
use crate::user::{LoginSession, Role, User};

/// An instant in the suites' time, so many seconds after its beginning.
pub(super) fn at(seconds: i64) -> Timestamp {
    const BEGINNING: i64 = 1_767_225_600;
    Timestamp::from_second(BEGINNING + seconds).unwrap()
}

/// The same and some nanoseconds.
pub(super) fn at_nano(seconds: i64, nanoseconds: i64) -> Timestamp {
    at(seconds) + SignedDuration::from_nanos(nanoseconds)
}

/// A name that no other call gives.
pub(super) fn fresh_name(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{what} {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn user(name: &str) -> User {
    User {
        id: UserId::new(),
        username: name.replace(' ', "-").parse().unwrap(),
        email: Some("somebody@example.org".parse().unwrap()),
        password: PasswordHash::from_phc("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"),
        role: Role::Developer,
        active: true,
        created_at: at_nano(1, 123_456_789),
        revision: Revision::default(),
    }
}

pub(super) fn session(user: UserId) -> LoginSession {
    LoginSession { id: SessionId::new(), user, created_at: at(1), expires_at: at(100), revision: Revision::default() }
}

pub(super) fn script(name: &str) -> Script {
    Script {
        id: ScriptId::new(),
        name: name.parse().unwrap(),
        description: "Zählt Äpfel.\nZeile 2".parse().unwrap(),
        owner: Some(UserId::new()),
        latest: VersionNumber::FIRST,
        created_at: at(1),
        updated_at: at(2),
        revision: Revision::default(),
    }
}

pub(super) fn version(script: ScriptId, number: u32, text: &str) -> ScriptVersion {
    let source: Source = text.parse().unwrap();
    let sha256 = source.hash();
    let created_at = at(i64::from(number));
    ScriptVersion { script, number: VersionNumber(number), source, sha256, created_by: None, created_at }
}

pub(super) fn agent(name: &str, script: ScriptId) -> Agent {
    let environment = [("LANG".to_owned(), "C.UTF-8".to_owned()), ("EMPTY".to_owned(), String::new())];
    Agent {
        id: AgentId::new(),
        name: name.parse().unwrap(),
        description: "an agent".parse().unwrap(),
        owner: None,
        script,
        version: VersionChoice::Pinned(VersionNumber(3)),
        config: object(r#"{"deep": {"list": [1, -2, 2.5, 1e300, 0.1, true, null]}, "text": "ä\u0000\n"}"#),
        backend: BackendChoice::Named("wasm".to_owned()),
        limits: Limits::default().with_memory(Bytes(100_000_001)).with_wall_time(Duration::from_nanos(1_500_000_001)),
        permissions: Permissions { network: Network::Full, environment: environment.into_iter().collect() },
        restart: RestartPolicy::OnFailure,
        started: Some(ExecutionId::new()),
        created_at: at(3),
        updated_at: at(4),
        revision: Revision::default(),
    }
}

pub(super) fn job(name: &str, agent: AgentId, next_at: Option<Timestamp>) -> Job {
    Job {
        id: JobId::new(),
        name: name.parse().unwrap(),
        description: "a job".parse().unwrap(),
        owner: None,
        agent,
        schedule: Schedule::Once { at: next_at.unwrap_or_else(|| at(0)) },
        input: object(r#"{"count": 3}"#),
        enabled: true,
        overlap: Overlap::Allow,
        misfire: Misfire::Skip,
        retry: retry(),
        next_at,
        created_at: at(5),
        updated_at: at(6),
        revision: Revision::default(),
    }
}

fn retry() -> RetryPolicy {
    let on = vec![Status::Failed, Status::Lost];
    RetryPolicy { attempts: 2, backoff: Duration::from_millis(1_500), backoff_max: Duration::from_secs(60), on }
}

/// A queued execution, available from `available` on.
pub(super) fn queued(agent: AgentId, job: Option<JobId>, available: Timestamp) -> Execution {
    let origin = if job.is_some() { Origin::Schedule } else { Origin::Manual };
    let spec = NewExecution {
        agent,
        job,
        script: ScriptId::new(),
        version: VersionNumber(2),
        origin,
        scheduled_at: job.map(|_| available),
        input: object(r#"{"name": "Ada"}"#),
        retry: retry(),
    };
    Execution::queue(spec, available)
}

/// How a run ends that succeeded, or did not.
pub(super) fn outcome(code: i32) -> Outcome {
    let usage = Usage {
        wall_time: Duration::from_nanos(12_345_678),
        cpu_time: Some(Duration::from_millis(3)),
        peak_memory: Some(20_000_000),
        output_bytes: 42,
    };
    let result = Some(crate::json::Json::parse(br#"{"sum": 0.30000000000000004, "rows": [1, 2]}"#).unwrap());
    Outcome { exit: Exit::Code(code), reason: Some(format!("ended with {code}")), result, usage }
}

pub(super) fn object(text: &str) -> JsonObject {
    JsonObject::parse(text.as_bytes()).unwrap()
}

/// An object whose encoding has exactly so many bytes, at least 8.
pub(super) fn object_of(bytes: usize) -> JsonObject {
    let object = object(&format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8)));
    assert_eq!(object.to_string().len(), bytes);
    object
}

pub(super) fn event(action: &str, target: Ref) -> NewAuditEvent {
    NewAuditEvent::done(at_nano(7, 7), &Principal::owner("the suite"), action, target)
        .with("number", 0.1)
        .with("text", "ä \u{0} \"\\")
}

pub(super) fn wish(worker: &str, now: Timestamp, limit: usize) -> Claim {
    Claim { worker: worker.to_owned(), now, until: now + SignedDuration::from_secs(30), limit }
}

pub(super) fn line(seq: u64, bytes: &[u8]) -> LogChunk {
    let stream = if seq.is_multiple_of(2) { Stream::Stdout } else { Stream::Stderr };
    LogChunk { seq: LogSeq(seq), at: at_nano(8, seq.cast_signed()), stream, bytes: bytes.to_vec() }
}

/// Everything that a query gives, page by page.
pub(super) async fn walk(store: &dyn Store, query: &Query, mut page: PageRequest) -> Vec<Entity> {
    let mut all = Vec::new();
    loop {
        let Page { items, next } = store.list(query, &page).await.unwrap();
        assert!(items.len() <= page.limit, "a page of {} has {} records", page.limit, items.len());
        all.extend(items);
        match next {
            Some(next) => page.cursor = Some(next),
            None => return all,
        }
        assert!(all.len() < 100_000, "the pages do not end");
    }
}
