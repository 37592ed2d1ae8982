//! One run: an instance is given its task, watched until it ends or is told to, and its ending put into our words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use automa_core::limits::Limits;
use automa_core::sandbox::{Exit, Outcome, OutputSender, Task, Usage};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use super::host::bindings::{Ending, Task as GuestTask};
use super::host::{ExitNow, one_byte};
use super::image::{Fresh, Image, Metered};
use super::output::{Output, OverLimit};
use super::state::RunState;

/// How long a stopped run may take to come to rest, and its last output to be sent, before it is left to itself.
const GRACE: Duration = Duration::from_millis(40);
/// The longest reason, in characters.
const REASON_MAX: usize = 1_000;

/// How the guest came back, and after how long.
type Answer = (wasmtime::Result<Ending>, Duration);

/// Ends a task when it goes out of scope, unless it has been told that the task may go on.
struct AbortOnDrop(Option<AbortHandle>);

impl AbortOnDrop {
    fn let_go(mut self) {
        self.0 = None;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Runs one task to its end, at most for as long as its limits say, unless `cancel` comes first.
pub(super) async fn run(
    image: &Arc<Image>,
    runtime: &Handle,
    task: Task,
    sender: OutputSender,
    cancel: CancellationToken,
) -> Outcome {
    let limits = task.limits.clone();
    let guest_task = guest_task(task);
    let Some(fresh) = cancel.run_until_cancelled(take(image, runtime)).await else {
        return cancelled_before_start();
    };
    let mut fresh = match fresh {
        Ok(fresh) => fresh,
        Err(error) => return Outcome::sandbox_error(format!("failed to make an instance of the guest: {error:#}")),
    };
    let (output, state) = fresh.store.data_mut().begin(&limits);
    output.begin(sender, limits.output.0);
    let started = Instant::now();
    let (reply, mut answer) = oneshot::channel();
    let job = runtime.spawn(work(Arc::clone(image), runtime.clone(), fresh, guest_task, started, reply));
    let guard = AbortOnDrop(Some(job.abort_handle()));
    let alarm = image.ticker().alarm(started + limits.wall_time);
    let (exit, reason) = tokio::select! {
        biased;
        found = &mut answer => {
            // The worker still has to put the instance away.
            guard.let_go();
            return conclude(found, &limits, &output, &state);
        }
        () = cancel.cancelled() => (Exit::Cancelled, "it was cancelled".to_owned()),
        _ = alarm => (Exit::TimedOut, format!("it was still running after {:?}, its limit", limits.wall_time)),
    };
    drop(guard);
    let rest = async {
        output.flush().await;
        let _ = job.await;
        output.flush().await;
    };
    tokio::select! {
        () = rest => {}
        _ = image.ticker().alarm(Instant::now() + GRACE) => {}
    }
    output.close();
    if let Ok(found) = answer.try_recv() {
        return conclude(Ok(found), &limits, &output, &state);
    }
    let usage = usage(started.elapsed(), &output, &state);
    Outcome { exit, reason: Some(reason), result: state.take_result(), usage }
}

/// The outcome of a run that was cancelled before any of the script's code ran.
pub(super) fn cancelled_before_start() -> Outcome {
    let reason = Some("it was cancelled before it started".to_owned());
    Outcome { exit: Exit::Cancelled, reason, result: None, usage: Usage::default() }
}

/// An instance: a spare one at once, else a new one, made where computing does not hold up the caller.
async fn take(image: &Arc<Image>, runtime: &Handle) -> wasmtime::Result<Fresh> {
    if let Some(fresh) = image.spare() {
        return Ok(fresh);
    }
    let image = Arc::clone(image);
    let job = runtime.spawn(async move { image.instantiate().await });
    let _guard = AbortOnDrop(Some(job.abort_handle()));
    job.await.map_err(wasmtime::Error::new)?
}

/// What the worker does: lets the guest run, sends its output, answers, and only then puts the instance away.
async fn work(
    image: Arc<Image>,
    runtime: Handle,
    fresh: Fresh,
    task: GuestTask,
    started: Instant,
    reply: oneshot::Sender<Answer>,
) {
    let counted = Counted::begin(&image);
    let Fresh { mut store, instance } = fresh;
    let (output, state) = store.data().shared();
    let call = Metered::new(instance.call_run(&mut store, &task), image.ticker(), Some(&state));
    let ending = tokio::select! {
        biased;
        ending = call => ending,
        never = output.pump() => match never {},
    };
    let wall_time = started.elapsed();
    if let Some(reason) = ending.as_ref().err().and_then(ended_by_us) {
        output.say(&format!("automa: {}\n", tidy(&reason)));
    }
    output.flush().await;
    let _ = reply.send((ending, wall_time));
    drop(store);
    drop(counted);
    image.stock(&runtime);
}

/// A run that is under way, until this is dropped.
struct Counted<'a>(&'a Image);

impl<'a> Counted<'a> {
    fn begin(image: &'a Image) -> Self {
        image.begin();
        Self(image)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The task in the words of `guest.wit`.
fn guest_task(task: Task) -> GuestTask {
    let execution = &task.execution;
    let environment: serde_json::Map<_, _> =
        task.environment().into_iter().map(|(name, value)| (name, value.into())).collect();
    let context = json!({
        "environment": environment,
        "config": task.config.to_value(),
        "input": task.input.to_value(),
        "execution": {
            "id": execution.id.to_string(),
            "agent_id": execution.agent.map(|id| id.to_string()),
            "job_id": execution.job.map(|id| id.to_string()),
            "attempt": execution.attempt,
            "scheduled_at": execution.scheduled_at.map(|at| at.to_string()),
        },
    });
    GuestTask { source: task.source.to_string(), file_name: task.file_name, context: context.to_string() }
}

/// The outcome of a run that came back by itself.
fn conclude(
    found: Result<Answer, oneshot::error::RecvError>,
    limits: &Limits,
    output: &Output,
    state: &RunState,
) -> Outcome {
    let Ok((ending, wall_time)) = found else {
        return Outcome::sandbox_error("the worker of this run broke off; this is a fault in Automa");
    };
    let (exit, reason) = match ending {
        Ok(ending) => returned(ending, limits, state),
        Err(error) => broken_off(&error, limits, output, state),
    };
    Outcome {
        exit,
        reason: reason.map(|text| tidy(&text)),
        result: state.take_result(),
        usage: usage(wall_time, output, state),
    }
}

/// The guest's own account of how the script ended. It can lie about the code and the reason, which are the script's
/// own to choose, but not about memory.
fn returned(ending: Ending, limits: &Limits, state: &RunState) -> (Exit, Option<String>) {
    if ending.out_of_memory && state.was_refused_memory() {
        return out_of_memory(limits);
    }
    let code = one_byte(ending.code);
    let reason = if code == 0 { None } else { Some(ending.reason.unwrap_or_else(|| format!("exit code {code}"))) };
    (Exit::Code(code), reason)
}

/// What ended the guest in the middle. Whatever it is, the script brought it about.
fn broken_off(error: &wasmtime::Error, limits: &Limits, output: &Output, state: &RunState) -> (Exit, Option<String>) {
    if error.downcast_ref::<OverLimit>().is_some() || output.written().1 {
        return (Exit::OutputLimit, Some(format!("it printed more than {}, its limit", limits.output)));
    }
    let code = error.downcast_ref::<ExitNow>().map(|exit| exit.0);
    if let Some(code) = code.or_else(|| error.downcast_ref::<I32Exit>().map(|exit| one_byte(exit.0))) {
        return (Exit::Code(code), (code != 0).then(|| format!("it ended itself at once with code {code}")));
    }
    // The script had ended, and the interpreter crashed over tidying up, as over a chain of objects that is very long.
    if let Some(ending) = state.take_ending() {
        return returned(ending, limits, state);
    }
    let trap = error.downcast_ref::<Trap>();
    if state.is_short_of_memory() && trap != Some(&Trap::StackOverflow) {
        return out_of_memory(limits);
    }
    let signal = match trap {
        Some(Trap::UnreachableCodeReached) => return (Exit::Signal(6), Some("the interpreter aborted".to_owned())),
        Some(Trap::IntegerDivisionByZero | Trap::IntegerOverflow) => 8,
        Some(_) => 11,
        None => return (Exit::Code(1), ended_by_us(error)),
    };
    (Exit::Signal(signal), Some(format!("the interpreter crashed: {error:#}")))
}

/// Why the sandbox ended a script that asked the host for something outrageous, such as to take a text of 50 MB. The
/// interpreter has no chance to say anything about it; every other ending speaks for itself.
fn ended_by_us(error: &wasmtime::Error) -> Option<String> {
    let known = error.is::<OverLimit>() || error.is::<ExitNow>() || error.is::<I32Exit>() || error.is::<Trap>();
    (!known).then(|| format!("it was ended by the sandbox: {error:#}"))
}

fn out_of_memory(limits: &Limits) -> (Exit, Option<String>) {
    (Exit::OutOfMemory, Some(format!("it needed more than {} of memory, its limit", limits.memory)))
}

fn usage(wall_time: Duration, output: &Output, state: &RunState) -> Usage {
    Usage {
        wall_time,
        cpu_time: Some(state.cpu()),
        peak_memory: Some(state.peak_memory()),
        output_bytes: output.written().0,
    }
}

/// One line without control characters, of bounded length: it comes from the script.
fn tidy(text: &str) -> String {
    text.chars().take(REASON_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
