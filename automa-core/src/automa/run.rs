//! One run: from a claimed execution to its terminal status, with its output stored on the way.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::Inner;
use crate::access::Principal;
use crate::agent::{Agent, BackendChoice, RestartPolicy};
use crate::audit::{AuditOutcome, NewAuditEvent};
use crate::error::{Error, Result};
use crate::execution::{Execution, Fence, Origin, Status};
use crate::id::ExecutionId;
use crate::sandbox::{ExecutionContext, Exit, Outcome, OutputChunk, OutputReceiver, OutputSender, Sandbox, Task};
use crate::script::{Script, ScriptVersion};
use crate::store::{Batch, LogChunk, LogSeq, StoreExt as _, Topic};

/// How much longer than the script's own time a sandbox may take before it is given up. A sandbox ends a script in time
/// by itself; this is for one that is broken. Its first run may have to compile its interpreter.
const SANDBOX_GRACE: Duration = Duration::from_secs(120);

/// How many chunks of output wait to be stored before the script has to wait.
const OUTPUT_WAITING: usize = 64;

/// How long a restarted agent waits, so that one which ends at once does not fill the history.
const RESTART_WAIT: Duration = Duration::from_secs(5);

/// Runs one claimed execution to its end.
pub(super) async fn run(inner: Arc<Inner>, execution: Execution, slot: Option<OwnedSemaphorePermit>) {
    let id = execution.id;
    let cancel = inner.running.enter(id);
    if execution.cancel_requested() || inner.running.abandoned().is_cancelled() {
        cancel.cancel();
    }
    if let Err(error) = run_claimed(&inner, execution, &cancel).await {
        tracing::error!(execution = %id, %error, "failed to record the end of an execution; it will be recovered");
    }
    inner.running.leave(id);
    drop(slot);
}

async fn run_claimed(inner: &Arc<Inner>, execution: Execution, cancel: &CancellationToken) -> Result<()> {
    let (fence, id) = (execution.fence(), execution.id);
    let (backend, outcome) = match prepare(inner, &execution).await {
        Ok((sandbox, task)) => {
            let backend = sandbox.capabilities().backend;
            let run = run_in(inner, sandbox, task, id, fence, cancel);
            let outcome = tokio::select! {
                outcome = run => outcome,
                () = hold_lease(inner, &execution, cancel) => return drop_result(inner, id).await,
            };
            (Some(backend), outcome)
        }
        Err(error) => (None, Outcome::sandbox_error(error.to_string())),
    };
    finish(inner, execution, fence, outcome, backend).await
}

/// Everything that the sandbox needs to know, and which sandbox it is.
async fn prepare(inner: &Inner, execution: &Execution) -> Result<(Arc<dyn Sandbox>, Task)> {
    let spec = &execution.spec;
    let agent: Agent = inner.store.require(spec.agent).await?;
    let script: Script = inner.store.require(spec.script).await?;
    let version: ScriptVersion = inner.store.require((spec.script, spec.version)).await?;
    let sandbox = inner
        .choose_sandbox(&agent.backend, |sandbox| sandbox.capabilities().refusal(&agent.limits, &agent.permissions))?;
    let context = ExecutionContext {
        id: execution.id,
        agent: Some(agent.id),
        job: spec.job,
        attempt: execution.attempt,
        scheduled_at: spec.scheduled_at,
    };
    let task = Task {
        execution: context,
        source: version.source.to_shared(),
        file_name: script.file_name(),
        config: agent.config,
        input: spec.input.clone(),
        limits: agent.limits,
        permissions: agent.permissions,
    };
    Ok((sandbox, task))
}

impl Inner {
    /// The sandbox of that name, or the first that `refusal` has nothing against.
    pub(super) fn choose_sandbox(
        &self,
        choice: &BackendChoice,
        refusal: impl Fn(&dyn Sandbox) -> Option<String>,
    ) -> Result<Arc<dyn Sandbox>> {
        let mut reasons = Vec::new();
        for sandbox in &self.sandboxes {
            let named = match choice {
                BackendChoice::Auto => true,
                BackendChoice::Named(name) => name == sandbox.capabilities().backend,
            };
            match named.then(|| refusal(&**sandbox)) {
                Some(None) => return Ok(Arc::clone(sandbox)),
                Some(Some(reason)) => reasons.push(reason),
                None => {}
            }
        }
        if reasons.is_empty() {
            let known: Vec<_> = self.sandboxes.iter().map(|it| it.capabilities().backend).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            reasons.push(format!("there is no {choice} sandbox here; there is: {known}"));
        }
        Err(Error::Sandbox(reasons.join("; ")))
    }
}

