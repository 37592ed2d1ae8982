//! Agents as Python objects.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use automa_core::Acting;
use automa_core::agent::{self as core, BackendChoice, RestartPolicy, VersionChoice};
use automa_core::automa::AgentSpec;
use automa_core::error::{Error, Invalid};
use automa_core::id::{AgentId, ScriptId};
use automa_core::json::JsonObject;
use automa_core::limits::Bytes;
use automa_core::name::{Description, Name};
use automa_core::permissions::Network;
use automa_core::script::VersionNumber;
use automa_core::store::Revision;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::args::{self, Checked, Keywords};
use crate::execution::Execution;
use crate::failure::{Failure, Result};
use crate::given::Whole;
use crate::handle::Handle;
use crate::json::{self, ToPython};
use crate::lookup::{Pointer, find};
use crate::runtime::{Begun as _, Work};
use crate::script::Script;
use crate::state::{State, hash, revision_of, until_fresh};
use crate::time::{self, Instant};

/// A script and how to run it: its configuration, what it may use up and what it may reach.
///
/// Its properties are what was last read; what its own methods change they show, and refresh() reads them again.
#[pyclass(frozen, module = "automa")]
pub(crate) struct Agent {
    handle: Arc<Handle>,
    state: State<core::Agent>,
}

/// What can be said of an agent in an update, or beside its name and script when it is made.
#[derive(Debug, Default)]
pub(crate) struct Change {
    name: Option<Name>,
    description: Option<Description>,
    script: Option<Pointer<ScriptId>>,
    version: Option<VersionChoice>,
    config: Option<JsonObject>,
    backend: Option<BackendChoice>,
    memory: Option<Bytes>,
    timeout: Option<Duration>,
    output: Option<Bytes>,
    scratch: Option<Bytes>,
    files: Option<u32>,
    processes: Option<u32>,
    cpu_millis: Option<u32>,
    network: Option<Network>,
    environment: Option<BTreeMap<String, String>>,
    restart: Option<RestartPolicy>,
    revision: Option<Revision>,
}

impl Change {
    /// Reads the keyword arguments of `add_agent`, into `checked` what is wrong with them.
    pub(crate) fn read_new(given: Option<&Bound<'_, PyDict>>, checked: &mut Checked) -> Result<Self> {
        Self::read(&Keywords::of("add_agent", given, &KEYWORDS[3..])?, checked)
    }

    fn read_update(given: Option<&Bound<'_, PyDict>>) -> Result<Self> {
        let mut checked = Checked::default();
        let given = Keywords::of("update", given, &KEYWORDS)?;
        let mut change = Self::read(&given, &mut checked)?;
        change.name = given.text("name", &mut checked)?;
        change.script = given.read("script", &mut checked, script_pointer)?;
        change.revision = revision_of(given.plain("revision")?)?;
        checked.finish(Some(change))
    }

    /// Reads what both have.
    fn read(given: &Keywords<'_, '_>, checked: &mut Checked) -> Result<Self> {
        Ok(Self {
            description: given.text("description", checked)?,
            version: given.read("version", checked, version)?,
            config: given.read("config", checked, json::object)?,
            backend: given.text("backend", checked)?,
            memory: given.read("memory", checked, args::size)?,
            timeout: given.read("timeout", checked, time::duration)?,
            output: given.read("output", checked, args::size)?,
            scratch: given.read("scratch", checked, args::size)?,
            files: given.read("files", checked, args::count)?,
            processes: given.read("processes", checked, args::count)?,
            cpu_millis: given.read("cpu_millis", checked, args::count)?,
            network: given.plain::<bool>("network")?.map(|full| if full { Network::Full } else { Network::None }),
            environment: given.read("environment", checked, args::environment)?,
            restart: given.text("restart", checked)?,
            ..Self::default()
        })
    }

    /// The specification with everything that was given put into it.
    pub(crate) fn put_into(&self, mut spec: AgentSpec) -> AgentSpec {
        fn put<T: Clone>(given: Option<&T>, place: &mut T) {
            if let Some(given) = given {
                place.clone_from(given);
            }
        }
        put(self.name.as_ref(), &mut spec.name);
        put(self.description.as_ref(), &mut spec.description);
        put(self.version.as_ref(), &mut spec.version);
        put(self.config.as_ref(), &mut spec.config);
        put(self.backend.as_ref(), &mut spec.backend);
        put(self.memory.as_ref(), &mut spec.limits.memory);
        put(self.timeout.as_ref(), &mut spec.limits.wall_time);
        put(self.output.as_ref(), &mut spec.limits.output);
        put(self.scratch.as_ref(), &mut spec.limits.scratch);
        put(self.files.as_ref(), &mut spec.limits.files);
        put(self.processes.as_ref(), &mut spec.limits.processes);
        put(self.cpu_millis.as_ref(), &mut spec.limits.cpu_millis);
        put(self.network.as_ref(), &mut spec.permissions.network);
        put(self.environment.as_ref(), &mut spec.permissions.environment);
        put(self.restart.as_ref(), &mut spec.restart);
        spec
    }

