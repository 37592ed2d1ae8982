//! Records as bytes: what was encoded comes back, and nothing else is taken for it.

use std::time::Duration;

use automa_core::error::Error;
use automa_core::execution::{Execution, NewExecution, Origin, Status};
use automa_core::id::{AgentId, JobId, ScriptId};
use automa_core::job::{Job, Misfire, Overlap, RetryPolicy};
use automa_core::json::{Json, JsonObject};
use automa_core::sandbox::{Exit, Outcome, Usage};
use automa_core::schedule::Schedule;
use automa_core::script::VersionNumber;
use automa_core::store::record::{decode, decode_event, encode, encode_event};
use automa_core::store::{Entity, Revision};
use jiff::Timestamp;
use proptest::prelude::*;

fn instant() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second() + 1..Timestamp::MAX.as_second();
    (seconds, 0..1_000_000_000).prop_map(|(seconds, nanoseconds)| Timestamp::new(seconds, nanoseconds).unwrap())
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_filter("JSON has no such number", |it| it.is_finite()).prop_map(Into::into),
        ".*".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map(".*", inner, 0..6)
                .prop_map(|it| serde_json::Value::Object(it.into_iter().collect())),
        ]
    })
}

fn retry() -> impl Strategy<Value = RetryPolicy> {
    let on = prop::sample::subsequence(RetryPolicy::RETRYABLE.to_vec(), 0..=5);
    (1..=100_u32, any::<Duration>(), any::<Duration>(), on)
        .prop_map(|(attempts, backoff, backoff_max, on)| RetryPolicy { attempts, backoff, backoff_max, on })
}

fn exit() -> impl Strategy<Value = Exit> {
    prop_oneof![
        any::<i32>().prop_map(Exit::Code),
        any::<i32>().prop_map(Exit::Signal),
        Just(Exit::TimedOut),
        Just(Exit::OutOfMemory),
        Just(Exit::OutputLimit),
        Just(Exit::Cancelled),
        Just(Exit::SandboxError),
    ]
}

fn spec() -> impl Strategy<Value = NewExecution> {
    let origin = prop::sample::select(Origin::ALL.to_vec());
    let input = prop::collection::hash_map(".*", json(), 0..4);
    (any::<bool>(), any::<u32>(), origin, prop::option::of(instant()), input, retry()).prop_map(
        |(of_job, version, origin, scheduled_at, input, retry)| NewExecution {
            agent: AgentId::new(),
            job: of_job.then(JobId::new),
            script: ScriptId::new(),
            version: VersionNumber(version),
            origin,
            scheduled_at,
            input: JsonObject::new(serde_json::Value::Object(input.into_iter().collect())).unwrap(),
            retry,
        },
    )
}

fn usage() -> impl Strategy<Value = Usage> {
    (any::<Duration>(), any::<Option<Duration>>(), any::<Option<u64>>(), any::<u64>()).prop_map(
        |(wall_time, cpu_time, peak_memory, output_bytes)| Usage { wall_time, cpu_time, peak_memory, output_bytes },
    )
}

/// Executions in every state, reached the only way there is.
fn execution() -> impl Strategy<Value = Execution> {
    let end = (exit(), any::<Option<String>>(), prop::option::of(json()), usage(), any::<Option<String>>());
    (spec(), instant(), 0..5_u8, end, any::<u64>()).prop_map(|(spec, now, steps, end, revision)| {
        let (exit, reason, result, usage, backend) = end;
        let mut execution = match steps {
            0 => Execution::skipped(spec, now, "an earlier run goes on".to_owned()),
            _ => Execution::queue(spec, now),
        };
        if steps > 1 {
            let fence = execution.claim("worker ü", now, Timestamp::MAX).unwrap();
            if steps > 2 {
                execution.cancel("enough", now).unwrap();
            }
            if steps > 3 {
                let result = result.map(|it| Json::new(it).unwrap());
                execution.finish(fence, Outcome { exit, reason, result, usage }, backend.as_deref(), now).unwrap();
            }
        }
        execution.revision = Revision(revision);
        execution
    })
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let crons = ["* * * * *", "0 30 2 L * FRI#2", "@daily", "*/7 1-5 15W JAN,jul ?", "0 0 29 2 *"];
    let zones = ["UTC", "Europe/Berlin", "Pacific/Apia", "America/Argentina/Buenos_Aires"];
    let cron =
        (prop::sample::select(crons.to_vec()), prop::sample::select(zones.to_vec())).prop_map(|(expression, zone)| {
            Schedule::Cron { expression: expression.parse().unwrap(), zone: zone.parse().unwrap() }
        });
    let interval = (1_000..315_360_000_000_u64, instant()).prop_map(|(millis, anchor)| Schedule::Interval {
        every: Duration::from_millis(millis).try_into().unwrap(),
        anchor,
    });
    prop_oneof![cron, interval, instant().prop_map(|at| Schedule::Once { at }), Just(Schedule::Manual)]
}

