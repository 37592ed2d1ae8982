//! Executions as Python objects: waited for, read, cancelled.

use std::sync::Arc;
use std::time::Duration;

use automa_core::Acting;
use automa_core::execution as core;
use automa_core::id::ExecutionId;
use automa_core::sandbox::{self, Stream};
use automa_core::store::LogSeq;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::failure::{Failure, Result};
use crate::handle::Handle;
use crate::json::ToPython;
use crate::logs::Logs;
use crate::runtime::{Begun as _, Work};
use crate::state::{State, hash};
use crate::time::{self, Instant};

/// How many bytes of output are read at once.
const READ_BYTES: usize = 1024 * 1024;

/// One run of an agent.
///
/// Its properties are what was last read: wait() and cancel() read them anew, and so does refresh().
#[pyclass(frozen, module = "automa")]
pub(crate) struct Execution {
    handle: Arc<Handle>,
    state: State<core::Execution>,
}

/// What an execution used up; None where the sandbox cannot measure it.
#[pyclass(frozen, eq, module = "automa")]
#[derive(PartialEq, Eq)]
pub(crate) struct Usage(sandbox::Usage);

#[pymethods]
impl Usage {
    /// From the start of the script to its end.
    #[getter]
    fn wall_time(&self) -> Duration {
        self.0.wall_time
    }

    /// Processor time.
    #[getter]
    fn cpu_time(&self) -> Option<Duration> {
        self.0.cpu_time
    }

    /// The most memory at one time, in bytes.
    #[getter]
    fn peak_memory(&self) -> Option<u64> {
        self.0.peak_memory
    }

    /// stdout and stderr together, in bytes.
    #[getter]
    fn output_bytes(&self) -> u64 {
        self.0.output_bytes
    }

    fn __repr__(&self) -> String {
        let sandbox::Usage { wall_time, cpu_time, peak_memory, output_bytes } = &self.0;
        let seconds = |time: &Duration| format!("{:.6} s", time.as_secs_f64());
        let cpu_time = cpu_time.as_ref().map_or_else(|| "None".to_owned(), seconds);
        let peak_memory = peak_memory.map_or_else(|| "None".to_owned(), |bytes| bytes.to_string());
        let wall_time = seconds(wall_time);
        format!(
            "<automa.Usage wall_time={wall_time} cpu_time={cpu_time} peak_memory={peak_memory} \
             output_bytes={output_bytes}>"
        )
    }
}

/// Reads the name of a stream.
fn stream(name: Option<&str>) -> Result<Option<Stream>> {
    match name {
        None => Ok(None),
        Some("stdout") => Ok(Some(Stream::Stdout)),
        Some("stderr") => Ok(Some(Stream::Stderr)),
        Some(other) => {
            let message = format!("{other:?} is no stream; give \"stdout\", \"stderr\", or nothing for both");
            Err(automa_core::Invalid::new("stream", message).into())
        }
    }
}

/// Everything that an execution has written so far, of one stream or both.
async fn read_output(acting: &Acting, id: ExecutionId, stream: Option<Stream>) -> Result<Vec<u8>> {
    let (mut all, mut from) = (Vec::new(), LogSeq(0));
    loop {
        let chunks = acting.log(id, from, READ_BYTES).await?;
        let Some(last) = chunks.last() else { return Ok(all) };
        from = LogSeq(last.seq.0 + 1);
        for chunk in chunks.iter().filter(|chunk| stream.is_none_or(|stream| chunk.stream == stream)) {
            all.extend_from_slice(&chunk.bytes);
        }
    }
}

/// Output on its way to Python as `bytes`.
struct Output(Vec<u8>);

impl<'py> IntoPyObject<'py> for Output {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = std::convert::Infallible;

    fn into_pyobject(self, py: Python<'py>) -> std::result::Result<Self::Output, Self::Error> {
        Ok(PyBytes::new(py, &self.0))
    }
}

