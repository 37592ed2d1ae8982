//! The contract of a sandbox: a task goes in, output streams out, an outcome comes back.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::id::{AgentId, ExecutionId, JobId};
use crate::json::{Json, JsonObject};
use crate::limits::Limits;
use crate::permissions::{Network, Permissions};

/// A place in which a script runs and out of which it cannot reach.
///
/// # Promises
///
/// Each is one test of `conformance::sandbox`.
///
/// - **Refuse rather than weaken.** A task that asks for a limit or a permission which this backend cannot enforce
///   ends as [`Exit::SandboxError`] before any of its code runs.
/// - **Fresh.** Nothing that a task did is visible to a later or a concurrent one: no file, variable or process.
/// - **What a script sees.** Writable files below `/scratch` only. The environment of [`Task::environment`] and
///   nothing else. A module `automa` with `config`, `input`, `execution` and `set_result(value)`. A script that
///   defines `main` is called with the input as keyword arguments, and what it returns, unless `None`, is the result;
///   not so when its own `if __name__ == "__main__":` block calls `main`.
/// - **Output.** stdout and stderr reach `output` as they are written, byte for byte, each stream in order. When
///   `run` returns, all of it has been sent. What a script prints controls nothing.
/// - **Exit.** Running to the end is code 0; `sys.exit(n)` is code `n`, `sys.exit("text")` prints the text to stderr
///   and is code 1; an uncaught exception or a syntax error prints a traceback that shows the user's own file and
///   lines, and is code 1.
/// - **Limits.** Memory ends as [`Exit::OutOfMemory`], wall-clock time as [`Exit::TimedOut`], output as
///   [`Exit::OutputLimit`]; scratch bytes and files answer `OSError` (`ENOSPC`) inside the script.
/// - **Cancel.** When `cancel` is cancelled, or the time is up, `run` returns within 100 ms, whether the script
///   sleeps, computes or prints, and leaves nothing behind. The same holds when the future is dropped.
/// - **Never panics, never hangs, never errs for the script's sake**: whatever the script does is in the `Outcome`;
///   [`Exit::SandboxError`] is our own fault.
#[async_trait]
pub trait Sandbox: Debug + Send + Sync + 'static {
    /// What this backend can do. Constant for its lifetime.
    fn capabilities(&self) -> Capabilities;

    /// Looks at the machine: whether this backend works here, and what is missing where it does not.
    async fn probe(&self) -> Probe;

    /// Runs one task to its end. See the promises above.
    async fn run(&self, task: Task, output: OutputSender, cancel: CancellationToken) -> Outcome;
}

/// What a backend can do; what it cannot do it refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The backend's name: `wasm`, `namespace`, `docker`, or a third party's own.
    pub backend: &'static str,
    /// What stands between the script and the machine, in a few words for people.
    pub isolation: &'static str,
    /// Whether it can grant [`Network::Full`].
    pub network: bool,
    /// Whether it can hold a script to less than one core ([`Limits::cpu_millis`]).
    pub cpu_share: bool,
    /// Whether scripts can start processes and threads. Where they cannot, every limit on them holds.
    pub processes: bool,
}

impl Capabilities {
    /// Why this backend cannot run a task with these demands; `None` when it can.
    #[must_use]
    pub fn refusal(&self, limits: &Limits, permissions: &Permissions) -> Option<String> {
        if permissions.network != Network::None && !self.network {
            return Some(format!("the {} sandbox has no network to grant", self.backend));
        }
        if limits.cpu_millis < 1_000 && !self.cpu_share {
            return Some(format!("the {} sandbox cannot hold a script to less than one core", self.backend));
        }
        None
    }
}

/// What a look at the machine found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The backend's name.
    pub backend: &'static str,
    /// Whether tasks can run.
    pub available: bool,
    /// What was looked at, one by one.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What, in a word or two.
    pub name: &'static str,
    /// What was found.
    pub found: String,
    /// What is wrong and the command or step that mends it; `None` when nothing is.
    pub remedy: Option<String>,
}

/// One run of a script: everything that a backend needs to know.
#[derive(Debug, Clone)]
pub struct Task {
    /// Which execution this is.
    pub execution: ExecutionContext,
    /// The script.
    pub source: Arc<str>,
    /// The script's name as tracebacks show it, such as `report.py`.
    pub file_name: String,
    /// The agent's configuration: `automa.config`.
    pub config: JsonObject,
    /// This run's input: `automa.input`, and the keyword arguments of `main`.
    pub input: JsonObject,
    /// What it may use up.
    pub limits: Limits,
    /// What it may reach.
    pub permissions: Permissions,
}

