//! The engine: what every edge holds, and the only thing that joins store, scheduler, sandboxes and auditor.

mod account;
mod agents;
mod builder;
mod dispatch;
mod executions;
mod jobs;
mod recovery;
mod run;
mod running;
mod scripts;
mod ticker;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::{self, Action, Principal};
use crate::audit::{AuditEvent, AuditOutcome, AuditSeq, NewAuditEvent};
use crate::auditor::{Auditor, Verification};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::id::Ref;
use crate::sandbox::{Probe, Sandbox};
use crate::scheduler::Scheduler;
use crate::store::{Batch, Record, Store, StoreExt as _, Unique};

pub use self::account::{NewUser, SetupToken, SignIn};
pub use self::agents::{AgentSpec, AgentStatus};
pub use self::builder::{Builder, Settings};
pub use self::executions::LogFollower;
pub use self::jobs::JobSpec;
pub use self::scripts::ScriptSpec;

use self::running::Running;

/// The engine. Cheap to clone: every clone is the same engine.
///
/// Opened by [`Automa::open`] or [`Automa::builder`]. It does nothing by itself until [`start`](Self::start), and from
/// then on runs what is queued and queues what is due. Everything that somebody asks for goes through
/// [`acting_as`](Self::acting_as), which checks access, does the thing, and records it.
#[derive(Debug, Clone)]
pub struct Automa(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    auditor: Arc<dyn Auditor>,
    scheduler: Arc<dyn Scheduler>,
    clock: Arc<dyn Clock>,
    sandboxes: Vec<Arc<dyn Sandbox>>,
    settings: Settings,
    setup: Mutex<Option<SetupToken>>,
    /// Room for looks at whether a source compiles: they run beside the workers.
    compiling: Semaphore,
    running: Running,
    /// Cancelled when nothing new may be begun.
    stopping: CancellationToken,
    /// Every background task and every run.
    tasks: TaskTracker,
}

impl Automa {
    /// The engine on a folder of its own, with every default and no sandbox: it manages, and runs nothing.
    ///
    /// [`Automa::builder`] takes sandboxes; `automa_sandbox::open` opens one with those of this machine.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] when the folder is in use, newer or not Automa's; [`Error::Damaged`] or [`Error::Store`] when it
    /// cannot be read.
    #[cfg(feature = "sled")]
    pub async fn open(folder: impl AsRef<std::path::Path>) -> Result<Self> {
        Self::builder().folder(folder).open().await
    }

    /// An engine of chosen parts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Begins to run what is queued and to queue what is due. What an earlier process left running becomes `lost` and
    /// is tried again by its policy. A second call does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::ShuttingDown`] after [`shutdown`](Self::shutdown); what the store says otherwise.
    pub async fn start(&self) -> Result<()> {
        if self.0.stopping.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        if !self.0.running.begin() {
            return Ok(());
        }
        let prepared = async {
            recovery::recover(&self.0).await?;
            self.0.audit_system("system.start").await
        };
        if let Err(error) = prepared.await {
            self.0.running.begin_again();
            return Err(error);
        }
        if self.0.stopping.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        self.0.tasks.spawn(ticker::run(Arc::clone(&self.0)));
        self.0.tasks.spawn(dispatch::run(Arc::clone(&self.0)));
        if !self.0.store.is_exclusive() {
            self.0.tasks.spawn(recovery::run(Arc::clone(&self.0)));
        }
        Ok(())
    }

    /// Begins nothing new, waits up to `grace` for what runs, then stops it: that becomes `lost`, to be tried again by
    /// its policy after the next start. Returns when nothing runs any more.
    ///
    /// # Errors
    ///
    /// What the store says when the end cannot be recorded.
    pub async fn shutdown(&self, grace: Duration) -> Result<()> {
        self.0.stopping.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(grace, self.0.tasks.wait()).await.is_err() {
            self.0.running.abandon_all();
            self.0.tasks.wait().await;
        }
        if self.0.running.end() { self.0.audit_system("system.stop").await } else { Ok(()) }
    }

    /// The handle through which `principal` does things.
    #[must_use]
    pub fn acting_as(&self, principal: Principal) -> Acting {
        Acting { inner: Arc::clone(&self.0), principal }
    }

