//! The engine: what is due runs once, what runs ends once, and what is left behind is found again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use automa_core::Error;
use automa_core::agent::RestartPolicy;
use automa_core::automa::{AgentSpec, Settings};
use automa_core::execution::{Origin, Status};
use automa_core::job::{Misfire, Overlap, RetryPolicy};
use automa_core::json::JsonObject;
use automa_core::sandbox::{Exit, Outcome, Usage};
use automa_core::store::{Batch, Claim, LogSeq, MemoryStore, Store, StoreExt as _};

use crate::doubles::{World, midnight, within};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_due_job_runs_once_per_instant() {
    let world = World::new().await;
    let job = world.me.create_job(world.every_minute("print hi").await).await.unwrap();
    world.automa.start().await.unwrap();
    for count in 1..=3 {
        world.clock.advance(MINUTE);
        world.settled(count).await;
    }
    let all = world.executions().await;
    let instants: Vec<_> = all.iter().map(|it| it.spec.scheduled_at.unwrap().to_string()).collect();
    assert_eq!(instants, ["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z", "2026-01-01T00:03:00Z"]);
    assert!(all.iter().all(|it| it.status() == Status::Succeeded && it.spec.job == Some(job.id)));
}

#[tokio::test]
async fn two_schedulers_on_one_store_fire_an_instant_once() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let (one, two) = (World::on(Arc::clone(&store)).await, World::on(Arc::clone(&store)).await);
    for n in 0..20 {
        let mut job = one.every_minute(&format!("print {n}")).await;
        job.overlap = Overlap::Allow;
        one.me.create_job(job).await.unwrap();
    }
    let scheduler = |store: &Arc<dyn Store>| {
        let auditor = Arc::new(automa_core::auditor::ChainAuditor::new(Arc::clone(store)));
        automa_core::scheduler::StoreScheduler::new(Arc::clone(store), auditor)
    };
    let (first, second) = (scheduler(&store), scheduler(&store));
    let now = midnight() + MINUTE;
    use automa_core::Scheduler as _;
    let (a, b) = tokio::join!(first.run_due(now), second.run_due(now));
    assert_eq!(a.unwrap().occurrences + b.unwrap().occurrences, 20);
    assert_eq!(two.executions().await.len(), 20);
}