    async fn apply(&self, acting: &Acting, id: AgentId, script: Option<ScriptId>) -> Result<core::Agent, Error> {
        let now = acting.agent(id).await?;
        let expected = self.revision.unwrap_or(now.revision);
        let mut spec = self.put_into(spec_of(now));
        spec.script = script.unwrap_or(spec.script);
        acting.update_agent(id, spec, Some(expected)).await
    }
}

/// Every keyword argument of `update`; `add_agent` takes the first three otherwise.
const KEYWORDS: [&str; 17] = [
    "name",
    "script",
    "revision",
    "description",
    "version",
    "config",
    "backend",
    "memory",
    "timeout",
    "output",
    "scratch",
    "files",
    "processes",
    "cpu_millis",
    "network",
    "environment",
    "restart",
];

/// What is said of an agent at present.
fn spec_of(agent: core::Agent) -> AgentSpec {
    AgentSpec {
        name: agent.name,
        description: agent.description,
        script: agent.script,
        version: agent.version,
        config: agent.config,
        backend: agent.backend,
        limits: agent.limits,
        permissions: agent.permissions,
        restart: agent.restart,
    }
}

/// Reads a script, its id or its name.
pub(crate) fn script_pointer(field: &str, given: &Bound<'_, PyAny>) -> Result<Pointer<ScriptId>> {
    Pointer::read(field, given, |given| given.cast::<Script>().ok().map(|script| script.get().key()))
}

/// Reads which version of a script to run.
fn version(field: &str, given: &Bound<'_, PyAny>) -> Result<VersionChoice> {
    if given.extract::<String>().is_ok_and(|text| text == "latest") {
        return Ok(VersionChoice::Latest);
    }
    match given.extract::<u32>() {
        Ok(number) if number > 0 => Ok(VersionChoice::Pinned(VersionNumber(number))),
        Err(error) if error.is_instance_of::<PyTypeError>(given.py()) && given.extract::<String>().is_err() => {
            Err(Failure::Python(PyTypeError::new_err(format!("argument {field:?}: {}", error.value(given.py())))))
        }
        _ => Err(Invalid::new(field, "is no version; give \"latest\" or a number from 1").into()),
    }
}

impl Agent {
    pub(crate) fn new(handle: Arc<Handle>, agent: core::Agent) -> Self {
        Self { handle, state: State::new(agent) }
    }

    /// Its id.
    pub(crate) fn key(&self) -> AgentId {
        self.state.read(|it| it.id)
    }

    fn changing(&self, change: Change) -> Result<Work<()>> {
        let (id, state) = (self.key(), self.state.clone());
        self.handle.change(|acting| async move {
            let script = match change.script.clone() {
                Some(pointer) => Some(find::<automa_core::script::Script>(&acting, pointer).await?.id),
                None => None,
            };
            let (acting, change) = (&acting, &change);
            state.set(until_fresh(change.revision, || change.apply(acting, id, script)).await?);
            Ok(())
        })
    }

    fn deleting(&self, revision: Option<Whole>) -> Result<Work<()>> {
        let id = self.key();
        let expected = revision_of(revision)?;
        self.handle.change(|acting| async move { Ok(acting.delete_agent(id, expected).await?) })
    }

    fn starting(&self) -> Result<Work<Execution>> {
        let (id, state, handle) = (self.key(), self.state.clone(), Arc::clone(&self.handle));
        self.handle.change(|acting| async move {
            let execution = acting.start_agent(id).await?;
            state.set(acting.agent(id).await?);
            Ok(Execution::new(handle, execution))
        })
    }

    fn stopping(&self) -> Result<Work<()>> {
        let (id, state) = (self.key(), self.state.clone());
        self.handle.change(|acting| async move {
            state.set(acting.stop_agent(id).await?);
            Ok(())
        })
    }

    fn refreshing(&self) -> Result<Work<()>> {
        let (id, state) = (self.key(), self.state.clone());
        self.handle.read(|acting| async move {
            state.set(acting.agent(id).await?);
            Ok(())
        })
    }
}

#[pymethods]
impl Agent {
    /// Its id: a UUID, as text.
    #[getter]
    fn id(&self) -> String {
        self.key().to_string()
    }

    /// Its name; unique among agents, whatever the case.
    #[getter]
    fn name(&self) -> String {
        self.state.read(|it| it.name.to_string())
    }

    /// What it is for.
    #[getter]
    fn description(&self) -> String {
        self.state.read(|it| it.description.as_str().to_owned())
    }

    /// The id of the script that it runs.
    #[getter]
    fn script_id(&self) -> String {
        self.state.read(|it| it.script.to_string())
    }

    /// The version of the script that it always runs; None for the newest at the time.
    #[getter]
    fn version(&self) -> Option<u32> {
        self.state.read(|it| match it.version {
            VersionChoice::Latest => None,
            VersionChoice::Pinned(number) => Some(number.0),
        })
    }

