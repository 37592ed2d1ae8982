//! Tasks for the suite, and what came of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::json::JsonObject;
use crate::limits::Limits;
use crate::sandbox::{Exit, Outcome, OutputChunk, OutputSender, Sandbox, Stream, Task};

/// How much longer than promised an ending may take before a test fails: the machine may be busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// A sandbox under test.
pub(super) type Subject = Arc<dyn Sandbox>;

/// What came of a run.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    pub(super) chunks: Vec<OutputChunk>,
    pub(super) took: Duration,
}

impl Ran {
    /// All bytes of one stream.
    pub(super) fn bytes(&self, stream: Stream) -> Vec<u8> {
        self.chunks.iter().filter(|chunk| chunk.stream == stream).flat_map(|chunk| chunk.bytes.clone()).collect()
    }

    /// stdout as text.
    pub(super) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.bytes(Stream::Stdout)).into_owned()
    }

    /// stderr as text.
    pub(super) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.bytes(Stream::Stderr)).into_owned()
    }

    /// The result as a JSON value; null when there is none.
    pub(super) fn result(&self) -> serde_json::Value {
        self.outcome.result.clone().map_or(serde_json::Value::Null, crate::json::Json::into_value)
    }

    /// The same, when it ended so.
    #[track_caller]
    pub(super) fn ended(self, exit: Exit) -> Self {
        assert_eq!(
            self.outcome.exit,
            exit,
            "{:?}\nstdout:\n{}\nstderr:\n{}",
            self.outcome,
            self.stdout(),
            self.stderr()
        );
        assert_eq!(self.outcome.reason.is_none(), exit == Exit::Code(0), "a reason is given when it is not code 0");
        self
    }

    /// The same, when it ended with code 0.
    #[track_caller]
    pub(super) fn well(self) -> Self {
        self.ended(Exit::Code(0))
    }
}

/// A task with a time limit that no test should come near.
pub(super) fn task(source: &str) -> Task {
    let limits = Limits::default().with_wall_time(Duration::from_secs(40));
    Task { limits, ..Task::new(source) }
}

/// A task that may run for so long.
pub(super) fn task_for(milliseconds: u64, source: &str) -> Task {
    let limits = Limits::default().with_wall_time(Duration::from_millis(milliseconds));
    Task { limits, ..Task::new(source) }
}

/// A JSON object.
pub(super) fn object(json: &str) -> JsonObject {
    JsonObject::parse(json.as_bytes()).unwrap()
}

/// Runs a script.
pub(super) async fn run(sandbox: &Subject, source: &str) -> Ran {
    run_task(sandbox, task(source)).await
}

/// Runs a task and collects its output.
pub(super) async fn run_task(sandbox: &Subject, task: Task) -> Ran {
    run_until(sandbox, task, CancellationToken::new()).await
}

/// Runs a task and collects its output, until somebody cancels.
pub(super) async fn run_until(sandbox: &Subject, task: Task, cancel: CancellationToken) -> Ran {
    let (sender, mut receiver) = OutputSender::channel(16);
    let reading = tokio::spawn(async move {
        let mut chunks = Vec::new();
        while let Some(chunk) = receiver.recv().await {
            chunks.push(chunk);
        }
        chunks
    });
    let started = Instant::now();
    let outcome = sandbox.run(task, sender, cancel).await;
    let took = started.elapsed();
    Ran { outcome, chunks: reading.await.unwrap(), took }
}

/// Loads whatever a backend loads at its first run, so that it does not count in a test of time.
pub(super) async fn warm(sandbox: &Subject) {
    run(sandbox, "").await.well();
}
