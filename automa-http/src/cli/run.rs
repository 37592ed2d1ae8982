//! `automa run`: one script, once, in a sandbox. Its output is our output, its exit code is ours.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use automa_core::agent::BackendChoice;
use automa_core::error::Invalid;
use automa_core::json::JsonObject;
use automa_core::limits::{Bytes, Limits, parse_duration};
use automa_core::sandbox::{Exit, Outcome as RunOutcome, OutputReceiver, OutputSender, Stream, Task};
use automa_core::script::Source;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::signals::Signals;
use super::{Failure, Outcome, output, small_runtime};
use crate::exit_codes;
use crate::sandboxes::Sandboxes;

/// How many chunks of output wait to be written before the script has to.
const WAITING: usize = 64;
/// How long the output of a run that was ended may take to be read. After that nobody waits for its reader.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// How long a line on stderr may take where stdout has no reader, which often is the same pipe.
const SAID_WITHIN: Duration = Duration::from_millis(500);

/// Arguments of `automa run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The script; - for standard input
    file: PathBuf,
    /// Memory, interpreter included
    #[arg(long, value_name = "SIZE", default_value = "256M")]
    memory: String,
    /// Wall-clock time
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    timeout: String,
    /// stdout and stderr together
    #[arg(long, value_name = "SIZE", default_value = "10M")]
    output: String,
    /// A JSON object for `automa.input` and the arguments of `main`, or @file with one
    #[arg(long, value_name = "JSON|@FILE")]
    input: Option<String>,
    /// A JSON object for `automa.config`, or @file with one
    #[arg(long, value_name = "JSON|@FILE")]
    config: Option<String>,
    /// An environment variable for the script; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Where it runs: auto, or a sandbox's name such as wasm
    #[arg(long, value_name = "NAME", default_value = "auto")]
    backend: String,
    /// Write what the script returns to this file, as JSON (null when it returns nothing)
    #[arg(long, value_name = "FILE")]
    result: Option<PathBuf>,
}

pub(super) fn main(args: &Args) -> Outcome {
    let task = task(args)?;
    let choice: BackendChoice = args.backend.parse()?;
    let sandboxes = Sandboxes::new();
    let Some(sandbox) = sandboxes.choose(&choice) else {
        let known: Vec<_> = sandboxes.all().iter().map(|it| it.capabilities().backend).collect();
        let text = format!("there is no {choice} sandbox here; there is: {}", known.join(", "));
        return Err(Invalid::new("backend", text).into());
    };
    let runtime = small_runtime()?;
    let (outcome, reader, signal) = runtime.block_on(async {
        let cancel = CancellationToken::new();
        let signals = Signals::watch(cancel.clone())?;
        let (sender, receiver) = OutputSender::channel(WAITING);
        let writer = write_output(receiver, cancel.clone());
        let outcome = sandbox.run(task, sender, cancel.clone()).await;
        let reader = wait_for_reader(&outcome, writer, &cancel, &signals).await;
        Ok::<_, Failure>((outcome, reader, signals.first()))
    })?;
    // Threads of the sandbox that are still busy shall not hold up the end.
    runtime.shutdown_background();
    let (code, line) = report(&outcome, reader, signal);
    if let Some(line) = line {
        complain(line, reader);
    }
    let written = args.result.as_ref().map_or(Ok(()), |path| write_result(path, &outcome));
    let Err(line) = written else { return Ok(code) };
    complain(line, reader);
    // How the script ended says more than this does, unless it ended well.
    Ok(if code == exit_codes::OK { exit_codes::FAILED } else { code })
}