impl Task {
    /// A task that runs `source` as `main.py`, with no input, no configuration, default limits and no permissions.
    #[must_use]
    pub fn new(source: impl Into<Arc<str>>) -> Self {
        Self {
            execution: ExecutionContext::default(),
            source: source.into(),
            file_name: "main.py".to_owned(),
            config: JsonObject::default(),
            input: JsonObject::default(),
            limits: Limits::default(),
            permissions: Permissions::default(),
        }
    }

    /// The whole environment of the script: what was granted, and the `AUTOMA_…` variables.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let context = &self.execution;
        let mut all: Vec<_> = self.permissions.environment.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        all.push(("AUTOMA_EXECUTION_ID".to_owned(), context.id.to_string()));
        all.push(("AUTOMA_ATTEMPT".to_owned(), context.attempt.to_string()));
        let optional = [
            ("AUTOMA_JOB_ID", context.job.map(|id| id.to_string())),
            ("AUTOMA_SCHEDULED_AT", context.scheduled_at.map(|at| at.to_string())),
        ];
        all.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        all
    }
}

/// Which execution a task is: `automa.execution`, an object with these members as strings and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionContext {
    /// The execution.
    pub id: ExecutionId,
    /// Its agent; `None` for a run without one, as by `automa run`.
    pub agent: Option<AgentId>,
    /// Its job; `None` when no job started it.
    pub job: Option<JobId>,
    /// Which attempt at the same work this is, from 1.
    pub attempt: u32,
    /// The instant that the schedule planned; `None` when none did.
    pub scheduled_at: Option<Timestamp>,
}

impl Default for ExecutionContext {
    /// A new execution of nothing in particular, first attempt.
    fn default() -> Self {
        Self { id: ExecutionId::new(), agent: None, job: None, attempt: 1, scheduled_at: None }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The way it ended.
    pub exit: Exit,
    /// Why, in one line for people: `ZeroDivisionError: division by zero (main.py, line 3)`. `None` on code 0.
    pub reason: Option<String>,
    /// What the script returned or gave to `set_result`. Kept when it fails after that.
    pub result: Option<Json>,
    /// What it used up.
    pub usage: Usage,
}

impl Outcome {
    /// The outcome of a run that our own fault prevented or ended.
    #[must_use]
    pub fn sandbox_error(reason: impl Into<String>) -> Self {
        Self { exit: Exit::SandboxError, reason: Some(reason.into()), result: None, usage: Usage::default() }
    }
}

/// The way in which a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// The script ended with this exit code; 0 is success.
    Code(i32),
    /// A signal ended the script, such as 11 for a bad memory access.
    Signal(i32),
    /// The wall-clock time was up.
    TimedOut,
    /// It asked for more memory than it may have.
    OutOfMemory,
    /// It printed more than it may.
    OutputLimit,
    /// It was told to stop.
    Cancelled,
    /// The sandbox could not be built or broke: never the script's fault.
    SandboxError,
}

/// What a run used up; `None` where a backend cannot measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// From the start of the script to its end.
    pub wall_time: Duration,
    /// Processor time.
    pub cpu_time: Option<Duration>,
    /// The most memory at one time.
    pub peak_memory: Option<u64>,
    /// stdout and stderr together, in bytes.
    pub output_bytes: u64,
}

/// One of the two streams of a script's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// `stdout` or `stderr`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Some bytes that a script wrote to one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputChunk {
    /// Which stream.
    pub stream: Stream,
    /// The bytes, as they were written: any bytes, not always UTF-8.
    pub bytes: Vec<u8>,
}

/// Where a backend sends a script's output. Clones share the channel.
#[derive(Debug, Clone)]
pub struct OutputSender(mpsc::Sender<OutputChunk>);

/// Where a script's output arrives.
pub type OutputReceiver = mpsc::Receiver<OutputChunk>;

impl OutputSender {
    /// The largest chunk that is sent, in bytes; longer writes are cut into several.
    pub const CHUNK_MAX: usize = 32 * 1024;

    /// A channel that holds `chunks` unread chunks. A full one makes the script wait.
    #[must_use]
    pub fn channel(chunks: usize) -> (Self, OutputReceiver) {
        let (sender, receiver) = mpsc::channel(chunks.max(1));
        (Self(sender), receiver)
    }

    /// Sends bytes, waiting while the reader is behind. A reader that has gone away loses them; the run goes on.
    pub async fn send(&self, stream: Stream, bytes: &[u8]) {
        for part in bytes.chunks(Self::CHUNK_MAX) {
            if self.0.send(OutputChunk { stream, bytes: part.to_vec() }).await.is_err() {
                return;
            }
        }
    }

    /// The channel itself, for a backend that must not wait.
    #[must_use]
    pub const fn inner(&self) -> &mpsc::Sender<OutputChunk> {
        &self.0
    }
}