impl Execution {
    pub(crate) fn new(handle: Arc<Handle>, execution: core::Execution) -> Self {
        Self { handle, state: State::new(execution) }
    }

    /// Its id.
    pub(crate) fn key(&self) -> ExecutionId {
        self.state.read(|it| it.id)
    }

    fn waiting(&self, timeout: Option<&Bound<'_, PyAny>>) -> Result<Work<()>> {
        let timeout = timeout.map(|given| time::duration("timeout", given)).transpose()?;
        let (id, state) = (self.key(), self.state.clone());
        self.handle.read(|acting| async move {
            let Some(timeout) = timeout else {
                state.set(acting.wait(id).await?);
                return Ok(());
            };
            match tokio::time::timeout(timeout, acting.wait(id)).await {
                Ok(ended) => state.set(ended?),
                Err(_) => {
                    state.set(acting.execution(id).await?);
                    let status = state.read(core::Execution::status);
                    if !status.is_terminal() {
                        let text = format!("execution {id} is still {status} after {timeout:?}; it goes on");
                        return Err(Failure::TimedOut(text));
                    }
                }
            }
            Ok(())
        })
    }

    fn cancelling(&self) -> Result<Work<()>> {
        let (id, state) = (self.key(), self.state.clone());
        self.handle.change(|acting| async move {
            state.set(acting.cancel_execution(id).await?);
            Ok(())
        })
    }

    fn refreshing(&self) -> Result<Work<()>> {
        let (id, state) = (self.key(), self.state.clone());
        self.handle.read(|acting| async move {
            state.set(acting.execution(id).await?);
            Ok(())
        })
    }

    fn reading(&self, stream: Option<Stream>) -> Result<Work<Output>> {
        let id = self.key();
        self.handle.read(move |acting| async move { read_output(&acting, id, stream).await.map(Output) })
    }

    fn text(&self, py: Python<'_>, stream: Stream) -> PyResult<String> {
        let Output(bytes) = self.reading(Some(stream)).block(py)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[pymethods]
impl Execution {
    /// Its id: a UUID, as text.
    #[getter]
    fn id(&self) -> String {
        self.key().to_string()
    }

    /// Where it is in its life: "queued", "running", or how it ended.
    #[getter]
    fn status(&self) -> &'static str {
        self.state.read(|it| it.status().name())
    }

    /// Whether it has ended.
    #[getter]
    fn done(&self) -> bool {
        self.state.read(|it| it.status().is_terminal())
    }

    /// What the script returned from main(), or gave to automa.set_result(); None before its end, or without one.
    #[getter]
    fn result(&self) -> Option<ToPython> {
        self.state.read(|it| it.result().map(|result| ToPython(result.value().clone())))
    }

    /// The script's exit code; None unless it ended with one.
    #[getter]
    fn exit_code(&self) -> Option<i32> {
        self.state.read(core::Execution::exit_code)
    }

    /// Why it ended as it did, in one line; None when it succeeded.
    #[getter]
    fn reason(&self) -> Option<String> {
        self.state.read(|it| it.reason().map(str::to_owned))
    }

    /// What it used up; all zero before its end.
    #[getter]
    fn usage(&self) -> Usage {
        Usage(self.state.read(|it| *it.usage()))
    }

    /// The sandbox that ran it; None before its end.
    #[getter]
    fn backend(&self) -> Option<String> {
        self.state.read(|it| it.backend().map(str::to_owned))
    }

    /// Which attempt at the same work it is, from 1.
    #[getter]
    fn attempt(&self) -> u32 {
        self.state.read(|it| it.attempt)
    }

    /// Why it came to be: "schedule", "manual" or "start".
    #[getter]
    fn origin(&self) -> &'static str {
        self.state.read(|it| it.spec.origin.name())
    }

    /// What the script got.
    #[getter]
    fn input(&self) -> ToPython {
        ToPython(self.state.read(|it| it.spec.input.to_value()))
    }