    /// Looks at this machine: one finding per sandbox, in the order in which `auto` prefers them.
    pub async fn probe(&self) -> Vec<Probe> {
        let mut probes = Vec::new();
        for sandbox in &self.0.sandboxes {
            probes.push(sandbox.probe().await);
        }
        probes
    }

    /// Whether it could take work at this moment: not shutting down, and the store reads and takes writes.
    ///
    /// # Errors
    ///
    /// Why it could not.
    pub async fn ready(&self) -> Result<()> {
        if self.0.stopping.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        self.0.store.audit_head().await?;
        // A store that cannot make anything durable any more refuses even this.
        self.0.store.commit(Batch::new()).await
    }

    /// The time as this engine knows it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl Inner {
    async fn audit_system(&self, action: &str) -> Result<()> {
        let event = NewAuditEvent::done(self.clock.now(), &Principal::System, action, Ref::system());
        self.auditor.append(event.with("version", env!("CARGO_PKG_VERSION"))).await
    }

    /// Waits a little after something failed, so that a failure is not repeated in a tight loop. `false` when stopping.
    async fn pause(&self) -> bool {
        tokio::select! {
            () = self.stopping.cancelled() => false,
            () = tokio::time::sleep(Duration::from_secs(1)) => true,
        }
    }
}

/// What one principal can do. Every method checks access first, and a change and its audit event are one write.
///
/// # Errors
///
/// Every method gives [`Error::Forbidden`] or [`Error::Unauthenticated`] to a principal that may not, and what the
/// store says when it fails; beside that, what its own documentation names.
#[derive(Debug, Clone)]
pub struct Acting {
    inner: Arc<Inner>,
    principal: Principal,
}

impl Acting {
    /// Who acts.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Audit events behind `after`, the oldest first, at most 500; of one thing only when `target` is given.
    pub async fn audit_events(&self, target: Option<&Ref>, after: AuditSeq, limit: usize) -> Result<Vec<AuditEvent>> {
        self.permit(Action::AuditRead, Ref::system()).await?;
        self.inner.auditor.query(target, after, limit.min(500)).await
    }

    /// Reads the whole audit log and checks that nothing in it was changed, left out or added.
    pub async fn verify_audit(&self) -> Result<Verification> {
        self.permit(Action::AuditRead, Ref::system()).await?;
        self.inner.auditor.verify().await
    }

    /// Checks that the principal may; a refusal of somebody known is recorded.
    async fn permit(&self, action: Action, target: Ref) -> Result<()> {
        let checked = access::check(&self.principal, action);
        if matches!(checked, Err(Error::Forbidden { .. })) {
            let event = self.event(action, target).with_outcome(AuditOutcome::Refused);
            self.inner.auditor.append(event).await?;
        }
        checked
    }

    /// That the principal has done this.
    fn event(&self, action: Action, target: Ref) -> NewAuditEvent {
        NewAuditEvent::done(self.inner.clock.now(), &self.principal, action.name(), target)
    }

    /// Commits a batch together with its audit event.
    async fn commit(&self, batch: Batch, event: NewAuditEvent) -> Result<()> {
        self.inner.store.commit(self.inner.auditor.attach(batch, event)).await
    }

    /// The record with this unique key, or [`Error::NotFound`].
    async fn named<T: Record>(&self, unique: Unique, what: Ref) -> Result<T> {
        let found = self.inner.store.find(&unique).await?;
        found.and_then(T::from_entity).ok_or(Error::NotFound(what))
    }

    /// The record with this id, or [`Error::NotFound`].
    async fn require<T: Record + Send>(&self, id: T::Id) -> Result<T> {
        self.inner.store.require::<T>(id).await
    }
}

/// How often a change is repeated on a newer state of its record when no revision was demanded, before the caller
/// hears of the contention.
const ATTEMPTS_ON_STALE: usize = 8;

/// Whether a record is still in the state that the caller has seen.
fn check_revision(found: crate::store::Revision, expected: Option<crate::store::Revision>, what: Ref) -> Result<()> {
    match expected {
        Some(expected) if expected != found => Err(Error::Stale(what)),
        _ => Ok(()),
    }
}