    /// What the script reads as automa.config.
    #[getter]
    fn config(&self) -> ToPython {
        ToPython(self.state.read(|it| it.config.to_value()))
    }

    /// "auto", or the name of the sandbox it runs in.
    #[getter]
    fn backend(&self) -> String {
        self.state.read(|it| it.backend.to_string())
    }

    /// How much memory it may use, in bytes, the interpreter included.
    #[getter]
    fn memory(&self) -> u64 {
        self.state.read(|it| it.limits.memory.0)
    }

    /// How long one execution may take.
    #[getter]
    fn timeout(&self) -> Duration {
        self.state.read(|it| it.limits.wall_time)
    }

    /// How much one execution may print, in bytes.
    #[getter]
    fn output(&self) -> u64 {
        self.state.read(|it| it.limits.output.0)
    }

    /// How much one execution may keep below /scratch, in bytes.
    #[getter]
    fn scratch(&self) -> u64 {
        self.state.read(|it| it.limits.scratch.0)
    }

    /// How many files and folders one execution may keep below /scratch.
    #[getter]
    fn files(&self) -> u32 {
        self.state.read(|it| it.limits.files)
    }

    /// How many processes and threads one execution may have at once.
    #[getter]
    fn processes(&self) -> u32 {
        self.state.read(|it| it.limits.processes)
    }

    /// How much of the processors it may use, in thousandths of a core.
    #[getter]
    fn cpu_millis(&self) -> u32 {
        self.state.read(|it| it.limits.cpu_millis)
    }

    /// Whether it can reach the network.
    #[getter]
    fn network(&self) -> bool {
        self.state.read(|it| it.permissions.network != Network::None)
    }

    /// The environment variables it was given.
    #[getter]
    fn environment(&self) -> BTreeMap<String, String> {
        self.state.read(|it| it.permissions.environment.clone())
    }

    /// What happens when it was started and ends by itself: "never", "on_failure" or "always" runs it again.
    #[getter]
    fn restart(&self) -> &'static str {
        self.state.read(|it| it.restart.name())
    }

    /// Whether it was started and not stopped since.
    #[getter]
    fn started(&self) -> bool {
        self.state.read(core::Agent::is_started)
    }

    /// When it was made.
    #[getter]
    fn created_at(&self) -> Instant {
        Instant(self.state.read(|it| it.created_at))
    }

    /// When it was last changed.
    #[getter]
    fn updated_at(&self) -> Instant {
        Instant(self.state.read(|it| it.updated_at))
    }

    /// Counts its states. Given to update(), a change made meanwhile raises StaleError instead of being overwritten.
    #[getter]
    fn revision(&self) -> u64 {
        self.state.read(|it| it.revision.0)
    }

    /// Changes what is given and leaves the rest. With a revision, StaleError unless it is the present one.
    ///
    /// What runs already goes on as it was. version="latest" goes back to the newest version.
    #[pyo3(
        signature = (**changes),
        text_signature = "($self, *, name=None, script=None, revision=None, description=None, version=None, \
                          config=None, backend=None, memory=None, timeout=None, output=None, scratch=None, files=None, \
                          processes=None, cpu_millis=None, network=None, environment=None, restart=None)"
    )]
    fn update(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Change::read_update(changes).and_then(|change| self.changing(change)).block(py)
    }

    /// update(), to be awaited.
    #[pyo3(
        signature = (**changes),
        text_signature = "($self, *, name=None, script=None, revision=None, description=None, version=None, \
                          config=None, backend=None, memory=None, timeout=None, output=None, scratch=None, files=None, \
                          processes=None, cpu_millis=None, network=None, environment=None, restart=None)"
    )]
    fn update_async<'py>(&self, py: Python<'py>, changes: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        Change::read_update(changes).and_then(|change| self.changing(change)).awaitable(py)
    }

    /// Removes it. InUseError while a job runs it, or an execution of it is queued or running.
    #[pyo3(signature = (*, revision=None))]
    fn delete(&self, py: Python<'_>, revision: Option<Whole>) -> PyResult<()> {
        self.deleting(revision).block(py)
    }

    /// delete(), to be awaited.
    #[pyo3(signature = (*, revision=None))]
    fn delete_async<'py>(&self, py: Python<'py>, revision: Option<Whole>) -> PyResult<Bound<'py, PyAny>> {
        self.deleting(revision).awaitable(py)
    }

    /// Starts it: it runs until it ends by itself and its restart policy is content, or until stop().
    fn start(&self, py: Python<'_>) -> PyResult<Execution> {
        self.starting().block(py)
    }

    /// start(), to be awaited.
    fn start_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.starting().awaitable(py)
    }

    /// Stops it: nothing restarts it, and what start() began is cancelled.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.stopping().block(py)
    }

    /// stop(), to be awaited.
    fn stop_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.stopping().awaitable(py)
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
        self.state.read(|it| format!("<automa.Agent {:?}>", it.name.as_str()))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    fn __hash__(&self) -> u64 {
        hash(&self.key())
    }
}
