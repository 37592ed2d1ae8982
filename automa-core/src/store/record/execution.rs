//! Executions, as stored.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::field::{Id, Instant, object_text, parse, parse_json, parse_object};
use super::job::RetryV1;
use crate::error::Result;
use crate::execution::{Execution, Fence, Lease, NewExecution, Progress};
use crate::id::{AgentId, ExecutionId, JobId, ScriptId};
use crate::sandbox::{Exit, Usage};
use crate::script::VersionNumber;
use crate::store::Revision;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ExecutionV1<'a> {
    id: Id,
    agent: Id,
    job: Option<Id>,
    script: Id,
    version: u32,
    origin: &'a str,
    scheduled_at: Option<Instant>,
    #[serde(borrow)]
    input: Cow<'a, str>,
    #[serde(borrow)]
    retry: RetryV1<'a>,
    attempt: u32,
    first: Id,
    queued_at: Instant,
    revision: u64,
    #[serde(borrow)]
    progress: ProgressV1<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ProgressV1<'a> {
    status: &'a str,
    available_at: Instant,
    /// The worker, and until when the lease holds.
    #[serde(borrow)]
    lease: Option<(&'a str, Instant)>,
    fence: u64,
    cancel_requested: bool,
    backend: Option<&'a str>,
    started_at: Option<Instant>,
    ended_at: Option<Instant>,
    exit: Option<ExitV1>,
    reason: Option<&'a str>,
    #[serde(borrow)]
    result: Option<Cow<'a, str>>,
    usage: UsageV1,
}

#[derive(Debug, Serialize, Deserialize)]
enum ExitV1 {
    Code(i32),
    Signal(i32),
    TimedOut,
    OutOfMemory,
    OutputLimit,
    Cancelled,
    SandboxError,
}

#[derive(Debug, Serialize, Deserialize)]
struct UsageV1 {
    wall_time: Duration,
    cpu_time: Option<Duration>,
    peak_memory: Option<u64>,
    output_bytes: u64,
}

impl<'a> From<&'a Execution> for ExecutionV1<'a> {
    fn from(execution: &'a Execution) -> Self {
        let spec = &execution.spec;
        Self {
            id: *execution.id.as_bytes(),
            agent: *spec.agent.as_bytes(),
            job: spec.job.map(|job| *job.as_bytes()),
            script: *spec.script.as_bytes(),
            version: spec.version.0,
            origin: spec.origin.name(),
            scheduled_at: spec.scheduled_at.map(Instant::from),
            input: object_text(&spec.input),
            retry: RetryV1::from(&spec.retry),
            attempt: execution.attempt,
            first: *execution.first.as_bytes(),
            queued_at: execution.queued_at.into(),
            revision: execution.revision.0,
            progress: ProgressV1::from(&execution.progress),
        }
    }
}

impl ExecutionV1<'_> {
    pub(super) fn open(self) -> Result<Execution> {
        Ok(Execution {
            id: ExecutionId::from_bytes(self.id),
            spec: NewExecution {
                agent: AgentId::from_bytes(self.agent),
                job: self.job.map(JobId::from_bytes),
                script: ScriptId::from_bytes(self.script),
                version: VersionNumber(self.version),
                origin: parse("an execution's origin", self.origin)?,
                scheduled_at: self.scheduled_at.map(Instant::open).transpose()?,
                input: parse_object("an execution's input", &self.input)?,
                retry: self.retry.open()?,
            },
            attempt: self.attempt,
            first: ExecutionId::from_bytes(self.first),
            queued_at: self.queued_at.open()?,
            revision: Revision(self.revision),
            progress: self.progress.open()?,
        })
    }
}

impl<'a> From<&'a Progress> for ProgressV1<'a> {
    fn from(progress: &'a Progress) -> Self {
        Self {
            status: progress.status.name(),
            available_at: progress.available_at.into(),
            lease: progress.lease.as_ref().map(|lease| (lease.worker.as_str(), lease.until.into())),
            fence: progress.fence.0,
            cancel_requested: progress.cancel_requested,
            backend: progress.backend.as_deref(),
            started_at: progress.started_at.map(Instant::from),
            ended_at: progress.ended_at.map(Instant::from),
            exit: progress.exit.map(ExitV1::from),
            reason: progress.reason.as_deref(),
            result: progress.result.as_ref().map(|result| Cow::Owned(result.to_string())),
            usage: UsageV1::from(progress.usage),
        }
    }
}

impl ProgressV1<'_> {
    fn open(self) -> Result<Progress> {
        let lease = |(worker, until): (&str, Instant)| -> Result<Lease> {
            Ok(Lease { worker: worker.to_owned(), until: until.open()? })
        };
        Ok(Progress {
            status: parse("an execution's status", self.status)?,
            available_at: self.available_at.open()?,
            lease: self.lease.map(lease).transpose()?,
            fence: Fence(self.fence),
            cancel_requested: self.cancel_requested,
            backend: self.backend.map(str::to_owned),
            started_at: self.started_at.map(Instant::open).transpose()?,
            ended_at: self.ended_at.map(Instant::open).transpose()?,
            exit: self.exit.map(ExitV1::open),
            reason: self.reason.map(str::to_owned),
            result: self.result.map(|text| parse_json("an execution's result", &text)).transpose()?,
            usage: self.usage.open(),
        })
    }
}

impl From<Exit> for ExitV1 {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Code(code) => Self::Code(code),
            Exit::Signal(signal) => Self::Signal(signal),
            Exit::TimedOut => Self::TimedOut,
            Exit::OutOfMemory => Self::OutOfMemory,
            Exit::OutputLimit => Self::OutputLimit,
            Exit::Cancelled => Self::Cancelled,
            Exit::SandboxError => Self::SandboxError,
        }
    }
}

impl ExitV1 {
    const fn open(self) -> Exit {
        match self {
            Self::Code(code) => Exit::Code(code),
            Self::Signal(signal) => Exit::Signal(signal),
            Self::TimedOut => Exit::TimedOut,
            Self::OutOfMemory => Exit::OutOfMemory,
            Self::OutputLimit => Exit::OutputLimit,
            Self::Cancelled => Exit::Cancelled,
            Self::SandboxError => Exit::SandboxError,
        }
    }
}

impl From<Usage> for UsageV1 {
    fn from(usage: Usage) -> Self {
        Self {
            wall_time: usage.wall_time,
            cpu_time: usage.cpu_time,
            peak_memory: usage.peak_memory,
            output_bytes: usage.output_bytes,
        }
    }
}

impl UsageV1 {
    const fn open(self) -> Usage {
        Usage {
            wall_time: self.wall_time,
            cpu_time: self.cpu_time,
            peak_memory: self.peak_memory,
            output_bytes: self.output_bytes,
        }
    }
}
