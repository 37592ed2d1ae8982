//! Executions: one run of an agent, and the only code that changes its status.
//!
//! ```text
//! queued ──claim──▶ running ──finish──▶ succeeded │ failed │ timed_out │ out_of_memory │ cancelled │ sandbox_error
//!    │                 └──────lose────▶ lost
//!    └──cancel──▶ cancelled          (born terminal: skipped, missed)
//! ```

use std::time::Duration;

use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::id::{AgentId, ExecutionId, JobId, ScriptId};
use crate::job::RetryPolicy;
use crate::json::{Json, JsonObject};
use crate::sandbox::{Exit, Outcome, Usage};
use crate::script::VersionNumber;
use crate::store::Revision;
use crate::words::words;

/// Where an execution is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// It waits for a worker.
    Queued,
    /// A worker runs it.
    Running,
    /// The script ended with code 0.
    Succeeded,
    /// The script ended otherwise: an exception, another exit code, a signal, too much output.
    Failed,
    /// Its wall-clock time was up.
    TimedOut,
    /// It asked for more memory than it may have.
    OutOfMemory,
    /// Somebody stopped it.
    Cancelled,
    /// The machine or the process died under it.
    Lost,
    /// The sandbox could not be built or broke: never the script's fault.
    SandboxError,
    /// It did not run, because an earlier run of its job went on.
    Skipped,
    /// It did not run, because nothing was there to run it in time.
    Missed,
}

words!("status", Status {
    Queued => "queued",
    Running => "running",
    Succeeded => "succeeded",
    Failed => "failed",
    TimedOut => "timed_out",
    OutOfMemory => "out_of_memory",
    Cancelled => "cancelled",
    Lost => "lost",
    SandboxError => "sandbox_error",
    Skipped => "skipped",
    Missed => "missed",
});

impl Status {
    /// Whether it is an end: such a status never changes again.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// Why an execution came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A job's schedule was due.
    Schedule,
    /// Somebody asked for one run.
    Manual,
    /// Its agent was started, or restarted by its policy.
    Start,
}

words!("origin", Origin { Schedule => "schedule", Manual => "manual", Start => "start" });

/// Counts the claims of one execution. Whoever reports with an older token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fence(pub u64);

/// Who runs an execution, and until when that holds without a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The worker: one engine in one process.
    pub worker: String,
    /// From when on others may declare the execution lost.
    pub until: Timestamp,
}

/// What is known about an execution when it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExecution {
    /// What runs.
    pub agent: AgentId,
    /// The job that asked for it, if one did.
    pub job: Option<JobId>,
    /// The script.
    pub script: ScriptId,
    /// The version of the script, fixed here.
    pub version: VersionNumber,
    /// Why it came to be.
    pub origin: Origin,
    /// The instant that the schedule planned, for [`Origin::Schedule`].
    pub scheduled_at: Option<Timestamp>,
    /// What the script gets.
    pub input: JsonObject,
    /// What happens if it does not succeed.
    pub retry: RetryPolicy,
}

/// One run of an agent.
///
/// Everything that changes is private: [`claim`](Self::claim), [`finish`](Self::finish) and the others below are the
/// only ways from one status to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Which execution.
    pub id: ExecutionId,
    /// What is known since it was made.
    pub spec: NewExecution,
    /// Which attempt at the same work this is, from 1.
    pub attempt: u32,
    /// The first attempt at the same work; itself for the first.
    pub first: ExecutionId,
    /// When it was made.
    pub queued_at: Timestamp,
    /// Which state of the record this is.
    pub revision: Revision,
    pub(crate) progress: Progress,
}

/// What changes during an execution's life. Stores read and write it through [`record`](crate::store::record).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Progress {
    pub(crate) status: Status,
    /// From when on a worker may take it.
    pub(crate) available_at: Timestamp,
    pub(crate) lease: Option<Lease>,
    pub(crate) fence: Fence,
    pub(crate) cancel_requested: bool,
    pub(crate) backend: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) exit: Option<Exit>,
    pub(crate) reason: Option<String>,
    pub(crate) result: Option<Json>,
    pub(crate) usage: Usage,
}

