//! Stand-ins for the engine's tests: a sandbox whose scripts are single words, and an engine around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use automa_core::automa::{Acting, AgentSpec, Automa, JobSpec, ScriptSpec, Settings};
use automa_core::clock::ManualClock;
use automa_core::execution::{Execution, Status};
use automa_core::json::Json;
use automa_core::sandbox::{Capabilities, Exit, Outcome, OutputSender, Probe, Sandbox, Stream, Task, Usage};
use automa_core::store::{MemoryStore, PageRequest, Scope, Store};
use automa_core::{Principal, Schedule};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// Does what the word that is its script says.
#[derive(Debug, Default)]
pub(crate) struct WordSandbox {
    /// How many scripts run at this moment, and how many did at most.
    pub(crate) now: AtomicUsize,
    pub(crate) most: AtomicUsize,
}

#[async_trait]
impl Sandbox for WordSandbox {
    fn capabilities(&self) -> Capabilities {
        let (network, cpu_share, processes) = (false, false, false);
        Capabilities { backend: "word", isolation: "none: a stand-in", network, cpu_share, processes }
    }

    async fn probe(&self) -> Probe {
        // Not available for the compile check: words are not Python.
        Probe { backend: "word", available: false, checks: Vec::new() }
    }

    async fn run(&self, task: Task, output: OutputSender, cancel: CancellationToken) -> Outcome {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let (mut exit, mut result) = (Exit::Code(0), None);
        match task.source.split_once(' ').unwrap_or((&task.source, "")) {
            ("print", text) => output.send(Stream::Stdout, text.as_bytes()).await,
            ("fail", _) => exit = Exit::Code(1),
            ("oom", _) => exit = Exit::OutOfMemory,
            ("break", _) => exit = Exit::SandboxError,
            ("panic", _) => panic!("a script made the sandbox panic"),
            ("second", _) if task.execution.attempt < 2 => exit = Exit::Code(7),
            ("echo", _) => result = Json::new(task.input.to_value()).ok(),
            ("wait", _) => {
                output.send(Stream::Stdout, b"waiting").await;
                cancel.cancelled().await;
                exit = Exit::Cancelled;
            }
            _ => {}
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        Outcome { exit, reason: None, result, usage: Usage::default() }
    }
}

/// An engine on a store in memory and a clock that the test moves.
pub(crate) struct World {
    pub(crate) automa: Automa,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: ManualClock,
    pub(crate) sandbox: Arc<WordSandbox>,
    pub(crate) me: Acting,
}

/// Midnight of 1 January 2026, UTC.
pub(crate) fn midnight() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new())).await
    }

    /// Another engine on a store that may have been used before.
    pub(crate) async fn on(store: Arc<dyn Store>) -> Self {
        Self::with(store, Settings { workers: 4, ..Settings::default() }).await
    }

    pub(crate) async fn with(store: Arc<dyn Store>, settings: Settings) -> Self {
        let clock = ManualClock::new(midnight());
        let sandbox = Arc::new(WordSandbox::default());
        let automa = Automa::builder()
            .store(Arc::clone(&store))
            .clock(Arc::new(clock.clone()))
            .sandbox(Arc::clone(&sandbox) as Arc<dyn Sandbox>)
            .settings(settings)
            .open()
            .await
            .unwrap();
        let me = automa.acting_as(Principal::owner("test"));
        Self { automa, store, clock, sandbox, me }
    }

    /// An agent that runs the script of one word.
    pub(crate) async fn agent(&self, word: &str) -> automa_core::agent::Agent {
        let name = || word.parse().unwrap();
        let script = self.me.create_script(ScriptSpec::new(name()), word.parse().unwrap()).await.unwrap();
        self.me.create_agent(AgentSpec::new(name(), script.id)).await.unwrap()
    }

    /// What a job of that agent needs, every minute.
    pub(crate) async fn every_minute(&self, word: &str) -> JobSpec {
        let agent = self.agent(word).await;
        JobSpec::new(word.parse().unwrap(), agent.id, cron("* * * * *"))
    }

    /// Every execution, the oldest first.
    pub(crate) async fn executions(&self) -> Vec<Execution> {
        let page = PageRequest::first(PageRequest::LIMIT_MAX);
        self.me.executions(Scope::All, None, &page).await.unwrap().items
    }

    /// The statuses of every execution, the oldest first.
    pub(crate) async fn statuses(&self) -> Vec<Status> {
        self.executions().await.iter().map(Execution::status).collect()
    }

    /// Waits until the engine has made `count` executions and all of them have ended.
    pub(crate) async fn settled(&self, count: usize) -> Vec<Execution> {
        within("the executions to end", async {
            loop {
                let all = self.executions().await;
                if all.len() >= count && all.iter().all(|it| it.status().is_terminal()) {
                    return all;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    /// What the audit log says was done, the oldest first.
    pub(crate) async fn actions(&self) -> Vec<String> {
        let events = self.store.read_audit(None, automa_core::audit::AuditSeq(0), 500).await.unwrap();
        events.into_iter().map(|it| it.event.action).collect()
    }
}

/// A cron schedule in UTC.
pub(crate) fn cron(expression: &str) -> Schedule {
    Schedule::Cron { expression: expression.parse().unwrap(), zone: "UTC".parse().unwrap() }
}

/// Fails the test, with what it waited for, instead of hanging it.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.unwrap_or_else(|_| panic!("waited too long for {what}"))
}
