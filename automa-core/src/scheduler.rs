//! The contract of a scheduler, and the default: planned instants in the store's index.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::access::Principal;
use crate::agent::{Agent, VersionChoice};
use crate::audit::NewAuditEvent;
use crate::auditor::Auditor;
use crate::error::{Error, Result};
use crate::execution::{Execution, NewExecution, Origin, Status};
use crate::job::{Job, Misfire, Overlap};
use crate::json::JsonObject;
use crate::schedule::Schedule;
use crate::script::{Script, VersionNumber};
use crate::store::{Batch, Order, PageRequest, Query, Scope, Store, StoreExt};

/// The most instants that are counted when they were passed over: enough to say "many".
const PASSED_MAX: usize = 100_000;

/// Turns what is due into queued executions.
///
/// # Promises
///
/// - Exactly one execution per (job, planned instant), however many schedulers share the store.
/// - An execution and the job's next instant become durable together.
/// - Nothing is done while nothing is due: the caller sleeps until [`Due::next`] or until a job changes.
#[async_trait]
pub trait Scheduler: Debug + Send + Sync + 'static {
    /// Queues everything that is due at `now`, by the policies of its job.
    async fn run_due(&self, now: Timestamp) -> Result<Due>;

    /// The next `count` instants of a schedule after `after`.
    fn preview(&self, schedule: &Schedule, after: Timestamp, count: usize) -> Vec<Timestamp> {
        schedule.preview(after, count)
    }
}

/// What a look for due jobs found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// How many planned instants were turned into executions, those that do not run included.
    pub occurrences: usize,
    /// When to look again; `None` when no job has a planned instant.
    pub next: Option<Timestamp>,
}

/// The default: reads the store's index of planned instants.
#[derive(Debug, Clone)]
pub struct StoreScheduler {
    store: Arc<dyn Store>,
    auditor: Arc<dyn Auditor>,
}

impl StoreScheduler {
    /// A scheduler of the jobs in this store.
    pub fn new(store: Arc<dyn Store>, auditor: Arc<dyn Auditor>) -> Self {
        Self { store, auditor }
    }

    /// Queues one job's due instant. `Ok(false)` when another scheduler, or a change of the job, was quicker.
    async fn fire(&self, mut job: Job, now: Timestamp) -> Result<bool> {
        let Some(planned) = job.next_at.filter(|planned| *planned <= now) else { return Ok(false) };
        // In time, instants are taken one by one, each with an execution of its own; after a downtime, all together.
        let (instant, passed) = if is_late(planned, now) {
            let latest = job.schedule.latest_in(planned, now).unwrap_or(planned);
            (latest, job.schedule.count_in(planned, latest, PASSED_MAX))
        } else {
            (planned, 0)
        };
        let execution = self.occurrence(&job, planned, instant, now).await?;
        job.plan(instant);
        let moved_on = Batch::new().update(job.clone());
        let event = NewAuditEvent::done(now, &Principal::System, occurrence_action(&execution), execution.id.to_ref())
            .with("job", job.id.to_string())
            .with("scheduled_at", instant.to_string());
        let event = if passed > 0 { event.with("passed_over", passed) } else { event };
        let batch = Batch::new().insert(execution).update(job);
        match self.store.commit(self.auditor.attach(batch, event)).await {
            // The instant has its execution already, as after the clock was set back: only the plan moves on.
            Err(Error::Exists { .. }) => unless_outrun(self.store.commit(moved_on).await).map(|_| false),
            done => unless_outrun(done),
        }
    }

    /// What becomes of the instants from `planned` to `latest`: one execution, queued or recorded as not run.
    async fn occurrence(&self, job: &Job, planned: Timestamp, latest: Timestamp, now: Timestamp) -> Result<Execution> {
        let agent: Agent = self.store.require(job.agent).await?;
        let spec = job_spec(&*self.store, job, &agent, Origin::Schedule, Some(latest), job.input.clone()).await?;
        if is_late(latest, now) && job.misfire == Misfire::Skip {
            let reason = format!("nothing was there to run it between {planned} and {now}");
            return Ok(Execution::missed(spec, now, reason));
        }
        if job.overlap == Overlap::Skip
            && let Some(active) = active_execution(&*self.store, Scope::Job(job.id)).await?
        {
            let reason = format!("execution {} of this job is still {}", active.id, active.status());
            return Ok(Execution::skipped(spec, now, reason));
        }
        Ok(Execution::queue(spec, now))
    }
}

#[async_trait]
impl Scheduler for StoreScheduler {
    async fn run_due(&self, now: Timestamp) -> Result<Due> {
        let mut occurrences = 0;
        loop {
            let due = self.store.page::<Job>(&Query::DueJobs(now), &PageRequest::first(PageRequest::LIMIT_MAX)).await?;
            if due.items.is_empty() {
                break;
            }
            // Together, so that they share the store's waits for the disk.
            let fired = join_all(due.items.into_iter().map(|job| self.fire(job, now))).await;
            let fired_before = occurrences;
            let mut failure = None;
            for fired in fired {
                match fired {
                    Ok(fired) => occurrences += usize::from(fired),
                    // One job that cannot be fired does not hold up the others.
                    Err(error) => {
                        tracing::error!(%error, "failed to fire a job");
                        failure = Some(error);
                    }
                }
            }
            if let Some(error) = failure.filter(|_| occurrences == fired_before) {
                return Err(error);
            }
        }
        let next = self.store.page::<Job>(&Query::DueJobs(Timestamp::MAX), &PageRequest::first(1)).await?;
        Ok(Due { occurrences, next: next.items.first().and_then(|job| job.next_at) })
    }
}

/// Whether a commit went through; `Ok(false)` when another scheduler, or a change of the job, was quicker.
fn unless_outrun(done: Result<()>) -> Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(Error::Stale(_) | Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether an instant is reached so late that it counts as missed.
fn is_late(instant: Timestamp, now: Timestamp) -> bool {
    now.duration_since(instant) > SignedDuration::try_from(Misfire::GRACE).unwrap_or(SignedDuration::MAX)
}

fn occurrence_action(execution: &Execution) -> &'static str {
    match execution.status() {
        Status::Skipped => "execution.skip",
        Status::Missed => "execution.miss",
        _ => "execution.queue",
    }
}

/// An execution that is queued or running, if there is one; the newest.
pub(crate) async fn active_execution(store: &dyn Store, scope: Scope) -> Result<Option<Execution>> {
    let newest = PageRequest { cursor: None, limit: 1, order: Order::NewestFirst };
    for status in [Status::Running, Status::Queued] {
        let found = store.page::<Execution>(&Query::Executions(scope, Some(status)), &newest).await?;
        if let Some(execution) = found.items.into_iter().next() {
            return Ok(Some(execution));
        }
    }
    Ok(None)
}

/// The version of its script that an agent runs at this moment.
pub(crate) async fn version_of(store: &dyn Store, agent: &Agent) -> Result<VersionNumber> {
    match agent.version {
        VersionChoice::Pinned(number) => Ok(number),
        VersionChoice::Latest => Ok(store.require::<Script>(agent.script).await?.latest),
    }
}

/// An execution of a job's agent.
pub(crate) async fn job_spec(
    store: &dyn Store,
    job: &Job,
    agent: &Agent,
    origin: Origin,
    scheduled_at: Option<Timestamp>,
    input: JsonObject,
) -> Result<NewExecution> {
    Ok(NewExecution {
        agent: agent.id,
        job: Some(job.id),
        script: agent.script,
        version: version_of(store, agent).await?,
        origin,
        scheduled_at,
        input,
        retry: job.retry.clone(),
    })
}