    /// The id of the agent.
    #[getter]
    fn agent_id(&self) -> String {
        self.state.read(|it| it.spec.agent.to_string())
    }

    /// The id of the job; None when no job asked for it.
    #[getter]
    fn job_id(&self) -> Option<String> {
        self.state.read(|it| it.spec.job.map(|id| id.to_string()))
    }

    /// The id of the script.
    #[getter]
    fn script_id(&self) -> String {
        self.state.read(|it| it.spec.script.to_string())
    }

    /// The version of the script.
    #[getter]
    fn version(&self) -> u32 {
        self.state.read(|it| it.spec.version.0)
    }

    /// The instant that the schedule planned; None when none did.
    #[getter]
    fn scheduled_at(&self) -> Option<Instant> {
        self.state.read(|it| it.spec.scheduled_at).map(Instant)
    }

    /// When it was made.
    #[getter]
    fn queued_at(&self) -> Instant {
        Instant(self.state.read(|it| it.queued_at))
    }

    /// When a worker took it; None before.
    #[getter]
    fn started_at(&self) -> Option<Instant> {
        self.state.read(core::Execution::started_at).map(Instant)
    }

    /// When it ended; None before.
    #[getter]
    fn ended_at(&self) -> Option<Instant> {
        self.state.read(core::Execution::ended_at).map(Instant)
    }

    /// What it has printed to standard output so far, read now. What is not UTF-8 shows as U+FFFD.
    #[getter]
    fn stdout(&self, py: Python<'_>) -> PyResult<String> {
        self.text(py, Stream::Stdout)
    }

    /// What it has printed to standard error so far, read now. What is not UTF-8 shows as U+FFFD.
    #[getter]
    fn stderr(&self, py: Python<'_>) -> PyResult<String> {
        self.text(py, Stream::Stderr)
    }

    /// What it has printed so far, byte for byte: of "stdout", of "stderr", or of both as they came.
    #[pyo3(signature = (stream=None))]
    fn output<'py>(&self, py: Python<'py>, stream: Option<&str>) -> PyResult<Bound<'py, PyBytes>> {
        let Output(bytes) = self::stream(stream).and_then(|stream| self.reading(stream)).block(py)?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// output(), to be awaited.
    #[pyo3(signature = (stream=None))]
    fn output_async<'py>(&self, py: Python<'py>, stream: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        self::stream(stream).and_then(|stream| self.reading(stream)).awaitable(py)
    }

    /// What it prints, as it comes: pairs of the stream's name and text, for `for` and for `async for`.
    ///
    /// Ends with the execution; with follow=False, with what is there. With raw=True the pairs hold bytes.
    #[pyo3(signature = (*, follow=true, raw=false))]
    fn logs(&self, follow: bool, raw: bool) -> Logs {
        Logs::new(Arc::clone(&self.handle), self.key(), follow, raw)
    }

    /// Waits until it has ended and gives it back. After `timeout`, TimeoutError; the execution goes on.
    #[pyo3(signature = (timeout=None))]
    fn wait<'py>(slf: &Bound<'py, Self>, timeout: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, Self>> {
        slf.get().waiting(timeout).block(slf.py())?;
        Ok(slf.clone())
    }

    /// wait(), to be awaited. Cancelling it stops the waiting, not the execution.
    #[pyo3(signature = (timeout=None))]
    fn wait_async<'py>(slf: &Bound<'py, Self>, timeout: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let this = slf.clone().unbind();
        slf.get().waiting(timeout).map(|work| work.map(move |()| this)).awaitable(slf.py())
    }

    /// Asks for its end: what is queued has ended then, what runs ends soon after. StateError when it has ended.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        self.cancelling().block(py)
    }

    /// cancel(), to be awaited.
    fn cancel_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.cancelling().awaitable(py)
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
        self.state.read(|it| format!("<automa.Execution {} {}>", it.id, it.status()))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    fn __hash__(&self) -> u64 {
        hash(&self.key())
    }
}