impl Execution {
    /// A queued first attempt, to be run from `now` on.
    #[must_use]
    pub fn queue(spec: NewExecution, now: Timestamp) -> Self {
        let id = ExecutionId::new();
        Self::born(id, id, spec, 1, now, now, Status::Queued, None)
    }

    /// A queued first attempt, to be run from `available_at` on.
    #[must_use]
    pub fn queue_at(spec: NewExecution, now: Timestamp, available_at: Timestamp) -> Self {
        let id = ExecutionId::new();
        Self::born(id, id, spec, 1, now, available_at, Status::Queued, None)
    }

    /// A record that an occurrence did not run, because an earlier run of its job went on.
    #[must_use]
    pub fn skipped(spec: NewExecution, now: Timestamp, reason: String) -> Self {
        let id = ExecutionId::new();
        Self::born(id, id, spec, 1, now, now, Status::Skipped, Some(reason))
    }

    /// A record that an occurrence did not run, because nothing was there to run it in time.
    #[must_use]
    pub fn missed(spec: NewExecution, now: Timestamp, reason: String) -> Self {
        let id = ExecutionId::new();
        Self::born(id, id, spec, 1, now, now, Status::Missed, Some(reason))
    }

    #[expect(clippy::too_many_arguments, reason = "the one private constructor behind the named ones")]
    fn born(
        id: ExecutionId,
        first: ExecutionId,
        spec: NewExecution,
        attempt: u32,
        now: Timestamp,
        available_at: Timestamp,
        status: Status,
        reason: Option<String>,
    ) -> Self {
        let progress = Progress {
            status,
            available_at,
            lease: None,
            fence: Fence::default(),
            cancel_requested: false,
            backend: None,
            started_at: None,
            ended_at: status.is_terminal().then_some(now),
            exit: None,
            reason,
            result: None,
            usage: Usage::default(),
        };
        Self { id, spec, attempt, first, queued_at: now, revision: Revision::default(), progress }
    }

    /// Gives a queued execution to a worker. The token in the answer is newer than any before.
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless it is queued and available.
    pub fn claim(&mut self, worker: &str, now: Timestamp, until: Timestamp) -> Result<Fence> {
        if self.status() != Status::Queued || self.available_at() > now {
            return Err(self.wrong_state("be claimed"));
        }
        let progress = &mut self.progress;
        progress.status = Status::Running;
        progress.fence = Fence(progress.fence.0 + 1);
        progress.lease = Some(Lease { worker: worker.to_owned(), until });
        progress.started_at = Some(now);
        Ok(progress.fence)
    }

    /// Keeps a lease from expiring.
    ///
    /// # Errors
    ///
    /// [`Error::LeaseLost`] when `fence` is not the current token.
    pub fn renew(&mut self, fence: Fence, until: Timestamp) -> Result<()> {
        self.check_fence(fence)?;
        if let Some(lease) = &mut self.progress.lease {
            lease.until = until;
        }
        Ok(())
    }

