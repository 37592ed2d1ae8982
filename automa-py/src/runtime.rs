//! How Python waits for the engine: in a thread, with Ctrl-C working and other threads going on, or in asyncio.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::PyAny;
use tokio::runtime::Runtime;
use tokio::task::{AbortHandle, JoinHandle};

use crate::failure::{Failure, Result};

/// How long Python's main thread waits without looking for a signal, such as Ctrl-C.
const SLICE: Duration = Duration::from_millis(50);

/// The threads that all engines of this process share, and the process that they belong to.
struct Shared {
    process: u32,
    runtime: Runtime,
}

/// The runtime, made at its first use.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    static SHARED: OnceLock<std::result::Result<Shared, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.enable_all().thread_name("automa").build().map_err(|error| error.to_string())?;
        Ok(Shared { process: std::process::id(), runtime })
    });
    match shared {
        // A fork copies the memory and not the threads: whatever waits for them waits for ever.
        Ok(shared) if shared.process != std::process::id() => Err(Failure::Forked),
        Ok(shared) => {
            // A second time it refuses, and has the same one.
            let _ = pyo3_async_runtimes::tokio::init_with_runtime(&shared.runtime);
            Ok(&shared.runtime)
        }
        Err(text) => Err(Failure::broken(format_args!("failed to start threads: {text}"))),
    }
}

/// Something to be done or waited for, that knows both ways of waiting.
pub(crate) struct Work<T> {
    future: Pin<Box<dyn Future<Output = Result<T>> + Send>>,
    /// Whether it ends with the waiting: a wait does, a change goes on to its end.
    ends_with_waiting: bool,
}

impl<T: Send + 'static> Work<T> {
    /// A change: it is carried through even when nobody waits for it any more.
    pub(crate) fn change(future: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self { future: Box::pin(future), ends_with_waiting: false }
    }

    /// A wait or a read: it ends when nobody waits for it any more.
    pub(crate) fn wait(future: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self { future: Box::pin(future), ends_with_waiting: true }
    }

    /// The same with what it gives converted.
    pub(crate) fn map<U: Send + 'static>(self, convert: impl FnOnce(T) -> U + Send + 'static) -> Work<U> {
        let Self { future, ends_with_waiting } = self;
        Work { future: Box::pin(async move { future.await.map(convert) }), ends_with_waiting }
    }

    fn block(self, py: Python<'_>) -> Result<T> {
        let runtime = runtime()?;
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(Failure::broken(
                "a method that waits was called from the engine's own thread; use its async twin",
            ));
        }
        let mut task = runtime.spawn(self.future);
        let _ending = self.ends_with_waiting.then(|| AbortOnDrop(task.abort_handle()));
        loop {
            let slice = py.detach(|| runtime.block_on(async { tokio::time::timeout(SLICE, &mut task).await }));
            match slice {
                Ok(joined) => return joined.unwrap_or_else(|error| Err(panicked(&error))),
                Err(_) if hears_signals(py).map_err(Failure::Python)? => {
                    py.check_signals().map_err(Failure::Python)?;
                }
                Err(_) => return py.detach(|| runtime.block_on(join(task))),
            }
        }
    }

    /// Waits in this thread, which is not attached to Python, whatever signals come.
    pub(crate) fn block_detached(self) -> Result<T> {
        let runtime = runtime()?;
        runtime.block_on(join(runtime.spawn(self.future)))
    }

    /// Goes on by itself; what it gives is dropped.
    pub(crate) fn detach(self) {
        if let Ok(runtime) = runtime() {
            drop(runtime.spawn(self.future));
        }
    }
}

/// Both ways of waiting for work, if it could be begun.
pub(crate) trait Begun<T> {
    /// Waits in this thread. Other Python threads go on; a signal's handler runs, and ends the waiting if it raises.
    fn block(self, py: Python<'_>) -> PyResult<T>;

    /// Gives an `asyncio.Future` of the running loop. Cancelling it stops the waiting.
    fn awaitable<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>>
    where
        T: for<'any> IntoPyObject<'any>;
}

impl<T: Send + 'static> Begun<T> for Result<Work<T>> {
    fn block(self, py: Python<'_>) -> PyResult<T> {
        self.and_then(|work| work.block(py)).map_err(|failure| failure.into_exception(py))
    }

    fn awaitable<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>>
    where
        T: for<'any> IntoPyObject<'any>,
    {
        // The loop first: without one there is nobody to tell, and nothing is begun.
        let locals = pyo3_async_runtimes::tokio::get_current_locals(py)?;
        let (work, runtime) =
            self.and_then(|work| Ok((work, runtime()?))).map_err(|failure| failure.into_exception(py))?;
        // A task of its own, begun at once, so that a cancellation undoes neither a change nor half of one.
        let task = runtime.spawn(work.future);
        let ending = work.ends_with_waiting.then(|| AbortOnDrop(task.abort_handle()));
        pyo3_async_runtimes::tokio::future_into_py_with_locals(py, locals, async move {
            let _ending = ending;
            Ok(Answer(join(task).await))
        })
    }
}

/// Whether handlers of signals run in this thread. They do in Python's main thread only, and no other need wake for them.
///
/// # Errors
///
/// What such a handler raises: this runs a little Python, and that is where a handler's turn comes.
fn hears_signals(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    threading.call_method0("get_ident")?.eq(main)
}

async fn join<T>(task: JoinHandle<Result<T>>) -> Result<T> {
    task.await.unwrap_or_else(|error| Err(panicked(&error)))
}

fn panicked(error: &tokio::task::JoinError) -> Failure {
    Failure::broken(format_args!("Automa failed in a way it should not; please report it: {error}"))
}

/// Ends a task with the interest in it.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a coroutine gets. Converted by the thread that is attached to Python, never by the engine's.
struct Answer<T>(Result<T>);

impl<'py, T: IntoPyObject<'py>> IntoPyObject<'py> for Answer<T> {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        match self.0 {
            Ok(value) => value.into_bound_py_any(py),
            Err(failure) => Err(failure.into_exception(py)),
        }
    }
}