/// Runs the task and stores its output meanwhile. Returns when both are done.
async fn run_in(
    inner: &Inner,
    sandbox: Arc<dyn Sandbox>,
    task: Task,
    id: ExecutionId,
    fence: Fence,
    cancel: &CancellationToken,
) -> Outcome {
    let deadline = task.limits.wall_time + SANDBOX_GRACE;
    let (sender, receiver) = OutputSender::channel(OUTPUT_WAITING);
    let guarded = AssertUnwindSafe(sandbox.run(task, sender, cancel.clone())).catch_unwind();
    let running = async {
        match tokio::time::timeout(deadline, guarded).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::sandbox_error("the sandbox panicked; this is a bug of the sandbox"),
            Err(_) => Outcome::sandbox_error("the sandbox did not end the script in time"),
        }
    };
    let (outcome, stored) = tokio::join!(running, store_output(inner, id, fence, receiver));
    match stored {
        Ok(()) => outcome,
        Err(error) => Outcome::sandbox_error(format!("its output could not be stored: {error}")),
    }
}

/// Stores output as it comes; what has come together is stored together.
async fn store_output(inner: &Inner, id: ExecutionId, fence: Fence, mut output: OutputReceiver) -> Result<()> {
    let mut seq = LogSeq(0);
    let mut failed = Ok(());
    while let Some(first) = output.recv().await {
        let mut chunks = vec![first];
        while let Ok(more) = output.try_recv() {
            match chunks.last_mut() {
                Some(last)
                    if last.stream == more.stream && last.bytes.len() + more.bytes.len() <= OutputSender::CHUNK_MAX =>
                {
                    last.bytes.extend_from_slice(&more.bytes);
                }
                _ => chunks.push(more),
            }
            if chunks.len() >= OUTPUT_WAITING {
                break;
            }
        }
        // After a failure the rest is read and dropped, so that the script does not wait for ever.
        if failed.is_ok() {
            let chunks = number(&mut seq, chunks, inner.clock.now());
            failed = persist(inner, id, || inner.store.append_log(id, fence, chunks.clone())).await;
        }
    }
    failed
}

/// Repeats a write while it may still succeed, as when the disk is full for a moment: what a script did is not thrown
/// away for that. Gives up when the engine does.
async fn persist<F: Future<Output = Result<()>> + Send>(
    inner: &Inner,
    id: ExecutionId,
    write: impl Fn() -> F + Send + Sync,
) -> Result<()> {
    loop {
        match write().await {
            Err(error) if error.retryable() => {
                tracing::error!(execution = %id, %error, "failed to store what an execution did; trying again in a second");
                tokio::select! {
                    () = inner.running.abandoned().cancelled() => return Err(error),
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                }
            }
            done => return done,
        }
    }
}

fn number(seq: &mut LogSeq, chunks: Vec<OutputChunk>, at: Timestamp) -> Vec<LogChunk> {
    let mut numbered = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        numbered.push(LogChunk::new(*seq, at, chunk));
        seq.0 += 1;
    }
    numbered
}

/// Renews the lease while the script runs and passes a cancellation on. Returns only when the lease is lost.
async fn hold_lease(inner: &Inner, execution: &Execution, cancel: &CancellationToken) {
    let (id, fence) = (execution.id, execution.fence());
    let mut changed = inner.store.watch(Topic::Execution(id));
    loop {
        match inner.store.read::<Execution>(id).await {
            Ok(Some(now)) if now.status() == Status::Running && now.fence() == fence => {
                if now.cancel_requested() {
                    cancel.cancel();
                }
            }
            Ok(_) => return,
            Err(error) => tracing::warn!(execution = %id, %error, "failed to look whether an execution was cancelled"),
        }
        tokio::select! {
            () = changed.changed() => {}
            // Where nobody else can look, nobody can take the lease over either, and renewing it would be for nothing.
            () = tokio::time::sleep(inner.settings.lease / 3), if !inner.store.is_exclusive() => {
                if matches!(renew(inner, id, fence).await, Err(Error::LeaseLost(_) | Error::NotFound(_))) {
                    return;
                }
            }
        }
    }
}