/// Everything that the sandbox needs to know.
fn task(args: &Args) -> Result<Task, Failure> {
    let (source, name) = source(&args.file)?;
    let mut task = Task::new(source.to_shared());
    task.file_name = name;
    task.input = object("input", args.input.as_deref())?;
    task.config = object("config", args.config.as_deref())?;
    let named = |field: &'static str| move |invalid: Invalid| invalid.within(field);
    let limits = Limits::default()
        .with_memory(args.memory.parse::<Bytes>().map_err(named("memory"))?)
        .with_wall_time(parse_duration(&args.timeout).map_err(named("timeout"))?)
        .with_output(args.output.parse::<Bytes>().map_err(named("output"))?);
    limits.check().map_err(|invalid| as_flags(&invalid))?;
    task.limits = limits;
    for variable in &args.env {
        let Some((name, value)) = variable.split_once('=') else {
            return Err(Invalid::new("env", format!("{variable:?} has no =; write it as NAME=VALUE")).into());
        };
        task.permissions.environment.insert(name.to_owned(), value.to_owned());
    }
    task.permissions.check().map_err(|invalid| invalid.within("env"))?;
    Ok(task)
}

/// The flag is called `--timeout`, the limit `wall_time`.
fn as_flags(invalid: &Invalid) -> Failure {
    let lines: Vec<_> = invalid
        .problems()
        .iter()
        .map(|it| format!("{}: {}", if it.field == "wall_time" { "timeout" } else { &it.field }, it.message))
        .collect();
    Failure::new(exit_codes::USAGE, lines.join("; "))
}

/// The script, and the name that tracebacks show.
fn source(path: &Path) -> Result<(Source, String), Failure> {
    let mut bytes = Vec::new();
    // One byte more than may be: enough to see that there is too much.
    let most = Source::BYTES_MAX as u64 + 1;
    let (read, name) = if path == Path::new("-") {
        (io::stdin().lock().take(most).read_to_end(&mut bytes), "stdin.py".to_owned())
    } else {
        let name = path.file_name().map_or_else(|| "main.py".to_owned(), |name| name.to_string_lossy().into_owned());
        (fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)), name)
    };
    read.map_err(|error| Invalid::new("file", format!("{} cannot be read: {error}", path.display())))?;
    let source = Source::from_bytes(&bytes).map_err(|invalid| {
        let text: Vec<_> = invalid.problems().iter().map(|it| it.message.as_str()).collect();
        Invalid::new("file", format!("{} {}", path.display(), text.join("; ")))
    })?;
    Ok((source, name))
}

fn object(field: &str, given: Option<&str>) -> Result<JsonObject, Failure> {
    let Some(given) = given else { return Ok(JsonObject::default()) };
    let parsed = match given.strip_prefix('@') {
        Some(path) => {
            let unreadable = |error: io::Error| Invalid::new(field, format!("{path} cannot be read: {error}"));
            let mut bytes = Vec::new();
            // One byte more than may be: enough to see that there is too much.
            let most = JsonObject::BYTES_MAX as u64 + 1;
            let read = fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
            if read.map_err(unreadable)? > JsonObject::BYTES_MAX {
                let text = format!("{path} is too large; give at most {} bytes", JsonObject::BYTES_MAX);
                return Err(Invalid::new(field, text).into());
            }
            JsonObject::parse(&bytes)
        }
        None => JsonObject::parse(given.as_bytes()),
    };
    Ok(parsed.map_err(|invalid| invalid.within(field))?)
}

/// What became of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Somebody read it to the end.
    Read,
    /// Its reader went away.
    Gone,
    /// Its reader is there and does not read.
    Stalled,
}

/// Writes output on a thread of its own, as it comes: a write can block for as long as its reader likes.
fn write_output(mut receiver: OutputReceiver, cancel: CancellationToken) -> oneshot::Receiver<Reader> {
    let (done, written) = oneshot::channel();
    thread::spawn(move || {
        let mut reader = Reader::Read;
        while let Some(chunk) = receiver.blocking_recv() {
            if reader == Reader::Gone {
                continue;
            }
            // Locked for one chunk each: while this thread is stuck on one stream, there is the other to complain on.
            let written = match chunk.stream {
                Stream::Stdout => write_all(&mut io::stdout().lock(), &chunk.bytes),
                Stream::Stderr => write_all(&mut io::stderr().lock(), &chunk.bytes),
            };
            if written.is_err() {
                reader = Reader::Gone;
                cancel.cancel();
            }
        }
        // The command may have ended without waiting for this.
        let _ = done.send(reader);
    });
    written
}

