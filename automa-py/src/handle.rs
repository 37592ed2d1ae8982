//! An open engine, shared by every Python object that came out of it.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use automa_core::automa::{Builder, Settings};
use automa_core::sandbox::Sandbox;
use automa_core::{Acting, Automa, Principal};
use pyo3::prelude::*;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::failure::{Failure, Result};
use crate::runtime::{Begun as _, Work};

/// Every engine that may be open, to be shut down when the interpreter ends.
static OPEN: Mutex<Vec<Weak<Handle>>> = Mutex::new(Vec::new());

/// The sandboxes of this process: the interpreter is loaded once, however many folders are open.
static SANDBOXES: LazyLock<Vec<Arc<dyn Sandbox>>> = LazyLock::new(automa_sandbox::sandboxes);

/// How an engine is opened.
pub(crate) struct Opening {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    pub(crate) workers: Option<usize>,
    pub(crate) start: bool,
}

/// An open engine. The last object that holds it shuts it down.
pub(crate) struct Handle {
    process: u32,
    path: PathBuf,
    engine: RwLock<Option<Engine>>,
    /// Cancelled when whoever still waits has waited in vain.
    closed: CancellationToken,
    /// Whoever uses the engine at this moment.
    uses: TaskTracker,
    /// Those of them who change something. Closed when nothing new may be changed.
    changes: TaskTracker,
}

struct Engine {
    automa: Automa,
    acting: Acting,
}

impl Handle {
    /// Opens the folder.
    pub(crate) fn open(opening: Opening) -> Work<Arc<Self>> {
        Work::change(async move {
            let defaults = Settings::default();
            let settings = Settings { workers: opening.workers.unwrap_or(defaults.workers), ..defaults };
            let builder = SANDBOXES.iter().cloned().fold(Automa::builder(), Builder::sandbox);
            let automa = builder.folder(&opening.path).settings(settings).open().await?;
            if opening.start {
                automa.start().await?;
            }
            let acting = automa.acting_as(Principal::owner(opening.name));
            let handle = Arc::new(Self {
                process: std::process::id(),
                path: opening.path,
                engine: RwLock::new(Some(Engine { automa, acting })),
                closed: CancellationToken::new(),
                uses: TaskTracker::new(),
                changes: TaskTracker::new(),
            });
            let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
            open.retain(|other| other.strong_count() > 0);
            open.push(Arc::downgrade(&handle));
            Ok(handle)
        })
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.engine.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// The time as the engine knows it.
    pub(crate) fn now(&self) -> Result<jiff::Timestamp> {
        self.with(|engine| engine.automa.now())
    }

    /// Changes something. Carried through even when nobody waits any more, and before the engine is closed, if the grace
    /// lasts so long.
    pub(crate) fn change<T, F>(&self, change: impl FnOnce(Acting) -> F) -> Result<Work<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let used = (self.uses.token(), self.changes.token());
        let acting = self.with(|engine| engine.acting.clone())?;
        if self.changes.is_closed() {
            return Err(Failure::Closed);
        }
        let future = change(acting);
        Ok(Work::change(async move {
            let _used = used;
            future.await
        }))
    }

    /// Reads something or waits for it. Ends when nobody waits any more, and when the engine is closed.
    pub(crate) fn read<T, F>(&self, read: impl FnOnce(Acting) -> F) -> Result<Work<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let used = self.uses.token();
        let closed = self.closed.clone();
        let future = read(self.with(|engine| engine.acting.clone())?);
        Ok(Work::wait(async move {
            let _used = used;
            tokio::select! {
                read = future => read,
                () = closed.cancelled() => Err(Failure::Closed),
            }
        }))
    }

    /// Begins to run what is queued and to queue what is due.
    pub(crate) fn start(&self) -> Result<Work<()>> {
        let automa = self.with(|engine| engine.automa.clone())?;
        self.change(|_| async move { Ok(automa.start().await?) })
    }

    /// Whether it belongs to another process: this one was forked from it.
    fn is_foreign(&self) -> bool {
        self.process != std::process::id()
    }

    fn with<T>(&self, ask: impl FnOnce(&Engine) -> T) -> Result<T> {
        if self.is_foreign() {
            return Err(Failure::Forked);
        }
        self.engine.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(ask).ok_or(Failure::Closed)
    }

    /// Begins nothing new, waits up to `grace` for what runs, then stops that, and gives the folder back, also when the
    /// engine fails to record its end. Does nothing the second time, or in a process that it was forked into.
    pub(crate) fn close(self: &Arc<Self>, grace: Duration) -> Work<()> {
        let handle = Arc::clone(self);
        Work::change(async move {
            let used = handle.uses.token();
            let Ok(automa) = handle.with(|engine| engine.automa.clone()) else { return Ok(()) };
            let begun = Instant::now();
            handle.changes.close();
            // First, because the engine breaks off a look at a new source when it stops. What takes longer than the
            // grace is broken off.
            let _ = tokio::time::timeout(grace, handle.changes.wait()).await;
            let recorded = automa.shutdown(grace.saturating_sub(begun.elapsed())).await;
            drop(automa);
            drop(used);
            handle.closed.cancel();
            handle.uses.close();
            handle.uses.wait().await;
            // Closing writes to the disk, and the folder is free when it returns.
            tokio::task::spawn_blocking(move || handle.drop_engine()).await.map_err(Failure::broken)?;
            Ok(recorded?)
        })
    }

    /// Closes and waits for that; a signal that raises ends the grace and not the closing.
    pub(crate) fn close_blocking(self: &Arc<Self>, py: Python<'_>, grace: Duration) -> PyResult<()> {
        if self.is_foreign() {
            return Ok(());
        }
        match Ok(self.close(grace)).block(py) {
            Err(raised) if !self.is_closed() => {
                // What the hurried closing says is less than what was raised.
                let _ = py.detach(|| self.close(Duration::ZERO).block_detached());
                Err(raised)
            }
            closed => closed,
        }
    }

    /// Drops the engine with the lock held, so that whoever closes at the same moment returns when it is gone, too.
    fn drop_engine(&self) {
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let Some(engine) = self.engine.get_mut().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if self.is_foreign() {
            // Its threads, and the folder, are the parent's.
            std::mem::forget(engine);
            return;
        }
        let ending = Work::<()>::change(async move {
            let recorded = engine.automa.shutdown(Duration::ZERO).await;
            tokio::task::spawn_blocking(move || drop(engine)).await.map_err(Failure::broken)?;
            Ok(recorded?)
        });
        // Nobody hears of a failure here; what was running is found and recovered at the next opening.
        if tokio::runtime::Handle::try_current().is_ok() {
            ending.detach();
        } else {
            let mut ending = Some(ending);
            Python::try_attach(|py| py.detach(|| ending.take().map(Work::block_detached)));
            let _ = ending.map(Work::block_detached);
        }
    }
}

/// Shuts down everything that is still open. Called when the interpreter ends.
#[pyfunction]
pub(crate) fn close_all(py: Python<'_>) {
    let open = std::mem::take(&mut *OPEN.lock().unwrap_or_else(PoisonError::into_inner));
    for handle in open.iter().filter_map(Weak::upgrade) {
        if !handle.is_foreign() {
            // There is nobody left to hear of a failure; the next opening recovers.
            let _ = py.detach(|| handle.close(Duration::ZERO).block_detached());
        }
    }
}
