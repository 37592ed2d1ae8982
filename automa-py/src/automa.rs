//! What `automa.open` gives: the engine on its folder, as a Python object.

mod asks;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use automa_core::auditor;
use pyo3::IntoPyObjectExt as _;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::agent::Agent;
use crate::execution::Execution;
use crate::failure::Result;
use crate::given::{Text, Whole};
use crate::handle::{Handle, Opening};
use crate::job::Job;
use crate::runtime::{Begun as _, Work};
use crate::script::Script;
use crate::time;

/// How long leaving a `with` block, and close(), let running executions go on.
const GRACE: Duration = Duration::from_secs(10);

/// An engine and its data folder: everything begins with it.
///
/// Made by automa.open() or automa.open_async(). Every method that waits has a twin that ends in _async and gives an
/// awaitable; both can be used on the same object, from any thread and any event loop of the process that opened it.
#[pyclass(frozen, module = "automa")]
pub(crate) struct Automa {
    handle: Arc<Handle>,
}

/// What a look through the whole audit log found.
#[pyclass(frozen, module = "automa")]
pub(crate) struct Verification(auditor::Verification);

#[pymethods]
impl Verification {
    /// Whether nothing is wrong.
    #[getter]
    fn ok(&self) -> bool {
        self.0.damage.is_none()
    }

    /// How many events were read and are as they were written.
    #[getter]
    fn events(&self) -> u64 {
        self.0.events
    }

    /// The hash of the newest of them; keep it elsewhere to notice a rewrite of the whole log.
    #[getter]
    fn head(&self) -> Option<String> {
        self.0.head.map(|hash| hash.to_string())
    }

    /// The first thing that is wrong; None when nothing is.
    #[getter]
    fn damage(&self) -> Option<String> {
        self.0.damage.as_ref().map(|damage| damage.what.clone())
    }

    /// The number of the event at which that was noticed.
    #[getter]
    fn damaged_at(&self) -> Option<u64> {
        self.0.damage.as_ref().map(|damage| damage.at.0)
    }

    fn __bool__(&self) -> bool {
        self.ok()
    }

    fn __repr__(&self) -> String {
        let found = self.damage().unwrap_or_else(|| "ok".to_owned());
        format!("<automa.Verification {} events, {found}>", self.0.events)
    }
}

/// Opens a data folder, which is made if it is not there, and begins to run what is queued and due.
///
/// workers is how many executions run at once, by default twice the number of cores. With start=False nothing runs and
/// nothing is queued until start(). name is how the audit log calls this program.
///
/// FolderInUseError while another process has it open. Use it as `with automa.open(path) as a:`; leaving the block
/// closes it.
#[pyfunction]
#[pyo3(signature = (path, *, workers=None, start=true, name="python"))]
pub(crate) fn open(py: Python<'_>, path: PathBuf, workers: Option<Whole>, start: bool, name: &str) -> PyResult<Automa> {
    opening(path, workers, start, name).block(py)
}

/// open(), to be awaited: `async with await automa.open_async(path) as a:`.
#[pyfunction]
#[pyo3(signature = (path, *, workers=None, start=true, name="python"))]
pub(crate) fn open_async<'py>(
    py: Python<'py>,
    path: PathBuf,
    workers: Option<Whole>,
    start: bool,
    name: &str,
) -> PyResult<Bound<'py, PyAny>> {
    opening(path, workers, start, name).awaitable(py)
}

fn opening(path: PathBuf, workers: Option<Whole>, start: bool, name: &str) -> Result<Work<Automa>> {
    let workers = workers.map(|workers| workers.get("workers")).transpose()?;
    let opening = Opening { path, name: name.to_owned(), workers, start };
    Ok(Handle::open(opening).map(|handle| Automa { handle }))
}

#[pymethods]
impl Automa {
    /// Its data folder, as it was given: a pathlib.Path.
    #[getter]
    fn path(&self) -> PathBuf {
        self.handle.path().to_owned()
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Makes a script of a source: text, bytes, or the pathlib.Path of a file.
    #[pyo3(signature = (name, source, *, description=Text::empty()), text_signature = "($self, name, source, *, description=\"\")")]
    fn add_script(&self, py: Python<'_>, name: Text, source: &Bound<'_, PyAny>, description: Text) -> PyResult<Script> {
        self.adding_script(name, source, description).block(py)
    }

    /// add_script(), to be awaited.
    #[pyo3(signature = (name, source, *, description=Text::empty()), text_signature = "($self, name, source, *, description=\"\")")]
    fn add_script_async<'py>(
        &self,
        py: Python<'py>,
        name: Text,
        source: &Bound<'py, PyAny>,
        description: Text,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.adding_script(name, source, description).awaitable(py)
    }

