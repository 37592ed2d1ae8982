//! Jobs as Python objects, and their retry policy.

use std::sync::Arc;
use std::time::Duration;

use automa_core::Acting;
use automa_core::automa::JobSpec;
use automa_core::error::Error;
use automa_core::execution::Status;
use automa_core::id::{AgentId, JobId};
use automa_core::job::{self as core, Misfire, Overlap, RetryPolicy};
use automa_core::json::JsonObject;
use automa_core::name::{Description, Name};
use automa_core::schedule::Schedule;
use automa_core::store::Revision;
use jiff::Timestamp;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::agent::Agent;
use crate::args::{self, Checked, Keywords};
use crate::failure::{Failure, Result};
use crate::given::Whole;
use crate::handle::Handle;
use crate::json::{self, ToPython};
use crate::lookup::{Pointer, find};
use crate::runtime::{Begun as _, Work};
use crate::schedule;
use crate::state::{State, hash, revision_of, until_fresh};
use crate::time::{self, Instant};

/// An agent and when to run it.
///
/// Its properties are what was last read; what its own methods change they show, and refresh() reads them again.
#[pyclass(frozen, module = "automa")]
pub(crate) struct Job {
    handle: Arc<Handle>,
    state: State<core::Job>,
}

/// What happens when an execution does not succeed.
///
/// By default three attempts, and only where the script was not at fault: "lost" and "sandbox_error". The wait before
/// the next attempt is `backoff`, then twice as long each time, at most `backoff_max`.
#[pyclass(frozen, eq, module = "automa")]
#[derive(PartialEq, Eq)]
pub(crate) struct Retry(RetryPolicy);

#[pymethods]
impl Retry {
    #[new]
    #[pyo3(
        signature = (**policy),
        text_signature = "(*, attempts=None, backoff=None, backoff_max=None, on=None)"
    )]
    fn new(py: Python<'_>, policy: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Self::read(policy).map_err(|failure| failure.into_exception(py))
    }

    /// How often the work is tried in all.
    #[getter]
    fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The wait before the second attempt.
    #[getter]
    fn backoff(&self) -> Duration {
        self.0.backoff
    }

    /// The longest wait.
    #[getter]
    fn backoff_max(&self) -> Duration {
        self.0.backoff_max
    }

    /// Which endings are tried again.
    #[getter]
    fn on(&self) -> Vec<&'static str> {
        self.0.on.iter().map(|status| status.name()).collect()
    }

    fn __repr__(&self) -> String {
        let Self(RetryPolicy { attempts, backoff, backoff_max, .. }) = self;
        let (backoff, backoff_max) = (backoff.as_secs_f64(), backoff_max.as_secs_f64());
        format!("automa.Retry(attempts={attempts}, backoff={backoff}, backoff_max={backoff_max}, on={:?})", self.on())
    }
}

impl Retry {
    fn read(given: Option<&Bound<'_, PyDict>>) -> Result<Self> {
        let given = Keywords::of("Retry", given, &["attempts", "backoff", "backoff_max", "on"])?;
        let mut checked = Checked::default();
        let mut policy = RetryPolicy::default();
        if let Some(attempts) = given.read("attempts", &mut checked, args::count)? {
            policy.attempts = attempts;
        }
        if let Some(backoff) = given.read("backoff", &mut checked, time::duration)? {
            policy.backoff = backoff;
        }
        if let Some(backoff_max) = given.read("backoff_max", &mut checked, time::duration)? {
            policy.backoff_max = backoff_max;
        }
        if let Some(words) = given.plain::<Vec<String>>("on")? {
            policy.on.clear();
            for word in words {
                let status = word.parse::<Status>().map_err(|invalid| args::under("on", invalid));
                policy.on.extend(checked.keep(status)?);
            }
        }
        let policy = checked.finish(Some(policy))?;
        policy.check()?;
        Ok(Self(policy))
    }
}

