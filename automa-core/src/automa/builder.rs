//! Puts an engine together: chosen parts, or the defaults.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::running::Running;
use super::{Automa, Inner};
use crate::access::Principal;
use crate::audit::NewAuditEvent;
use crate::auditor::{Auditor, ChainAuditor};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Invalid, Result};
use crate::id::Ref;
use crate::sandbox::Sandbox;
use crate::scheduler::{Scheduler, StoreScheduler};
use crate::store::Store;

/// How many sources are looked at at once, whether they compile; more wait.
const COMPILING_MAX: usize = 2;

/// How an engine works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many executions run at once, 1 to 10,000. By default twice the number of cores, at least 4.
    pub workers: usize,
    /// How long a lease holds without a renewal, at least 1 s. It is renewed three times as often.
    pub lease: Duration,
    /// How long a login holds, at least 1 minute.
    pub session: Duration,
    /// Whether people can make accounts for themselves, as viewers, once there is a first user.
    pub open_registration: bool,
}

impl Default for Settings {
    /// Twice the number of cores but at least 4, leases of 30 s, sessions of 12 hours, registration closed.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            workers: (cores * 2).max(4),
            lease: Duration::from_secs(30),
            session: Duration::from_secs(12 * 3_600),
            open_registration: false,
        }
    }
}

/// Collects the parts of an engine; [`open`](Self::open) makes it.
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it is opened"]
pub struct Builder {
    folder: Option<PathBuf>,
    store: Option<Arc<dyn Store>>,
    auditor: Option<Arc<dyn Auditor>>,
    scheduler: Option<Arc<dyn Scheduler>>,
    clock: Option<Arc<dyn Clock>>,
    sandboxes: Vec<Arc<dyn Sandbox>>,
    settings: Settings,
}

impl Builder {
    /// Keep everything in this folder, in a [`SledStore`](crate::store::SledStore). Made if it is not there.
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = Some(folder.as_ref().to_owned());
        self
    }

    /// Keep everything in this store.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Record events with this auditor instead of the hash chain in the store.
    pub fn auditor(mut self, auditor: Arc<dyn Auditor>) -> Self {
        self.auditor = Some(auditor);
        self
    }

    /// Find due jobs with this scheduler instead of the store's index.
    pub fn scheduler(mut self, scheduler: Arc<dyn Scheduler>) -> Self {
        self.scheduler = Some(scheduler);
        self
    }

    /// Take the time from this clock instead of the system's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Adds a sandbox. `auto` prefers the one that was added first.
    pub fn sandbox(mut self, sandbox: Arc<dyn Sandbox>) -> Self {
        self.sandboxes.push(sandbox);
        self
    }

    /// Work like this.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Makes the engine.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when a setting is out of range, or when neither a folder nor a store was given, or both;
    /// what opening the store says otherwise.
    pub async fn open(self) -> Result<Automa> {
        check(&self.settings)?;
        let (store, repairs) = match (self.store, self.folder) {
            (Some(store), None) => (store, Vec::new()),
            (None, Some(folder)) => open_folder(folder).await?,
            (None, None) => return Err(Invalid::new("store", "is missing; give a folder or a store").into()),
            (Some(_), Some(_)) => {
                return Err(Invalid::new("store", "was given beside a folder; give one of them").into());
            }
        };
        let auditor = self.auditor.unwrap_or_else(|| Arc::new(ChainAuditor::new(Arc::clone(&store))));
        let scheduler =
            self.scheduler.unwrap_or_else(|| Arc::new(StoreScheduler::new(Arc::clone(&store), Arc::clone(&auditor))));
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        for repair in repairs {
            let event = NewAuditEvent::done(clock.now(), &Principal::System, "store.repair", Ref::system());
            auditor.append(event.with("what", repair)).await?;
        }
        Ok(Automa(Arc::new(Inner {
            store,
            auditor,
            scheduler,
            clock,
            sandboxes: self.sandboxes,
            settings: self.settings,
            setup: Mutex::new(None),
            compiling: Semaphore::new(COMPILING_MAX),
            running: Running::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })))
    }
}

fn check(settings: &Settings) -> Result<(), Invalid> {
    if !(1..=10_000).contains(&settings.workers) {
        return Err(Invalid::new("workers", format!("{} is out of range; give 1 to 10000", settings.workers)));
    }
    if settings.lease < Duration::from_secs(1) {
        return Err(Invalid::new("lease", "is too short; give at least 1s"));
    }
    if settings.session < Duration::from_secs(60) {
        return Err(Invalid::new("session", "is too short; give at least 1m"));
    }
    Ok(())
}

/// The store in a folder, and what had to be mended to open it.
#[cfg(feature = "sled")]
async fn open_folder(folder: PathBuf) -> Result<(Arc<dyn Store>, Vec<String>)> {
    // Opening reads the whole index from disk: not on an async thread.
    let opened = tokio::task::spawn_blocking(move || crate::store::SledStore::open(folder)).await;
    let store = opened.map_err(Error::store)??;
    let repairs = store.repairs().to_vec();
    Ok((Arc::new(store), repairs))
}

#[cfg(not(feature = "sled"))]
async fn open_folder(_folder: PathBuf) -> Result<(Arc<dyn Store>, Vec<String>)> {
    Err(Error::from(Invalid::new("folder", "needs the feature `sled`, which this program was built without")))
}