async fn renew(inner: &Inner, id: ExecutionId, fence: Fence) -> Result<()> {
    let mut execution: Execution = inner.store.require(id).await?;
    let until = inner.clock.now().saturating_add(inner.settings.lease).unwrap_or(Timestamp::MAX);
    execution.renew(fence, until)?;
    inner.store.commit(Batch::new().update(execution)).await
}

/// Records the end of a run, with whatever follows from it, in one batch.
async fn finish(
    inner: &Inner,
    execution: Execution,
    fence: Fence,
    outcome: Outcome,
    backend: Option<&'static str>,
) -> Result<()> {
    let id = execution.id;
    let mut current = execution;
    loop {
        let now = inner.clock.now();
        // What was stopped because the engine stops has lost its worker: it is tried again after the next start.
        let abandoned = inner.running.abandoned().is_cancelled() && outcome.exit == Exit::Cancelled;
        let ended = if abandoned && !current.cancel_requested() {
            current.lose("Automa was shut down before the script ended", now)
        } else {
            current.finish(fence, outcome.clone(), backend, now)
        };
        let next = match ended {
            Ok(next) => next,
            Err(Error::LeaseLost(_)) => return drop_result(inner, id).await,
            Err(error) => return Err(error),
        };
        let event = NewAuditEvent::done(now, &Principal::System, "execution.end", id.to_ref())
            .with("status", current.status().name())
            .with("attempt", current.attempt);
        let batch = followers(inner, &current, next, Batch::new(), now).await?.update(current.clone());
        let batch = inner.auditor.attach(batch, event);
        match persist(inner, id, || inner.store.commit(batch.clone())).await {
            // The execution was cancelled or its lease renewed, or its agent changed, at the same moment: decide anew.
            Err(Error::Stale(_) | Error::Exists { .. }) => current = inner.store.require(id).await?,
            done => return done,
        }
    }
}

/// Adds what follows from the end of an execution: the next attempt, or the restart or the stop of its agent.
///
/// For a started agent, the batch demands that the agent is as it was read here: whoever stops it at the same moment
/// makes the batch stale, and it is put together anew.
pub(super) async fn followers(
    inner: &Inner,
    ended: &Execution,
    next: Option<Execution>,
    batch: Batch,
    now: Timestamp,
) -> Result<Batch> {
    let mut agent = None;
    if ended.spec.origin == Origin::Start {
        agent = inner.store.read::<Agent>(ended.spec.agent).await?.filter(|agent| agent.started == Some(ended.first));
        if agent.is_none() {
            // It was stopped, or stopped and started anew: this run is nobody's any more.
            return Ok(batch);
        }
    }
    if let Some(next) = next {
        let event = NewAuditEvent::done(now, &Principal::System, "execution.retry", next.id.to_ref())
            .with("attempt", next.attempt)
            .with("after", ended.id.to_string());
        let batch = inner.auditor.attach(batch.insert(next), event);
        return Ok(match agent {
            Some(agent) => batch.update(agent),
            None => batch,
        });
    }
    let Some(mut agent) = agent else { return Ok(batch) };
    let again = match agent.restart {
        RestartPolicy::Never => false,
        RestartPolicy::OnFailure => !matches!(ended.status(), Status::Succeeded | Status::Cancelled),
        RestartPolicy::Always => ended.status() != Status::Cancelled,
    };
    if again {
        let available_at = now.saturating_add(RESTART_WAIT).unwrap_or(Timestamp::MAX);
        let restarted = Execution::queue_at(ended.spec.clone(), now, available_at);
        agent.started = Some(restarted.id);
        let event = NewAuditEvent::done(now, &Principal::System, "agent.restart", agent.id.to_ref())
            .with("execution", restarted.id.to_string());
        Ok(inner.auditor.attach(batch.insert(restarted).update(agent), event))
    } else {
        agent.started = None;
        let event = NewAuditEvent::done(now, &Principal::System, "agent.end", agent.id.to_ref());
        Ok(inner.auditor.attach(batch.update(agent), event))
    }
}

/// Records that a result came too late: somebody else has the execution, or it has ended.
async fn drop_result(inner: &Inner, id: ExecutionId) -> Result<()> {
    tracing::warn!(execution = %id, "a result came after its lease was lost and was dropped");
    let event = NewAuditEvent::done(inner.clock.now(), &Principal::System, "execution.result_dropped", id.to_ref());
    inner.auditor.append(event.with_outcome(AuditOutcome::Failed)).await
}