    /// Makes an agent that runs a script, which is given as such, by its id or by its name.
    ///
    /// Unless given otherwise: the script's newest version, no configuration, 256 MiB of memory, 5 minutes, 10 MiB of
    /// output, 64 MiB in 1,000 files below /scratch, one core, no network, no environment, no restart.
    #[pyo3(
        signature = (name, script, **options),
        text_signature = "($self, name, script, *, description=None, version=None, config=None, backend=None, \
                          memory=None, timeout=None, output=None, scratch=None, files=None, processes=None, \
                          cpu_millis=None, network=None, environment=None, restart=None)"
    )]
    fn add_agent(
        &self,
        py: Python<'_>,
        name: Text,
        script: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Agent> {
        self.adding_agent(name, script, options).block(py)
    }

    /// add_agent(), to be awaited.
    #[pyo3(
        signature = (name, script, **options),
        text_signature = "($self, name, script, *, description=None, version=None, config=None, backend=None, \
                          memory=None, timeout=None, output=None, scratch=None, files=None, processes=None, \
                          cpu_millis=None, network=None, environment=None, restart=None)"
    )]
    fn add_agent_async<'py>(
        &self,
        py: Python<'py>,
        name: Text,
        script: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.adding_agent(name, script, options).awaitable(py)
    }

    /// Makes a job that runs an agent, which is given as such, by its id or by its name.
    ///
    /// It runs by cron expression (in a time zone, UTC by default), every so often (from an anchor, now by default), at
    /// one instant, or, with none of these, only by run().
    #[pyo3(
        signature = (name, agent, **options),
        text_signature = "($self, name, agent, *, cron=None, zone=None, every=None, anchor=None, at=None, \
                          description=None, input=None, enabled=None, overlap=None, misfire=None, retry=None)"
    )]
    fn add_job(
        &self,
        py: Python<'_>,
        name: Text,
        agent: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Job> {
        self.adding_job(name, agent, options).block(py)
    }

    /// add_job(), to be awaited.
    #[pyo3(
        signature = (name, agent, **options),
        text_signature = "($self, name, agent, *, cron=None, zone=None, every=None, anchor=None, at=None, \
                          description=None, input=None, enabled=None, overlap=None, misfire=None, retry=None)"
    )]
    fn add_job_async<'py>(
        &self,
        py: Python<'py>,
        name: Text,
        agent: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.adding_job(name, agent, options).awaitable(py)
    }

    /// Queues one run now of a job, an agent or a script, with this input: a dict, whose members main() gets by name.
    ///
    /// A job brings an input of its own. A script runs by the agent that has its name, which is made with default
    /// limits when it is not there.
    #[pyo3(signature = (what, input=None))]
    fn run(&self, py: Python<'_>, what: &Bound<'_, PyAny>, input: Option<&Bound<'_, PyAny>>) -> PyResult<Execution> {
        self.running(what, input).block(py)
    }

    /// run(), to be awaited: it gives the execution once that is queued, not once it has ended.
    #[pyo3(signature = (what, input=None))]
    fn run_async<'py>(
        &self,
        py: Python<'py>,
        what: &Bound<'py, PyAny>,
        input: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.running(what, input).awaitable(py)
    }

    /// The script with this id or name.
    fn script(&self, py: Python<'_>, script: Text) -> PyResult<Script> {
        self.finding_script(script).block(py)
    }

    /// script(), to be awaited.
    fn script_async<'py>(&self, py: Python<'py>, script: Text) -> PyResult<Bound<'py, PyAny>> {
        self.finding_script(script).awaitable(py)
    }

    /// The agent with this id or name.
    fn agent(&self, py: Python<'_>, agent: Text) -> PyResult<Agent> {
        self.finding_agent(agent).block(py)
    }

    /// agent(), to be awaited.
    fn agent_async<'py>(&self, py: Python<'py>, agent: Text) -> PyResult<Bound<'py, PyAny>> {
        self.finding_agent(agent).awaitable(py)
    }

    /// The job with this id or name.
    fn job(&self, py: Python<'_>, job: Text) -> PyResult<Job> {
        self.finding_job(job).block(py)
    }

    /// job(), to be awaited.
    fn job_async<'py>(&self, py: Python<'py>, job: Text) -> PyResult<Bound<'py, PyAny>> {
        self.finding_job(job).awaitable(py)
    }

    /// The execution with this id.
    fn execution(&self, py: Python<'_>, execution: Text) -> PyResult<Execution> {
        self.finding_execution(execution).block(py)
    }

    /// execution(), to be awaited.
    fn execution_async<'py>(&self, py: Python<'py>, execution: Text) -> PyResult<Bound<'py, PyAny>> {
        self.finding_execution(execution).awaitable(py)
    }

    /// Every script, the oldest first.
    fn scripts(&self, py: Python<'_>) -> PyResult<Vec<Script>> {
        self.listing_scripts().block(py)
    }

    /// scripts(), to be awaited.
    fn scripts_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listing_scripts().awaitable(py)
    }

    /// Every agent, or every one that runs this script, the oldest first.
    #[pyo3(signature = (*, script=None))]
    fn agents(&self, py: Python<'_>, script: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Agent>> {
        self.listing_agents(script).block(py)
    }

    /// agents(), to be awaited.
    #[pyo3(signature = (*, script=None))]
    fn agents_async<'py>(&self, py: Python<'py>, script: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        self.listing_agents(script).awaitable(py)
    }

    /// Every job, or every one that runs this agent, the oldest first.
    #[pyo3(signature = (*, agent=None))]
    fn jobs(&self, py: Python<'_>, agent: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Job>> {
        self.listing_jobs(agent).block(py)
    }

    /// jobs(), to be awaited.
    #[pyo3(signature = (*, agent=None))]
    fn jobs_async<'py>(&self, py: Python<'py>, agent: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        self.listing_jobs(agent).awaitable(py)
    }

    /// The newest executions, the newest first: of a job or an agent and in one status, if given; at most limit.
    #[pyo3(signature = (*, job=None, agent=None, status=None, limit=Whole::of(100)), text_signature = "($self, *, job=None, agent=None, status=None, limit=100)")]
    fn executions(
        &self,
        py: Python<'_>,
        job: Option<&Bound<'_, PyAny>>,
        agent: Option<&Bound<'_, PyAny>>,
        status: Option<&str>,
        limit: Whole,
    ) -> PyResult<Vec<Execution>> {
        self.listing_executions(job, agent, status, limit).block(py)
    }

    /// executions(), to be awaited.
    #[pyo3(signature = (*, job=None, agent=None, status=None, limit=Whole::of(100)), text_signature = "($self, *, job=None, agent=None, status=None, limit=100)")]
    fn executions_async<'py>(
        &self,
        py: Python<'py>,
        job: Option<&Bound<'py, PyAny>>,
        agent: Option<&Bound<'py, PyAny>>,
        status: Option<&str>,
        limit: Whole,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.listing_executions(job, agent, status, limit).awaitable(py)
    }

    /// The newest execution of a job, waiting until there is one that is newer than `after`, if that is given.
    ///
    /// After `timeout`, TimeoutError.
    #[pyo3(signature = (job, *, after=None, timeout=None))]
    fn next_execution(
        &self,
        py: Python<'_>,
        job: &Bound<'_, PyAny>,
        after: Option<&Bound<'_, Execution>>,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Execution> {
        self.awaiting_execution(job, after, timeout).block(py)
    }

    /// next_execution(), to be awaited.
    #[pyo3(signature = (job, *, after=None, timeout=None))]
    fn next_execution_async<'py>(
        &self,
        py: Python<'py>,
        job: &Bound<'py, PyAny>,
        after: Option<&Bound<'py, Execution>>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.awaiting_execution(job, after, timeout).awaitable(py)
    }

    /// The next instants of a job, whether it is enabled or not: aware datetimes in UTC, at most 200.
    #[pyo3(signature = (job, count=Whole::of(5)), text_signature = "($self, job, count=5)")]
    fn next_runs<'py>(&self, py: Python<'py>, job: &Bound<'py, PyAny>, count: Whole) -> PyResult<Bound<'py, PyAny>> {
        self.previewing_job(job, count).block(py)?.into_bound_py_any(py)
    }

    /// next_runs(), to be awaited.
    #[pyo3(signature = (job, count=Whole::of(5)), text_signature = "($self, job, count=5)")]
    fn next_runs_async<'py>(
        &self,
        py: Python<'py>,
        job: &Bound<'py, PyAny>,
        count: Whole,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.previewing_job(job, count).awaitable(py)
    }

    /// The next instants of a schedule, which is given as to add_job(): aware datetimes in UTC, at most 200.
    #[pyo3(
        signature = (count=Whole::of(5), **schedule),
        text_signature = "($self, count=5, *, cron=None, zone=None, every=None, anchor=None, at=None)"
    )]
    fn preview<'py>(
        &self,
        py: Python<'py>,
        count: Whole,
        schedule: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.previewing(count, schedule).block(py)?.into_bound_py_any(py)
    }

    /// preview(), to be awaited.
    #[pyo3(
        signature = (count=Whole::of(5), **schedule),
        text_signature = "($self, count=5, *, cron=None, zone=None, every=None, anchor=None, at=None)"
    )]
    fn preview_async<'py>(
        &self,
        py: Python<'py>,
        count: Whole,
        schedule: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.previewing(count, schedule).awaitable(py)
    }

    /// Reads the whole audit log and checks that nothing in it was changed, left out or added.
    fn verify_audit(&self, py: Python<'_>) -> PyResult<Verification> {
        self.verifying().block(py)
    }

    /// verify_audit(), to be awaited.
    fn verify_audit_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.verifying().awaitable(py)
    }

    /// Begins to run what is queued and to queue what is due, after open(…, start=False). A second call does nothing.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        self.handle.start().block(py)
    }

    /// start(), to be awaited.
    fn start_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.handle.start().awaitable(py)
    }

    /// Begins nothing new, waits up to `grace` (10 seconds) for what runs, stops that, and gives the folder back.
    ///
    /// What is stopped becomes "lost", and is tried again by its policy after the next opening. Whoever waits in
    /// another thread gets ShutDownError. A second call does nothing.
    #[pyo3(signature = (*, grace=None))]
    fn close(&self, py: Python<'_>, grace: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let grace = grace_of(grace).map_err(|failure| failure.into_exception(py))?;
        self.handle.close_blocking(py, grace)
    }

    /// close(), to be awaited.
    #[pyo3(signature = (*, grace=None))]
    fn close_async<'py>(&self, py: Python<'py>, grace: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        grace_of(grace).map(|grace| self.handle.close(grace)).awaitable(py)
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (kind, value, traceback, /))]
    fn __exit__(
        &self,
        py: Python<'_>,
        kind: Option<&Bound<'_, PyType>>,
        value: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = (value, traceback);
        self.handle.close_blocking(py, grace_after(kind)?)
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let this = slf.clone().unbind();
        Ok(Work::wait(async move { Ok(this) })).awaitable(slf.py())
    }

    #[pyo3(signature = (kind, value, traceback, /))]
    fn __aexit__<'py>(
        &self,
        py: Python<'py>,
        kind: Option<&Bound<'py, PyType>>,
        value: Option<&Bound<'py, PyAny>>,
        traceback: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = (value, traceback);
        Ok(self.handle.close(grace_after(kind)?)).awaitable(py)
    }

    fn __repr__(&self) -> String {
        let state = if self.handle.is_closed() { " closed" } else { "" };
        format!("<automa.Automa {:?}{state}>", self.handle.path())
    }
}

/// The grace that was given, or the usual one.
fn grace_of(given: Option<&Bound<'_, PyAny>>) -> Result<Duration> {
    given.map_or(Ok(GRACE), |given| time::duration("grace", given))
}

/// The grace of a block that was left: none when it was left in a hurry, as by Ctrl-C or a cancellation.
fn grace_after(raised: Option<&Bound<'_, PyType>>) -> PyResult<Duration> {
    let hurry = raised.map_or(Ok(false), |kind| kind.is_subclass_of::<PyException>().map(|ordinary| !ordinary))?;
    Ok(if hurry { Duration::ZERO } else { GRACE })
}
