//! Scripts as Python objects.

use std::sync::Arc;

use automa_core::Acting;
use automa_core::automa::ScriptSpec;
use automa_core::error::{Error, Invalid};
use automa_core::id::ScriptId;
use automa_core::script::{self as core, Source, VersionNumber};
use automa_core::store::Revision;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::args::{self, Checked, Keywords};
use crate::failure::Result;
use crate::given::Whole;
use crate::handle::Handle;
use crate::runtime::{Begun as _, Work};
use crate::state::{State, hash, revision_of, until_fresh};
use crate::time::Instant;

/// A Python program with a name. Each upload makes a version of it, which never changes.
///
/// Its properties are what was last read; what its own methods change they show, and refresh() reads them again.
#[pyclass(frozen, module = "automa")]
pub(crate) struct Script {
    handle: Arc<Handle>,
    state: State<core::Script>,
}

/// What an update changes.
#[derive(Debug, Default)]
struct Change {
    name: Option<automa_core::name::Name>,
    description: Option<automa_core::name::Description>,
    source: Option<Source>,
    revision: Option<Revision>,
}

impl Change {
    fn read(given: Option<&Bound<'_, PyDict>>) -> Result<Self> {
        let given = Keywords::of("update", given, &["name", "description", "source", "revision"])?;
        let mut checked = Checked::default();
        let change = Self {
            name: given.text("name", &mut checked)?,
            description: given.text("description", &mut checked)?,
            source: given.read("source", &mut checked, |_, source| args::source(source))?,
            revision: revision_of(given.plain("revision")?)?,
        };
        checked.finish(Some(change))
    }

    async fn apply(&self, acting: &Acting, id: ScriptId) -> Result<core::Script, Error> {
        let now = acting.script(id).await?;
        let spec = ScriptSpec {
            name: self.name.clone().unwrap_or(now.name),
            description: self.description.clone().unwrap_or(now.description),
        };
        let expected = self.revision.unwrap_or(now.revision);
        acting.update_script(id, Some(spec), self.source.clone(), Some(expected)).await
    }
}

impl Script {
    pub(crate) fn new(handle: Arc<Handle>, script: core::Script) -> Self {
        Self { handle, state: State::new(script) }
    }

    /// Its id.
    pub(crate) fn key(&self) -> ScriptId {
        self.state.read(|it| it.id)
    }

    /// The script as it was last read.
    pub(crate) fn last_read(&self) -> core::Script {
        self.state.read(Clone::clone)
    }

    fn changing(&self, change: Change) -> Result<Work<()>> {
        let (id, state) = (self.key(), self.state.clone());
        self.handle.change(|acting| async move {
            let (acting, change) = (&acting, &change);
            let changed = until_fresh(change.revision, || change.apply(acting, id)).await?;
            state.set(changed);
            Ok(())
        })
    }

    fn deleting(&self, revision: Option<Whole>) -> Result<Work<()>> {
        let id = self.key();
        let expected = revision_of(revision)?;
        self.handle.change(|acting| async move { Ok(acting.delete_script(id, expected).await?) })
    }

    fn refreshing(&self) -> Result<Work<()>> {
        let (id, state) = (self.key(), self.state.clone());
        self.handle.read(|acting| async move {
            state.set(acting.script(id).await?);
            Ok(())
        })
    }

    fn reading(&self, version: Option<Whole>) -> Result<Work<String>> {
        let (id, newest) = self.state.read(|it| (it.id, it.latest));
        let number = match version.map(|version| version.get("version")).transpose()? {
            Some(0) => return Err(Invalid::new("version", "0 is no version; they count from 1").into()),
            Some(number) => VersionNumber(number),
            None => newest,
        };
        self.handle
            .read(move |acting| async move { Ok(acting.script_version(id, number).await?.source.as_str().to_owned()) })
    }

    fn upload_of(source: &Bound<'_, PyAny>, revision: Option<Whole>) -> Result<Change> {
        let source = Some(args::source(source)?);
        Ok(Change { source, revision: revision_of(revision)?, ..Change::default() })
    }
}

#[pymethods]
impl Script {
    /// Its id: a UUID, as text.
    #[getter]
    fn id(&self) -> String {
        self.key().to_string()
    }

    /// Its name; unique among scripts, whatever the case.
    #[getter]
    fn name(&self) -> String {
        self.state.read(|it| it.name.to_string())
    }

    /// What it is for.
    #[getter]
    fn description(&self) -> String {
        self.state.read(|it| it.description.as_str().to_owned())
    }

    /// The number of its newest version, from 1.
    #[getter]
    fn version(&self) -> u32 {
        self.state.read(|it| it.latest.0)
    }

    /// The name that its tracebacks show, such as "report.py".
    #[getter]
    fn file_name(&self) -> String {
        self.state.read(core::Script::file_name)
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

    /// Adds a version: its source as text or bytes, or the pathlib.Path of a file.
    #[pyo3(signature = (source, *, revision=None))]
    fn upload(&self, py: Python<'_>, source: &Bound<'_, PyAny>, revision: Option<Whole>) -> PyResult<()> {
        Self::upload_of(source, revision).and_then(|change| self.changing(change)).block(py)
    }

    /// upload(), to be awaited.
    #[pyo3(signature = (source, *, revision=None))]
    fn upload_async<'py>(
        &self,
        py: Python<'py>,
        source: &Bound<'py, PyAny>,
        revision: Option<Whole>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::upload_of(source, revision).and_then(|change| self.changing(change)).awaitable(py)
    }

    /// Changes what is given: name, description, source. With a revision, StaleError unless it is the present one.
    #[pyo3(
        signature = (**changes),
        text_signature = "($self, *, name=None, description=None, source=None, revision=None)"
    )]
    fn update(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Change::read(changes).and_then(|change| self.changing(change)).block(py)
    }

    /// update(), to be awaited.
    #[pyo3(
        signature = (**changes),
        text_signature = "($self, *, name=None, description=None, source=None, revision=None)"
    )]
    fn update_async<'py>(&self, py: Python<'py>, changes: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        Change::read(changes).and_then(|change| self.changing(change)).awaitable(py)
    }

    /// Removes it and its versions. InUseError while an agent runs it.
    #[pyo3(signature = (*, revision=None))]
    fn delete(&self, py: Python<'_>, revision: Option<Whole>) -> PyResult<()> {
        self.deleting(revision).block(py)
    }

    /// delete(), to be awaited.
    #[pyo3(signature = (*, revision=None))]
    fn delete_async<'py>(&self, py: Python<'py>, revision: Option<Whole>) -> PyResult<Bound<'py, PyAny>> {
        self.deleting(revision).awaitable(py)
    }

    /// The source of a version; of the newest that was read, without one.
    #[pyo3(signature = (version=None))]
    fn source(&self, py: Python<'_>, version: Option<Whole>) -> PyResult<String> {
        self.reading(version).block(py)
    }

    /// source(), to be awaited.
    #[pyo3(signature = (version=None))]
    fn source_async<'py>(&self, py: Python<'py>, version: Option<Whole>) -> PyResult<Bound<'py, PyAny>> {
        self.reading(version).awaitable(py)
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
        self.state.read(|it| format!("<automa.Script {:?} version {}>", it.name.as_str(), it.latest))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    fn __hash__(&self) -> u64 {
        hash(&self.key())
    }
}
