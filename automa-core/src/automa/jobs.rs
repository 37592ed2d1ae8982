//! Jobs: made, changed, removed, run once, previewed.

use jiff::Timestamp;

use super::{ATTEMPTS_ON_STALE, Acting, check_revision};
use crate::access::Action;
use crate::agent::Agent;
use crate::error::{Error, Invalid, Result};
use crate::execution::{Execution, Origin};
use crate::id::{AgentId, JobId, Kind, Ref};
use crate::job::{Job, Misfire, Overlap, RetryPolicy};
use crate::json::JsonObject;
use crate::name::{Description, Name};
use crate::schedule::Schedule;
use crate::scheduler::job_spec;
use crate::store::{Batch, Key, Page, PageRequest, Query, Require, Revision, StoreExt as _, Unique};

/// Everything that can be said of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSpec {
    /// Its name; unique among jobs.
    pub name: Name,
    /// What it is for.
    pub description: Description,
    /// What it runs.
    pub agent: AgentId,
    /// When it runs.
    pub schedule: Schedule,
    /// What every run gets as input.
    pub input: JsonObject,
    /// Whether the schedule counts.
    pub enabled: bool,
    /// What happens when an instant comes while an earlier run goes on.
    pub overlap: Overlap,
    /// What happens to instants that passed while nothing could run them.
    pub misfire: Misfire,
    /// What happens when a run does not succeed.
    pub retry: RetryPolicy,
}

impl JobSpec {
    /// An enabled job with every policy at its default and no input.
    #[must_use]
    pub fn new(name: Name, agent: AgentId, schedule: Schedule) -> Self {
        Self {
            name,
            description: Description::default(),
            agent,
            schedule,
            input: JsonObject::default(),
            enabled: true,
            overlap: Overlap::default(),
            misfire: Misfire::default(),
            retry: RetryPolicy::default(),
        }
    }
}

impl Acting {
    /// Makes a job. Its first instant is the first one after now.
    ///
    /// [`Error::Invalid`] when its agent does not exist, a policy is out of range or its only instant has passed;
    /// [`Error::Exists`] when the name is taken.
    pub async fn create_job(&self, spec: JobSpec) -> Result<Job> {
        self.permit(Action::JobCreate, Ref::new(Kind::Job, &spec.name)).await?;
        let now = self.inner.clock.now();
        self.check_job(&spec, now).await?;
        let mut job = Job {
            id: JobId::new(),
            name: spec.name,
            description: spec.description,
            owner: self.principal.user_id(),
            agent: spec.agent,
            schedule: spec.schedule,
            input: spec.input,
            enabled: spec.enabled,
            overlap: spec.overlap,
            misfire: spec.misfire,
            retry: spec.retry,
            next_at: None,
            created_at: now,
            updated_at: now,
            revision: Revision::default(),
        };
        job.plan(now);
        let event = self.event(Action::JobCreate, job.id.to_ref()).with("name", job.name.as_str());
        self.commit(Batch::new().require(Require::Exists(Key::Agent(job.agent))).insert(job.clone()), event).await?;
        job.revision = job.revision.next();
        Ok(job)
    }

    /// Replaces everything that can be said of a job. A changed schedule counts from now on.
    ///
    /// With `expected`, [`Error::Stale`] unless the job is at that revision. Else as [`create_job`](Self::create_job).
    pub async fn update_job(&self, id: JobId, spec: JobSpec, expected: Option<Revision>) -> Result<Job> {
        self.permit(Action::JobUpdate, id.to_ref()).await?;
        for _ in 0..ATTEMPTS_ON_STALE {
            let mut job: Job = self.require(id).await?;
            check_revision(job.revision, expected, id.to_ref())?;
            let now = self.inner.clock.now();
            self.check_job(&spec, now).await?;
            let replan = job.schedule != spec.schedule || job.enabled != spec.enabled;
            let spec = spec.clone();
            job.name = spec.name;
            job.description = spec.description;
            job.agent = spec.agent;
            job.schedule = spec.schedule;
            job.input = spec.input;
            job.enabled = spec.enabled;
            job.overlap = spec.overlap;
            job.misfire = spec.misfire;
            job.retry = spec.retry;
            job.updated_at = now;
            if replan {
                job.plan(now);
            }
            let batch = Batch::new().require(Require::Exists(Key::Agent(job.agent))).update(job.clone());
            match self.commit(batch, self.event(Action::JobUpdate, id.to_ref())).await {
                // The scheduler moves jobs on all the time; only a demanded revision makes that a conflict.
                Err(Error::Stale(_)) if expected.is_none() => {}
                done => {
                    job.revision = job.revision.next();
                    return done.map(|()| job);
                }
            }
        }
        Err(Error::Stale(id.to_ref()))
    }