#[tokio::test]
async fn output_and_result_are_there_when_wait_returns() {
    let world = World::new().await;
    world.automa.start().await.unwrap();
    let (printer, echo) = (world.agent("print hello").await, world.agent("echo").await);
    let ended = world.me.run_agent(printer.id, JsonObject::default()).await.unwrap();
    within("the run", world.me.wait(ended.id)).await.unwrap();
    let log = world.me.log(ended.id, LogSeq(0), 1_000).await.unwrap();
    assert_eq!(log.iter().flat_map(|it| it.bytes.clone()).collect::<Vec<_>>(), b"hello");
    let input = JsonObject::parse(br#"{"a": [1, "\u00fc"]}"#).unwrap();
    let ended = world.me.run_agent(echo.id, input.clone()).await.unwrap();
    let ended = within("the run", world.me.wait(ended.id)).await.unwrap();
    assert_eq!(ended.result().unwrap().value(), &input.to_value());
    assert_eq!(ended.backend(), Some("word"));
}

#[tokio::test]
async fn output_can_be_followed_while_the_script_runs() {
    let world = World::new().await;
    world.automa.start().await.unwrap();
    let agent = world.agent("wait").await;
    let run = world.me.run_agent(agent.id, JsonObject::default()).await.unwrap();
    let mut log = world.me.follow_log(run.id, LogSeq(0)).await.unwrap();
    let chunk = within("output", log.next()).await.unwrap().unwrap();
    assert_eq!(chunk.bytes, b"waiting");
    assert_eq!(world.me.execution(run.id).await.unwrap().status(), Status::Running);
    world.me.cancel_execution(run.id).await.unwrap();
    assert_eq!(within("the end", log.next()).await.unwrap(), None);
    assert_eq!(world.me.execution(run.id).await.unwrap().status(), Status::Cancelled);
}

#[tokio::test]
async fn cancelling_what_is_queued_ends_it_at_once_and_what_has_ended_not_at_all() {
    let world = World::new().await;
    let agent = world.agent("print x").await;
    let queued = world.me.run_agent(agent.id, JsonObject::default()).await.unwrap();
    assert_eq!(world.me.cancel_execution(queued.id).await.unwrap().status(), Status::Cancelled);
    let again = world.me.cancel_execution(queued.id).await;
    assert!(matches!(again, Err(Error::State(_))), "{again:?}");
    world.automa.start().await.unwrap();
    assert_eq!(world.settled(1).await[0].status(), Status::Cancelled);
}

#[tokio::test]
async fn a_failed_run_is_tried_again_after_the_backoff_and_each_attempt_is_a_row() {
    let world = World::new().await;
    let mut job = world.every_minute("second").await;
    let retry = RetryPolicy { attempts: 3, backoff: Duration::from_secs(10), ..RetryPolicy::default() };
    job.retry = RetryPolicy { on: vec![Status::Failed], ..retry };
    let job = world.me.create_job(job).await.unwrap();
    world.automa.start().await.unwrap();
    let first = world.me.run_job(job.id, None).await.unwrap();
    let first = within("the first attempt", world.me.wait(first.id)).await.unwrap();
    assert_eq!((first.status(), first.exit_code()), (Status::Failed, Some(7)));
    let all = world.executions().await;
    assert_eq!(world.statuses().await, [Status::Failed, Status::Queued]);
    assert_eq!(all[1].available_at(), midnight() + Duration::from_secs(10));
    world.clock.advance(Duration::from_secs(10));
    let all = world.settled(2).await;
    assert_eq!((all[1].status(), all[1].attempt, all[1].first), (Status::Succeeded, 2, first.id));
}

#[tokio::test]
async fn attempts_end_when_the_policy_says_so() {
    let world = World::new().await;
    let mut job = world.every_minute("fail").await;
    let retry = RetryPolicy { attempts: 3, backoff: Duration::ZERO, ..RetryPolicy::default() };
    job.retry = RetryPolicy { on: vec![Status::Failed], ..retry };
    let job = world.me.create_job(job).await.unwrap();
    world.automa.start().await.unwrap();
    world.me.run_job(job.id, None).await.unwrap();
    let all = world.settled(3).await;
    assert_eq!(
        all.iter().map(|it| (it.attempt, it.status())).collect::<Vec<_>>(),
        [(1, Status::Failed), (2, Status::Failed), (3, Status::Failed)]
    );
}

#[tokio::test]
async fn a_sandbox_that_panics_is_a_sandbox_error_and_the_engine_goes_on() {
    let world = World::new().await;
    let (panics, prints) = (world.agent("panic").await, world.agent("print still here").await);
    world.automa.start().await.unwrap();
    let run = world.me.run_agent(panics.id, JsonObject::default()).await.unwrap();
    assert_eq!(within("the end", world.me.wait(run.id)).await.unwrap().status(), Status::SandboxError);
    let run = world.me.run_agent(prints.id, JsonObject::default()).await.unwrap();
    assert_eq!(within("the end", world.me.wait(run.id)).await.unwrap().status(), Status::Succeeded);
}

#[tokio::test]
async fn no_more_runs_at_once_than_there_are_workers() {
    let store = Arc::new(MemoryStore::new());
    let world = World::with(store, Settings { workers: 3, ..Settings::default() }).await;
    let agent = world.agent("wait").await;
    let mut runs = Vec::new();
    for _ in 0..9 {
        runs.push(world.me.run_agent(agent.id, JsonObject::default()).await.unwrap());
    }
    world.automa.start().await.unwrap();
    within("three runs", async {
        while world.sandbox.now.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for run in runs {
        world.me.cancel_execution(run.id).await.unwrap();
        within("the end", world.me.wait(run.id)).await.unwrap();
    }
    assert_eq!(world.sandbox.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_overlapping_occurrence_is_recorded_as_skipped_with_the_reason() {
    let world = World::new().await;
    world.me.create_job(world.every_minute("wait").await).await.unwrap();
    world.automa.start().await.unwrap();
    for count in 1..=2 {
        world.clock.advance(MINUTE);
        within("the occurrence", async {
            while world.executions().await.len() < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    let all = world.executions().await;
    assert_eq!(all[1].status(), Status::Skipped);
    assert!(all[1].reason().unwrap().contains(&all[0].id.to_string()), "{:?}", all[1].reason());
}

#[tokio::test]
async fn after_a_downtime_the_latest_instant_runs_once_or_is_recorded_as_missed() {
    for (misfire, status) in [(Misfire::FireOnce, Status::Succeeded), (Misfire::Skip, Status::Missed)] {
        let world = World::new().await;
        let mut minutely = world.every_minute("print minutely").await;
        minutely.misfire = misfire;
        world.me.create_job(minutely).await.unwrap();
        let mut daily = world.every_minute("print daily").await;
        (daily.schedule, daily.misfire) = (crate::doubles::cron("0 12 * * *"), misfire);
        world.me.create_job(daily).await.unwrap();
        // At 00:01:30 of the next day the minute is 30 s late, which is in time; noon is half a day late.
        world.clock.advance(Duration::from_secs(24 * 3_600 + 90));
        world.automa.start().await.unwrap();
        let all = world.settled(2).await;
        let daily = all.iter().find(|it| it.spec.scheduled_at.unwrap().to_string() == "2026-01-01T12:00:00Z").unwrap();
        assert_eq!(daily.status(), status);
        let minutely: Vec<_> = all.iter().filter(|it| it.id != daily.id).collect();
        assert_eq!(minutely.len(), 1, "a day of minutes becomes one run");
        assert_eq!(minutely[0].spec.scheduled_at.unwrap().to_string(), "2026-01-02T00:01:00Z");
        assert_eq!(minutely[0].status(), Status::Succeeded);
    }
}

#[tokio::test]
async fn what_a_dead_process_left_running_is_lost_and_tried_again() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let dead = World::on(Arc::clone(&store)).await;
    let agent = dead.agent("print alive").await;
    let run = dead.me.run_agent(agent.id, JsonObject::default()).await.unwrap();
    let claim = Claim { worker: "dead".into(), now: midnight(), until: midnight() + MINUTE, limit: 1 };
    assert_eq!(store.claim(&claim).await.unwrap().len(), 1);

    let world = World::on(store).await;
    world.automa.start().await.unwrap();
    assert_eq!(world.me.execution(run.id).await.unwrap().status(), Status::Lost);
    world.clock.advance(Duration::from_secs(1));
    let all = world.settled(2).await;
    assert_eq!((all[1].status(), all[1].attempt, all[1].first), (Status::Succeeded, 2, run.id));
    assert!(world.actions().await.contains(&"execution.lose".to_owned()));
}

#[tokio::test]
async fn a_stale_worker_cannot_finish_an_execution() {
    let world = World::new().await;
    let agent = world.agent("print x").await;
    let run = world.me.run_agent(agent.id, JsonObject::default()).await.unwrap();
    let claim = Claim { worker: "slow".into(), now: midnight(), until: midnight() + MINUTE, limit: 1 };
    let mut slow = world.store.claim(&claim).await.unwrap().remove(0);
    let mut lost = slow.clone();
    lost.lose("its lease ended", midnight()).unwrap();
    world.store.commit(Batch::new().update(lost)).await.unwrap();
    let outcome = Outcome { exit: Exit::Code(0), reason: None, result: None, usage: Usage::default() };
    let fence = slow.fence();
    slow.finish(fence, outcome.clone(), None, midnight()).unwrap();
    assert!(matches!(world.store.commit(Batch::new().update(slow)).await, Err(Error::Stale(_))));
    let mut now: automa_core::execution::Execution = world.store.require(run.id).await.unwrap();
    assert!(matches!(now.finish(fence, outcome, None, midnight()), Err(Error::LeaseLost(_))));
    assert_eq!(now.status(), Status::Lost);
}

#[tokio::test]
async fn a_shutdown_waits_for_what_runs_and_then_gives_it_up_to_be_tried_again() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let world = World::on(Arc::clone(&store)).await;
    let agent = world.agent("wait").await;
    world.automa.start().await.unwrap();
    let run = world.me.run_agent(agent.id, JsonObject::default()).await.unwrap();
    let mut log = world.me.follow_log(run.id, LogSeq(0)).await.unwrap();
    within("the start", log.next()).await.unwrap();
    within("the shutdown", world.automa.shutdown(Duration::from_millis(1))).await.unwrap();
    assert_eq!(world.statuses().await, [Status::Lost, Status::Queued]);
    assert!(matches!(world.automa.start().await, Err(Error::ShuttingDown)));
}

#[tokio::test]
async fn a_started_agent_is_restarted_by_its_policy_until_it_is_stopped() {
    let world = World::new().await;
    let never = world.agent("print once").await;
    let mut spec = AgentSpec::new("again".parse().unwrap(), never.script);
    spec.restart = RestartPolicy::Always;
    let always = world.me.create_agent(spec).await.unwrap();
    world.automa.start().await.unwrap();
    let once = world.me.start_agent(never.id).await.unwrap();
    within("the end", world.me.wait(once.id)).await.unwrap();
    assert!(!world.me.agent(never.id).await.unwrap().is_started());
    let first = world.me.start_agent(always.id).await.unwrap();
    within("the end", world.me.wait(first.id)).await.unwrap();
    assert!(matches!(world.me.start_agent(always.id).await, Err(Error::State(_))));
    let status = world.me.agent_status(always.id).await.unwrap();
    assert_eq!(status.active.as_ref().map(|it| (it.status(), it.spec.origin)), Some((Status::Queued, Origin::Start)));
    world.me.stop_agent(always.id).await.unwrap();
    let status = world.me.agent_status(always.id).await.unwrap();
    assert_eq!((status.active.is_some(), status.agent.is_started()), (false, false));
}

#[tokio::test]
async fn an_agent_that_is_stopped_and_started_at_once_stays_started() {
    let world = World::new().await;
    let agent = world.agent("wait").await;
    world.automa.start().await.unwrap();
    let mut last = world.me.start_agent(agent.id).await.unwrap();
    for _ in 0..20 {
        let mut log = world.me.follow_log(last.id, LogSeq(0)).await.unwrap();
        within("the start", log.next()).await.unwrap();
        world.me.stop_agent(agent.id).await.unwrap();
        let next = world.me.start_agent(agent.id).await.unwrap();
        assert_eq!(within("the end", world.me.wait(last.id)).await.unwrap().status(), Status::Cancelled);
        assert_eq!(world.me.agent(agent.id).await.unwrap().started, Some(next.id));
        last = next;
    }
    world.me.stop_agent(agent.id).await.unwrap();
    within("the end", world.me.wait(last.id)).await.unwrap();
    assert_eq!(world.executions().await.len(), 21, "nothing restarted what was stopped");
}

#[tokio::test]
async fn instants_that_are_reached_in_time_each_have_an_execution() {
    let world = World::new().await;
    let mut job = world.every_minute("print tick").await;
    (job.schedule, job.overlap) = (crate::doubles::cron("*/10 * * * * *"), Overlap::Allow);
    world.me.create_job(job).await.unwrap();
    world.clock.advance(Duration::from_secs(35));
    world.automa.start().await.unwrap();
    let seconds: Vec<_> =
        world.settled(3).await.iter().map(|it| it.spec.scheduled_at.unwrap().as_second() % 60).collect();
    assert_eq!(seconds, [10, 20, 30]);
}

#[tokio::test]
async fn every_change_has_its_audit_event_and_the_chain_verifies() {
    let world = World::new().await;
    let job = world.me.create_job(world.every_minute("print x").await).await.unwrap();
    world.automa.start().await.unwrap();
    let run = world.me.run_job(job.id, None).await.unwrap();
    within("the end", world.me.wait(run.id)).await.unwrap();
    world.automa.shutdown(MINUTE).await.unwrap();
    let actions = world.actions().await;
    let expected = ["script.create", "agent.create", "job.create", "system.start", "job.run", "execution.start"];
    assert_eq!(&actions[..6], &expected);
    assert_eq!(&actions[6..], ["execution.end", "system.stop"]);
    let verified = world.me.verify_audit().await.unwrap();
    assert_eq!((verified.events, verified.damage), (8, None));
}