/// What can be said of a job in an update, or beside its name and agent when it is made.
#[derive(Debug, Default)]
pub(crate) struct Change {
    name: Option<Name>,
    description: Option<Description>,
    agent: Option<Pointer<AgentId>>,
    schedule: Option<Schedule>,
    input: Option<JsonObject>,
    enabled: Option<bool>,
    overlap: Option<Overlap>,
    misfire: Option<Misfire>,
    retry: Option<RetryPolicy>,
    revision: Option<Revision>,
}

/// Every keyword argument of `update`; `add_job` takes the first three otherwise.
const KEYWORDS: [&str; 14] = [
    "name",
    "agent",
    "revision",
    "cron",
    "zone",
    "every",
    "anchor",
    "at",
    "description",
    "input",
    "enabled",
    "overlap",
    "misfire",
    "retry",
];

impl Change {
    /// Reads the keyword arguments of `add_job`, into `checked` what is wrong with them.
    pub(crate) fn read_new(given: Option<&Bound<'_, PyDict>>, checked: &mut Checked, now: Timestamp) -> Result<Self> {
        Self::read(&Keywords::of("add_job", given, &KEYWORDS[3..])?, checked, now)
    }

    fn read_update(given: Option<&Bound<'_, PyDict>>, now: Timestamp) -> Result<Self> {
        let mut checked = Checked::default();
        let given = Keywords::of("update", given, &KEYWORDS)?;
        let mut change = Self::read(&given, &mut checked, now)?;
        change.name = given.text("name", &mut checked)?;
        change.agent = given.read("agent", &mut checked, agent_pointer)?;
        change.revision = revision_of(given.plain("revision")?)?;
        checked.finish(Some(change))
    }

    /// Reads what both have.
    fn read(given: &Keywords<'_, '_>, checked: &mut Checked, now: Timestamp) -> Result<Self> {
        Ok(Self {
            description: given.text("description", checked)?,
            schedule: schedule::read(given, checked, now)?,
            input: given.read("input", checked, json::object)?,
            enabled: given.plain("enabled")?,
            overlap: given.text("overlap", checked)?,
            misfire: given.text("misfire", checked)?,
            retry: given.read("retry", checked, retry)?,
            ..Self::default()
        })
    }

    /// The specification with everything that was given put into it.
    pub(crate) fn put_into(&self, spec: JobSpec) -> JobSpec {
        JobSpec {
            name: self.name.clone().unwrap_or(spec.name),
            description: self.description.clone().unwrap_or(spec.description),
            agent: spec.agent,
            schedule: self.schedule.clone().unwrap_or(spec.schedule),
            input: self.input.clone().unwrap_or(spec.input),
            enabled: self.enabled.unwrap_or(spec.enabled),
            overlap: self.overlap.unwrap_or(spec.overlap),
            misfire: self.misfire.unwrap_or(spec.misfire),
            retry: self.retry.clone().unwrap_or(spec.retry),
        }
    }

    async fn apply(&self, acting: &Acting, id: JobId, agent: Option<AgentId>) -> Result<core::Job, Error> {
        let now = acting.job(id).await?;
        let expected = self.revision.unwrap_or(now.revision);
        let mut spec = self.put_into(spec_of(now));
        spec.agent = agent.unwrap_or(spec.agent);
        acting.update_job(id, spec, Some(expected)).await
    }
}

/// What is said of a job at present.
fn spec_of(job: core::Job) -> JobSpec {
    JobSpec {
        name: job.name,
        description: job.description,
        agent: job.agent,
        schedule: job.schedule,
        input: job.input,
        enabled: job.enabled,
        overlap: job.overlap,
        misfire: job.misfire,
        retry: job.retry,
    }
}

/// Reads an agent, its id or its name.
pub(crate) fn agent_pointer(field: &str, given: &Bound<'_, PyAny>) -> Result<Pointer<AgentId>> {
    Pointer::read(field, given, |given| given.cast::<Agent>().ok().map(|agent| agent.get().key()))
}