    /// Removes a job. Its executions stay in the history; those that are queued still run.
    pub async fn delete_job(&self, id: JobId, expected: Option<Revision>) -> Result<()> {
        self.permit(Action::JobDelete, id.to_ref()).await?;
        self.commit(Batch::new().delete(Key::Job(id), expected), self.event(Action::JobDelete, id.to_ref())).await
    }

    /// The job with this id, or [`Error::NotFound`].
    pub async fn job(&self, id: JobId) -> Result<Job> {
        self.permit(Action::JobRead, id.to_ref()).await?;
        self.require(id).await
    }

    /// The job with this name, in whatever case, or [`Error::NotFound`].
    pub async fn job_named(&self, name: &Name) -> Result<Job> {
        self.permit(Action::JobRead, Ref::new(Kind::Job, name)).await?;
        self.named(Unique::JobName(name.key()), Ref::new(Kind::Job, name)).await
    }

    /// A page of the jobs, by age; of one agent if given.
    pub async fn jobs(&self, agent: Option<AgentId>, page: &PageRequest) -> Result<Page<Job>> {
        self.permit(Action::JobRead, Ref::system()).await?;
        self.inner.store.page(&Query::Jobs(agent), page).await
    }

    /// Queues one run of a job now, beside its schedule; with another input if one is given.
    pub async fn run_job(&self, id: JobId, input: Option<JsonObject>) -> Result<Execution> {
        self.permit(Action::JobRun, id.to_ref()).await?;
        let job: Job = self.require(id).await?;
        let agent: Agent = self.require(job.agent).await?;
        let input = input.unwrap_or_else(|| job.input.clone());
        let spec = job_spec(&*self.inner.store, &job, &agent, Origin::Manual, None, input).await?;
        self.queue(Execution::queue(spec, self.inner.clock.now()), Action::JobRun).await
    }

    /// The next `count` instants of a job, at most [`PageRequest::LIMIT_MAX`], whether it is enabled or not.
    pub async fn preview_job(&self, id: JobId, count: usize) -> Result<Vec<Timestamp>> {
        let job = self.job(id).await?;
        Ok(self.inner.scheduler.preview(&job.schedule, self.inner.clock.now(), count.min(PageRequest::LIMIT_MAX)))
    }

    /// The next `count` instants of any schedule, at most [`PageRequest::LIMIT_MAX`].
    pub async fn preview(&self, schedule: &Schedule, count: usize) -> Result<Vec<Timestamp>> {
        self.permit(Action::JobRead, Ref::system()).await?;
        Ok(self.inner.scheduler.preview(schedule, self.inner.clock.now(), count.min(PageRequest::LIMIT_MAX)))
    }

    /// Whether a job can be as it is asked for.
    async fn check_job(&self, spec: &JobSpec, now: Timestamp) -> Result<()> {
        let mut problems = Vec::new();
        if let Err(invalid) = spec.retry.check() {
            problems.extend(invalid.within("retry").into_problems());
        }
        if self.inner.store.read::<Agent>(spec.agent).await?.is_none() {
            let text = format!("there is no agent {}; it may have been removed", spec.agent);
            problems.push(crate::error::Problem::new("agent_id", text));
        }
        if spec.enabled && !matches!(spec.schedule, Schedule::Manual) && spec.schedule.next_after(now).is_none() {
            problems.push(crate::error::Problem::new("schedule", "has no instant in the future; give a later one"));
        }
        Ok(Invalid::unless_empty(problems)?)
    }
}