fn job() -> impl Strategy<Value = Job> {
    let words = (prop::sample::select(Overlap::ALL.to_vec()), prop::sample::select(Misfire::ALL.to_vec()));
    (schedule(), any::<bool>(), words, retry(), prop::option::of(instant()), instant()).prop_map(
        |(schedule, enabled, (overlap, misfire), retry, next_at, created_at)| Job {
            id: JobId::new(),
            name: "job".parse().unwrap(),
            description: "".parse().unwrap(),
            owner: None,
            agent: AgentId::new(),
            schedule,
            input: JsonObject::default(),
            enabled,
            overlap,
            misfire,
            retry,
            next_at,
            created_at,
            updated_at: created_at,
            revision: Revision(1),
        },
    )
}

proptest! {
    #[test]
    fn an_execution_comes_back_as_it_was(execution in execution()) {
        let entity = Entity::Execution(Box::new(execution));
        prop_assert_eq!(decode(&encode(&entity)).unwrap(), entity);
    }

    #[test]
    fn a_job_comes_back_as_it_was(job in job()) {
        let entity = Entity::Job(Box::new(job));
        prop_assert_eq!(decode(&encode(&entity)).unwrap(), entity);
    }

    #[test]
    fn bytes_that_are_no_record_are_damage(kind in 0..=u8::MAX, mut bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        // With and without the two bytes that records begin with.
        prop_assert!(matches!(decode(&bytes), Ok(_) | Err(Error::Damaged(_))));
        bytes.splice(0..0, [1, kind]);
        prop_assert!(matches!(decode(&bytes), Ok(_) | Err(Error::Damaged(_))));
        prop_assert!(matches!(decode_event(&bytes), Ok(_) | Err(Error::Damaged(_))));
    }

    #[test]
    fn a_cut_or_changed_record_is_damage_or_another_record(
        execution in execution(),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let bytes = encode(&Entity::Execution(Box::new(execution)));
        let place = place.index(bytes.len());
        prop_assert!(matches!(decode(&bytes[..place]), Err(Error::Damaged(_))));
        let mut changed = bytes.clone();
        changed[place] ^= 1 << bit;
        prop_assert!(matches!(decode(&changed), Ok(_) | Err(Error::Damaged(_))));
        let longer = [bytes.as_slice(), &[0]].concat();
        prop_assert!(matches!(decode(&longer), Err(Error::Damaged(_))));
    }
}

#[test]
fn a_length_that_lies_does_not_take_the_memory_it_names() {
    // A user whose name claims to be 2^63 bytes long, and one of 7 MiB.
    for length in [&[253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f][..], &[252, 0, 0, 0x70, 0]] {
        let mut bytes = vec![1, 1];
        bytes.extend([7; 16]);
        bytes.extend(length);
        bytes.extend(b"ada");
        assert!(matches!(decode(&bytes), Err(Error::Damaged(_))));
    }
}

#[test]
fn what_a_newer_version_wrote_says_so() {
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
    let mut bytes = encode(&Entity::Execution(Box::new(Execution::queue(spec, Timestamp::UNIX_EPOCH))));
    bytes[0] = 2;
    let words = decode(&bytes).unwrap_err().to_string();
    assert!(words.contains("newer version"), "{words}");
}

#[test]
fn every_status_has_a_word_that_is_read_back() {
    for status in Status::ALL {
        assert_eq!(status.name().parse::<Status>().unwrap(), *status);
    }
}

/// The bytes of today's form, which every later version must read.
#[test]
fn the_form_of_version_1_does_not_change() {
    let session = automa_core::user::LoginSession {
        id: automa_core::id::SessionId::from_bytes([1; 16]),
        user: automa_core::id::UserId::from_bytes([2; 16]),
        created_at: Timestamp::new(1_700_000_000, 5).unwrap(),
        expires_at: Timestamp::UNIX_EPOCH,
        revision: Revision(300),
    };
    let mut expected = vec![1, 2];
    expected.extend([1; 16]);
    expected.extend([2; 16]);
    // 1,700,000,000 in zigzag, as a varint of four bytes; 5; twice 0; 300 as a varint of two bytes.
    expected.extend([252, 0x00, 0xe2, 0xa7, 0xca, 5, 0, 0, 251, 0x2c, 0x01]);
    assert_eq!(encode(&Entity::Session(session.clone())), expected);
    assert_eq!(decode(&expected).unwrap(), Entity::Session(session));
}

#[test]
fn an_audit_event_is_read_back_and_nothing_else_for_it() {
    let event = automa_core::audit::NewAuditEvent::done(
        Timestamp::MAX,
        &automa_core::Principal::owner("ü"),
        "a.b",
        automa_core::id::Ref::system(),
    );
    let sealed = automa_core::auditor::chain::seal(None, event.with("x", 1e-7));
    let bytes = encode_event(&sealed);
    assert_eq!(decode_event(&bytes).unwrap(), sealed);
    assert!(matches!(decode(&bytes), Err(Error::Damaged(_))));
}