/// Reads a job, its id or its name.
pub(crate) fn job_pointer(field: &str, given: &Bound<'_, PyAny>) -> Result<Pointer<JobId>> {
    Pointer::read(field, given, |given| given.cast::<Job>().ok().map(|job| job.get().key()))
}

/// Reads a policy.
fn retry(field: &str, given: &Bound<'_, PyAny>) -> Result<RetryPolicy> {
    match given.cast::<Retry>() {
        Ok(policy) => Ok(policy.get().0.clone()),
        Err(_) => {
            let kind = given.get_type().name().map_err(Failure::Python)?;
            let text = format!("{field} must be an automa.Retry, such as automa.Retry(attempts=5), not {kind}");
            Err(Failure::Python(PyTypeError::new_err(text)))
        }
    }
}

impl Job {
    pub(crate) fn new(handle: Arc<Handle>, job: core::Job) -> Self {
        Self { handle, state: State::new(job) }
    }

    /// Its id.
    pub(crate) fn key(&self) -> JobId {
        self.state.read(|it| it.id)
    }

    fn changing(&self, changes: Option<&Bound<'_, PyDict>>) -> Result<Work<()>> {
        let change = Change::read_update(changes, self.handle.now()?)?;
        let (id, state) = (self.key(), self.state.clone());
        self.handle.change(|acting| async move {
            let agent = match change.agent.clone() {
                Some(pointer) => Some(find::<automa_core::agent::Agent>(&acting, pointer).await?.id),
                None => None,
            };
            let (acting, change) = (&acting, &change);
            state.set(until_fresh(change.revision, || change.apply(acting, id, agent)).await?);
            Ok(())
        })
    }

    fn deleting(&self, revision: Option<Whole>) -> Result<Work<()>> {
        let id = self.key();
        let expected = revision_of(revision)?;
        self.handle.change(|acting| async move { Ok(acting.delete_job(id, expected).await?) })
    }

    fn refreshing(&self) -> Result<Work<()>> {
        let (id, state) = (self.key(), self.state.clone());
        self.handle.read(|acting| async move {
            state.set(acting.job(id).await?);
            Ok(())
        })
    }
}

#[pymethods]
impl Job {
    /// Its id: a UUID, as text.
    #[getter]
    fn id(&self) -> String {
        self.key().to_string()
    }

    /// Its name; unique among jobs, whatever the case.
    #[getter]
    fn name(&self) -> String {
        self.state.read(|it| it.name.to_string())
    }

    /// What it is for.
    #[getter]
    fn description(&self) -> String {
        self.state.read(|it| it.description.as_str().to_owned())
    }

    /// The id of the agent that it runs.
    #[getter]
    fn agent_id(&self) -> String {
        self.state.read(|it| it.agent.to_string())
    }

    /// When it runs, in English.
    #[getter]
    fn schedule(&self) -> String {
        self.state.read(|it| it.schedule.describe())
    }

    /// Its cron expression; None when it has another schedule.
    #[getter]
    fn cron(&self) -> Option<String> {
        self.state.read(|it| match &it.schedule {
            Schedule::Cron { expression, .. } => Some(expression.as_str().to_owned()),
            _ => None,
        })
    }

    /// The time zone of its cron expression; None when it has another schedule.
    #[getter]
    fn zone(&self) -> Option<String> {
        self.state.read(|it| match &it.schedule {
            Schedule::Cron { zone, .. } => Some(zone.name().to_owned()),
            _ => None,
        })
    }

    /// The distance between its instants; None when it has another schedule.
    #[getter]
    fn every(&self) -> Option<Duration> {
        self.state.read(|it| match &it.schedule {
            Schedule::Interval { every, .. } => Some(every.get()),
            _ => None,
        })
    }

    /// The instant from which `every` counts; None when it has another schedule.
    #[getter]
    fn anchor(&self) -> Option<Instant> {
        self.state.read(|it| match &it.schedule {
            Schedule::Interval { anchor, .. } => Some(Instant(*anchor)),
            _ => None,
        })
    }