    /// Ends a running execution with what its sandbox said, and gives the next attempt if the policy wants one.
    ///
    /// A run that was told to stop and then failed is `cancelled` whatever the sandbox made of it, and is not tried
    /// again; one that succeeded before it noticed has succeeded.
    ///
    /// # Errors
    ///
    /// [`Error::LeaseLost`] when `fence` is not the current token.
    pub fn finish(
        &mut self,
        fence: Fence,
        outcome: Outcome,
        backend: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Self>> {
        self.check_fence(fence)?;
        let status = match outcome.exit {
            Exit::Code(0) => Status::Succeeded,
            _ if self.progress.cancel_requested => Status::Cancelled,
            Exit::Code(_) | Exit::Signal(_) | Exit::OutputLimit => Status::Failed,
            Exit::TimedOut => Status::TimedOut,
            Exit::OutOfMemory => Status::OutOfMemory,
            Exit::Cancelled => Status::Cancelled,
            Exit::SandboxError => Status::SandboxError,
        };
        let progress = &mut self.progress;
        progress.backend = backend.map(str::to_owned);
        progress.exit = Some(outcome.exit);
        progress.result = outcome.result;
        progress.usage = outcome.usage;
        Ok(self.end(status, outcome.reason, now))
    }

    /// Ends a running execution whose worker is gone, and gives the next attempt if the policy wants one.
    ///
    /// # Errors
    ///
    /// [`Error::State`] unless it is running.
    pub fn lose(&mut self, reason: &str, now: Timestamp) -> Result<Option<Self>> {
        if self.status() != Status::Running {
            return Err(self.wrong_state("be lost"));
        }
        let status = if self.progress.cancel_requested { Status::Cancelled } else { Status::Lost };
        Ok(self.end(status, Some(reason.to_owned()), now))
    }

    /// Asks for an end: a queued execution ends here and now, a running one when its worker hears of it.
    ///
    /// # Errors
    ///
    /// [`Error::State`] when it has ended already.
    pub fn cancel(&mut self, reason: &str, now: Timestamp) -> Result<()> {
        match self.status() {
            Status::Queued => {
                self.progress.cancel_requested = true;
                self.end(Status::Cancelled, Some(reason.to_owned()), now);
                Ok(())
            }
            Status::Running => {
                self.progress.cancel_requested = true;
                Ok(())
            }
            _ => Err(self.wrong_state("be cancelled")),
        }
    }

    /// Sets the terminal status. Called once in a life: every caller has checked that there was none.
    fn end(&mut self, status: Status, reason: Option<String>, now: Timestamp) -> Option<Self> {
        let progress = &mut self.progress;
        progress.status = status;
        progress.reason = reason;
        progress.ended_at = Some(now);
        progress.lease = None;
        let wait = self.spec.retry.wait_after(self.attempt, status)?;
        Some(self.next_attempt(now, wait))
    }

    fn next_attempt(&self, now: Timestamp, wait: Duration) -> Self {
        let available_at = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        let (id, attempt) = (ExecutionId::new(), self.attempt + 1);
        Self::born(id, self.first, self.spec.clone(), attempt, now, available_at, Status::Queued, None)
    }

    fn check_fence(&self, fence: Fence) -> Result<()> {
        if self.status() == Status::Running && self.progress.fence == fence {
            Ok(())
        } else {
            Err(Error::LeaseLost(self.id.to_ref()))
        }
    }

    fn wrong_state(&self, verb: &str) -> Error {
        Error::State(format!("execution {} is {} and cannot {verb}", self.id, self.status()))
    }
}

/// What can be read of an execution's progress.
impl Execution {
    /// Where it is in its life.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.progress.status
    }

    /// From when on a worker may take it.
    #[must_use]
    pub const fn available_at(&self) -> Timestamp {
        self.progress.available_at
    }

    /// Who runs it, while it runs.
    #[must_use]
    pub const fn lease(&self) -> Option<&Lease> {
        self.progress.lease.as_ref()
    }

    /// The token of its latest claim.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.progress.fence
    }

    /// Whether somebody asked for its end.
    #[must_use]
    pub const fn cancel_requested(&self) -> bool {
        self.progress.cancel_requested
    }

    /// The sandbox that ran it, once it has ended.
    #[must_use]
    pub fn backend(&self) -> Option<&str> {
        self.progress.backend.as_deref()
    }

    /// When a worker took it.
    #[must_use]
    pub const fn started_at(&self) -> Option<Timestamp> {
        self.progress.started_at
    }

    /// When it reached its terminal status.
    #[must_use]
    pub const fn ended_at(&self) -> Option<Timestamp> {
        self.progress.ended_at
    }

    /// How its run ended, if it ran.
    #[must_use]
    pub const fn exit(&self) -> Option<Exit> {
        self.progress.exit
    }

    /// The script's exit code, if it ended with one.
    #[must_use]
    pub const fn exit_code(&self) -> Option<i32> {
        match self.progress.exit {
            Some(Exit::Code(code)) => Some(code),
            _ => None,
        }
    }

    /// Why it ended as it did, in one line for people.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.progress.reason.as_deref()
    }

    /// What the script returned.
    #[must_use]
    pub const fn result(&self) -> Option<&Json> {
        self.progress.result.as_ref()
    }

    /// What the run used up; all zero before its end.
    #[must_use]
    pub const fn usage(&self) -> &Usage {
        &self.progress.usage
    }
}
