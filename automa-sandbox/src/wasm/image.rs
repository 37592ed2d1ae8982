//! The loaded guest, and the instances that are made of it: some ready ahead, each used once.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;
use wasmtime::{Engine, Store};

use super::cache::{Cache, LoadError, Origin};
use super::engine;
use super::guest::Guest;
use super::host::bindings::{Guest as Instance, GuestPre};
use super::host::{CALL_BYTES_MAX, Host};
use super::state::RunState;
use super::ticker::Ticker;

/// The memory that an instance may have while it is prepared, before its task and its limit are known.
const PREPARING_MEMORY: u64 = 64 * 1024 * 1024;

/// An instance that no script has run in yet.
pub(super) struct Fresh {
    pub(super) store: Store<Host>,
    pub(super) instance: Instance,
}

/// The guest in machine code, linked, ready to be instantiated.
pub(super) struct Image {
    engine: Engine,
    guest: GuestPre<Host>,
    ticker: Ticker,
    origin: Origin,
    spares: Mutex<Vec<Fresh>>,
    spares_max: usize,
    workers: usize,
    /// How many runs are under way.
    runs: AtomicUsize,
    /// A task that makes spares is under way.
    stocking: AtomicBool,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Image {
    /// Loads the guest: milliseconds from the cache, about ten seconds when it has to be compiled. Blocks.
    pub(super) fn load(folder: &Path, guest: &Guest, spares_max: usize, workers: usize) -> Result<Self, LoadError> {
        let engine = engine::engine().map_err(LoadError::Compile)?;
        let (component, origin) = Cache::new(folder, &engine, guest).load(&engine, guest)?;
        let linked = engine::linker(&engine).and_then(|linker| linker.instantiate_pre(&component));
        let guest = linked.and_then(GuestPre::new).map_err(LoadError::Compile)?;
        let ticker = Ticker::start(engine.weak()).map_err(|error| LoadError::Compile(error.into()))?;
        let spares = Mutex::new(Vec::with_capacity(spares_max));
        let (runs, stocking) = (AtomicUsize::new(0), AtomicBool::new(false));
        Ok(Self { engine, guest, ticker, origin, spares, spares_max, workers, runs, stocking })
    }

    /// Where the machine code came from.
    pub(super) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The clock of all runs.
    pub(super) const fn ticker(&self) -> &Ticker {
        &self.ticker
    }

    /// An instance that waits for its task, if there is one.
    pub(super) fn spare(&self) -> Option<Fresh> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Counts a run that begins.
    pub(super) fn begin(&self) {
        self.runs.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a run that is over.
    pub(super) fn end(&self) {
        self.runs.fetch_sub(1, Ordering::Relaxed);
    }

    /// Sees to it that there are spare instances soon, unless somebody does already, or runs need every worker: making
    /// one ahead costs more than making one when it is needed, and only pays in time that nobody else wants.
    pub(super) fn stock(self: &Arc<Self>, runtime: &Handle) {
        if self.runs.load(Ordering::Relaxed) < self.workers
            && self.lacks_spares()
            && !self.stocking.swap(true, Ordering::AcqRel)
        {
            let image = Arc::clone(self);
            runtime.spawn(async move {
                while image.lacks_spares() {
                    match image.prepare().await {
                        Ok(fresh) => image.spares.lock().unwrap_or_else(PoisonError::into_inner).push(fresh),
                        Err(error) => {
                            tracing::warn!("failed to make a spare instance: {error:#}");
                            break;
                        }
                    }
                }
                image.stocking.store(false, Ordering::Release);
            });
        }
    }

    fn lacks_spares(&self) -> bool {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner).len() < self.spares_max
    }

    /// A new instance that has done ahead what every run needs.
    async fn prepare(&self) -> wasmtime::Result<Fresh> {
        let mut fresh = self.instantiate().await?;
        let Fresh { store, instance } = &mut fresh;
        Metered::new(instance.call_warm(store), &self.ticker, None).await?;
        Ok(fresh)
    }

    /// A new instance.
    pub(super) async fn instantiate(&self) -> wasmtime::Result<Fresh> {
        let mut store = Store::new(&self.engine, Host::new(PREPARING_MEMORY));
        store.limiter(|host| host);
        store.set_hostcall_fuel(CALL_BYTES_MAX);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let instance = Metered::new(self.guest.instantiate_async(&mut store), &self.ticker, None).await?;
        Ok(Fresh { store, instance })
    }
}

/// A future that runs guest code: while it is polled the ticker ticks, and the processor time is counted.
pub(super) struct Metered<'a, F> {
    work: Pin<Box<F>>,
    ticker: &'a Ticker,
    state: Option<&'a RunState>,
}

impl<'a, F: Future> Metered<'a, F> {
    pub(super) fn new(work: F, ticker: &'a Ticker, state: Option<&'a RunState>) -> Self {
        Self { work: Box::pin(work), ticker, state }
    }
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _at_work = self.ticker.at_work();
        let Some(state) = self.state else { return self.work.as_mut().poll(context) };
        let before = thread_time();
        let polled = self.work.as_mut().poll(context);
        state.add_cpu(thread_time().saturating_sub(before));
        polled
    }
}

/// The processor time of this thread so far.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