    /// Its only instant; None when it has another schedule.
    #[getter]
    fn at(&self) -> Option<Instant> {
        self.state.read(|it| match &it.schedule {
            Schedule::Once { at } => Some(Instant(*at)),
            _ => None,
        })
    }

    /// What every execution gets as input.
    #[getter]
    fn input(&self) -> ToPython {
        ToPython(self.state.read(|it| it.input.to_value()))
    }

    /// Whether the schedule counts.
    #[getter]
    fn enabled(&self) -> bool {
        self.state.read(|it| it.enabled)
    }

    /// What happens when an instant comes while an earlier execution goes on: "skip" or "allow".
    #[getter]
    fn overlap(&self) -> &'static str {
        self.state.read(|it| it.overlap.name())
    }

    /// What happens to instants that passed while nothing could run them: "fire_once" or "skip".
    #[getter]
    fn misfire(&self) -> &'static str {
        self.state.read(|it| it.misfire.name())
    }

    /// What happens when an execution does not succeed.
    #[getter]
    fn retry(&self) -> Retry {
        Retry(self.state.read(|it| it.retry.clone()))
    }

    /// The next planned instant; None when there is none, or while it is not enabled.
    #[getter]
    fn next_at(&self) -> Option<Instant> {
        self.state.read(|it| it.next_at).map(Instant)
    }

    /// When it was made.
    #[getter]
    fn created_at(&self) -> Instant {
        Instant(self.state.read(|it| it.created_at))
    }

    /// When it was last changed by somebody.
    #[getter]
    fn updated_at(&self) -> Instant {
        Instant(self.state.read(|it| it.updated_at))
    }

    /// Counts its states, of which the scheduler makes one at each instant.
    #[getter]
    fn revision(&self) -> u64 {
        self.state.read(|it| it.revision.0)
    }

    /// Changes what is given and leaves the rest. With a revision, StaleError unless it is the present one.
    ///
    /// One of cron, every and at replaces the whole schedule, which then counts from now on.
    #[pyo3(
        signature = (**changes),
        text_signature = "($self, *, name=None, agent=None, revision=None, cron=None, zone=None, every=None, \
                          anchor=None, at=None, description=None, input=None, enabled=None, overlap=None, \
                          misfire=None, retry=None)"
    )]
    fn update(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        self.changing(changes).block(py)
    }

    /// update(), to be awaited.
    #[pyo3(
        signature = (**changes),
        text_signature = "($self, *, name=None, agent=None, revision=None, cron=None, zone=None, every=None, \
                          anchor=None, at=None, description=None, input=None, enabled=None, overlap=None, \
                          misfire=None, retry=None)"
    )]
    fn update_async<'py>(&self, py: Python<'py>, changes: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        self.changing(changes).awaitable(py)
    }

    /// Removes it. Its executions stay; those that are queued still run.
    #[pyo3(signature = (*, revision=None))]
    fn delete(&self, py: Python<'_>, revision: Option<Whole>) -> PyResult<()> {
        self.deleting(revision).block(py)
    }

    /// delete(), to be awaited.
    #[pyo3(signature = (*, revision=None))]
    fn delete_async<'py>(&self, py: Python<'py>, revision: Option<Whole>) -> PyResult<Bound<'py, PyAny>> {
        self.deleting(revision).awaitable(py)
    }

    /// Reads the properties again.
    fn refresh(&self, py: Python<'_>) -> PyResult<()> {
        self.refreshing().block(py)
    }

    /// refresh(), to be awaited.
    fn refresh_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.refreshing().awaitable(py)
    }

    fn __repr__(&self) -> String {
        self.state.read(|it| format!("<automa.Job {:?} {}>", it.name.as_str(), it.schedule.describe()))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    fn __hash__(&self) -> u64 {
        hash(&self.key())
    }
}