fn write_all(stream: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Waits until the output of a run that has ended is written. A script that ended by itself has all the time that its
/// reader takes, as any program has, but a signal still ends that; one whose time was up, or that was interrupted, has
/// little. A writer that is stuck is left behind, and ends with the process.
async fn wait_for_reader(
    outcome: &RunOutcome,
    written: oneshot::Receiver<Reader>,
    cancel: &CancellationToken,
    signals: &Signals,
) -> Reader {
    let enough = async {
        if matches!(outcome.exit, Exit::TimedOut | Exit::Cancelled) {
            return tokio::time::sleep(READ_WITHIN).await;
        }
        cancel.cancelled().await;
        if signals.first().is_none() {
            // The reader went away, and the writer is about to end.
            tokio::time::sleep(READ_WITHIN).await;
        }
    };
    tokio::select! {
        biased;
        reader = written => reader.unwrap_or(Reader::Gone),
        () = enough => Reader::Stalled,
    }
}

/// Writes a line to stderr, and does not wait for long where nobody reads.
fn complain(line: String, reader: Reader) {
    if reader != Reader::Stalled {
        return output::complain(&line);
    }
    let (done, said) = std::sync::mpsc::channel();
    thread::spawn(move || {
        output::complain(&line);
        let _ = done.send(());
    });
    // Nothing is lost that the exit code does not say.
    let _ = said.recv_timeout(SAID_WITHIN);
}

fn write_result(path: &Path, outcome: &RunOutcome) -> Result<(), String> {
    let text = outcome.result.as_ref().map_or_else(|| "null".to_owned(), ToString::to_string);
    fs::write(path, text + "\n").map_err(|error| format!("result: {} cannot be written: {error}", path.display()))
}

/// The exit code, and the line for stderr where something else than the script ended the run.
fn report(outcome: &RunOutcome, reader: Reader, signal: Option<u8>) -> (u8, Option<String>) {
    let reason = |otherwise: &str| Some(outcome.reason.clone().unwrap_or_else(|| otherwise.to_owned()));
    match (outcome.exit, signal) {
        (Exit::Cancelled, _) if reader == Reader::Gone => (exit_codes::BROKEN_PIPE, None),
        (Exit::Cancelled, _) => {
            (signal.unwrap_or(exit_codes::INTERRUPTED), Some("the script was interrupted".to_owned()))
        }
        (Exit::TimedOut, _) => (exit_codes::TIMED_OUT, reason("the time was up")),
        (_, Some(code)) if reader == Reader::Stalled => {
            (code, Some("it was interrupted before all of the script's output was read".to_owned()))
        }
        (Exit::Code(code), _) => (exit_code(code), None),
        (Exit::Signal(signal), _) => (exit_code(128 + signal), reason("a signal ended the script")),
        (Exit::OutOfMemory, _) => {
            (exit_codes::OUT_OF_MEMORY, reason("the script asked for more memory than it may have"))
        }
        (Exit::OutputLimit, _) => (exit_codes::OUTPUT_LIMIT, reason("the script printed more than it may")),
        _ => (exit_codes::SANDBOX_ERROR, reason("the sandbox broke")),
    }
}

/// A script's code as a process can give it. What does not fit, and is not 0, does not become 0.
fn exit_code(code: i32) -> u8 {
    match u8::try_from(code) {
        Ok(code) => code,
        Err(_) => match code.rem_euclid(256) {
            0 => exit_codes::FAILED,
            low => u8::try_from(low).unwrap_or(exit_codes::FAILED),
        },
    }
}
