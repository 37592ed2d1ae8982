//! Executions: listed, waited for, cancelled, and their output read or followed.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{ATTEMPTS_ON_STALE, Acting, Inner};
use crate::access::Action;
use crate::error::{Error, Result};
use crate::execution::{Execution, Status};
use crate::id::{ExecutionId, JobId, Ref};
use crate::store::{Batch, LogChunk, LogSeq, Page, PageRequest, Query, Scope, StoreExt as _, Topic, Watcher};

/// How many bytes of output are read at once while following.
const FOLLOW_BYTES: usize = 256 * 1024;

impl Acting {
    /// The execution with this id, or [`Error::NotFound`].
    pub async fn execution(&self, id: ExecutionId) -> Result<Execution> {
        self.permit(Action::ExecutionRead, id.to_ref()).await?;
        self.require(id).await
    }

    /// A page of executions, by age; of one agent or job, and in one status, if given.
    pub async fn executions(
        &self,
        scope: Scope,
        status: Option<Status>,
        page: &PageRequest,
    ) -> Result<Page<Execution>> {
        self.permit(Action::ExecutionRead, Ref::system()).await?;
        match scope {
            Scope::All => {}
            Scope::Agent(id) => drop(self.require::<crate::agent::Agent>(id).await?),
            Scope::Job(id) => drop(self.require::<crate::job::Job>(id).await?),
        }
        self.inner.store.page(&Query::Executions(scope, status), page).await
    }

    /// Asks for an execution's end: one that is queued has ended when this returns, one that runs ends soon after.
    ///
    /// [`Error::State`] when it has ended already.
    pub async fn cancel_execution(&self, id: ExecutionId) -> Result<Execution> {
        self.permit(Action::ExecutionCancel, id.to_ref()).await?;
        let by = format!("cancelled by {}", self.principal);
        self.request_cancel(id, &by).await
    }

    /// Waits until an execution has ended. Dropping the future stops the waiting, not the execution.
    pub async fn wait(&self, id: ExecutionId) -> Result<Execution> {
        self.permit(Action::ExecutionRead, id.to_ref()).await?;
        let mut changed = self.inner.store.watch(Topic::Execution(id));
        loop {
            let execution: Execution = self.require(id).await?;
            if execution.status().is_terminal() {
                return Ok(execution);
            }
            changed.changed().await;
        }
    }

    /// The newest execution of a job, waiting until there is one that is newer than `after`.
    pub async fn next_execution(&self, job: JobId, after: Option<ExecutionId>) -> Result<Execution> {
        self.permit(Action::ExecutionRead, job.to_ref()).await?;
        // The scheduler writes an execution and its job's next instant together.
        let mut planned = self.inner.store.watch(Topic::Schedule);
        let mut queued = self.inner.store.watch(Topic::Queue);
        loop {
            self.require::<crate::job::Job>(job).await?;
            let all = Query::Executions(Scope::Job(job), None);
            let newest =
                self.inner.store.page::<Execution>(&all, &PageRequest::newest(1)).await?.items.into_iter().next();
            match newest {
                Some(execution) if after.is_none_or(|after| execution.id > after) => return Ok(execution),
                _ => tokio::select! {
                    () = planned.changed() => {}
                    () = queued.changed() => {}
                },
            }
        }
    }

    /// Output of an execution from place `from` on: at most `bytes_max` bytes, but at least one chunk if there is any.
    pub async fn log(&self, id: ExecutionId, from: LogSeq, bytes_max: usize) -> Result<Vec<LogChunk>> {
        self.permit(Action::ExecutionRead, id.to_ref()).await?;
        self.require::<Execution>(id).await?;
        self.inner.store.read_log(id, from, bytes_max).await
    }

    /// Output of an execution from place `from` on, as it comes, until the execution has ended.
    pub async fn follow_log(&self, id: ExecutionId, from: LogSeq) -> Result<LogFollower> {
        self.permit(Action::ExecutionRead, id.to_ref()).await?;
        let grown = self.inner.store.watch(Topic::Log(id));
        let changed = self.inner.store.watch(Topic::Execution(id));
        self.require::<Execution>(id).await?;
        Ok(LogFollower { inner: Arc::clone(&self.inner), id, next: from, ready: VecDeque::new(), grown, changed })
    }

    pub(super) async fn request_cancel(&self, id: ExecutionId, reason: &str) -> Result<Execution> {
        for _ in 0..ATTEMPTS_ON_STALE {
            let mut execution: Execution = self.require(id).await?;
            execution.cancel(reason, self.inner.clock.now())?;
            let event = self.event(Action::ExecutionCancel, id.to_ref());
            match self.commit(Batch::new().update(execution.clone()), event).await {
                Err(Error::Stale(_)) => {}
                done => {
                    execution.revision = execution.revision.next();
                    return done.map(|()| execution);
                }
            }
        }
        Err(Error::Stale(id.to_ref()))
    }
}

/// Reads an execution's output as it comes.
#[derive(Debug)]
pub struct LogFollower {
    inner: Arc<Inner>,
    id: ExecutionId,
    next: LogSeq,
    ready: VecDeque<LogChunk>,
    grown: Watcher,
    changed: Watcher,
}

impl LogFollower {
    /// The next chunk; `None` when the execution has ended and everything was read.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be read.
    pub async fn next(&mut self) -> Result<Option<LogChunk>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            // Asked before reading: whatever was written before the end is there after it.
            let ended = match self.inner.store.read::<Execution>(self.id).await? {
                Some(execution) => execution.status().is_terminal(),
                None => true,
            };
            self.ready = self.inner.store.read_log(self.id, self.next, FOLLOW_BYTES).await?.into();
            if let Some(last) = self.ready.back() {
                self.next = LogSeq(last.seq.0 + 1);
            } else if ended {
                return Ok(None);
            } else {
                tokio::select! {
                    () = self.grown.changed() => {}
                    () = self.changed.changed() => {}
                }
            }
        }
    }
}
