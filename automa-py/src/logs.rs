//! The output of an execution as it comes, for `for` and for `async for`.

use std::collections::VecDeque;
use std::sync::Arc;

use automa_core::Acting;
use automa_core::id::ExecutionId;
use automa_core::sandbox::Stream;
use automa_core::store::{LogChunk, LogSeq};
use pyo3::exceptions::{PyStopAsyncIteration, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple, PyType};
use tokio::sync::Mutex;

use crate::failure::Result;
use crate::handle::Handle;
use crate::runtime::{Begun as _, Work};

/// How many bytes are read at once.
const READ_BYTES: usize = 256 * 1024;

/// What an execution prints, as it comes: pairs of the stream's name and what was written to it.
#[pyclass(frozen, module = "automa")]
pub(crate) struct Logs {
    handle: Arc<Handle>,
    id: ExecutionId,
    follow: bool,
    progress: Arc<Mutex<Progress>>,
}

/// How far it was read. It holds nothing of the engine, so that an iterator that lies around keeps no folder open.
struct Progress {
    next: LogSeq,
    ready: VecDeque<Piece>,
    /// `None` while bytes are wanted as they are.
    text: Option<[Decoder; 2]>,
    ended: bool,
}

/// Some output.
enum Piece {
    Text(Stream, String),
    Bytes(Stream, Vec<u8>),
}

/// Makes text of the bytes of one stream, of which a character may come in two chunks.
#[derive(Default)]
struct Decoder {
    /// The beginning of a character whose end has not come yet: three bytes at most.
    rest: Vec<u8>,
}

impl Decoder {
    fn decode(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let mut complete = self.rest.len();
        // An incomplete character stands in the last three bytes, and its error has no length.
        for from in (complete.saturating_sub(3)..complete).rev() {
            if let Err(error) = std::str::from_utf8(&self.rest[from..])
                && error.error_len().is_none()
                && error.valid_up_to() == 0
            {
                complete = from;
                break;
            }
        }
        let late = self.rest.split_off(complete);
        let early = std::mem::replace(&mut self.rest, late);
        String::from_utf8_lossy(&early).into_owned()
    }

    fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned()
    }
}

impl Progress {
    fn take(&mut self, chunk: LogChunk) {
        self.next = LogSeq(chunk.seq.0 + 1);
        match &mut self.text {
            None => self.ready.push_back(Piece::Bytes(chunk.stream, chunk.bytes)),
            Some(decoders) => {
                let text = decoders[usize::from(chunk.stream == Stream::Stderr)].decode(&chunk.bytes);
                if !text.is_empty() {
                    self.ready.push_back(Piece::Text(chunk.stream, text));
                }
            }
        }
    }

    fn end(&mut self) {
        self.ended = true;
        let streams = [Stream::Stdout, Stream::Stderr];
        for (stream, decoder) in streams.into_iter().zip(self.text.iter_mut().flatten()) {
            let text = decoder.finish();
            if !text.is_empty() {
                self.ready.push_back(Piece::Text(stream, text));
            }
        }
    }

    /// The next piece; `None` at the end. Dropping the future while it waits loses nothing.
    async fn advance(&mut self, acting: &Acting, id: ExecutionId, follow: bool) -> Result<Option<Piece>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            if self.ended {
                return Ok(None);
            }
            let chunks = acting.log(id, self.next, READ_BYTES).await?;
            if !chunks.is_empty() {
                chunks.into_iter().for_each(|chunk| self.take(chunk));
            } else if !follow {
                self.end();
            } else {
                match acting.follow_log(id, self.next).await?.next().await? {
                    Some(chunk) => self.take(chunk),
                    None => self.end(),
                }
            }
        }
    }
}

impl Logs {
    pub(crate) fn new(handle: Arc<Handle>, id: ExecutionId, follow: bool, raw: bool) -> Self {
        let text = if raw { None } else { Some(<[Decoder; 2]>::default()) };
        let progress = Progress { next: LogSeq(0), ready: VecDeque::new(), text, ended: false };
        Self { handle, id, follow, progress: Arc::new(Mutex::new(progress)) }
    }

    fn advancing(&self) -> Result<Work<Option<Piece>>> {
        let (id, follow, progress) = (self.id, self.follow, Arc::clone(&self.progress));
        self.handle.read(move |acting| async move { progress.lock().await.advance(&acting, id, follow).await })
    }
}

impl<'py> IntoPyObject<'py> for Piece {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        match self {
            Self::Text(stream, text) => (stream.name(), PyString::new(py, &text)).into_pyobject(py),
            Self::Bytes(stream, bytes) => (stream.name(), PyBytes::new(py, &bytes)).into_pyobject(py),
        }
    }
}

/// A piece that a coroutine gets, or the end.
struct Awaited(Option<Piece>);

impl<'py> IntoPyObject<'py> for Awaited {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        self.0.ok_or_else(|| PyStopAsyncIteration::new_err(()))?.into_pyobject(py)
    }
}

#[pymethods]
impl Logs {
    /// For annotations: Logs[str], or Logs[bytes] with raw=True.
    #[classmethod]
    fn __class_getitem__<'py>(cls: &Bound<'py, PyType>, item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        cls.py().import("types")?.getattr("GenericAlias")?.call1((cls, item))
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.advancing().block(py)?.ok_or_else(|| PyStopIteration::new_err(()))?.into_pyobject(py)
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.advancing().map(|work| work.map(Awaited)).awaitable(py)
    }
}
