//! `automa run`: one script, once, in a sandbox. Its output is our output, its exit code is ours.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use automa_core::agent::BackendChoice;
use automa_core::error::Invalid;
use automa_core::json::JsonObject;
use automa_core::limits::{Bytes, Limits, parse_duration};
use automa_core::sandbox::{Exit, Outcome as RunOutcome, OutputReceiver, OutputSender, Stream, Task};
use automa_core::script::Source;
use tokio_util::sync::CancellationToken;

use super::signals::Signals;
use super::{Failure, Outcome, output, small_runtime};
use crate::exit_codes;
use crate::sandboxes::Sandboxes;

/// How many chunks of output wait to be written before the script has to.
const WAITING: usize = 64;

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
    let (outcome, writer, signal) = runtime.block_on(async {
        let cancel = CancellationToken::new();
        let signals = Signals::watch(cancel.clone())?;
        let (sender, receiver) = OutputSender::channel(WAITING);
        let writer = write_output(receiver, cancel.clone());
        let outcome = sandbox.run(task, sender, cancel).await;
        Ok::<_, Failure>((outcome, writer, signals.first()))
    })?;
    // The sender is gone, so the writer ends once it has written everything.
    let read = writer.join().unwrap_or(true);
    // Threads of the sandbox that are still busy shall not hold up the end.
    runtime.shutdown_background();
    if let Some(path) = &args.result {
        write_result(path, &outcome)?;
    }
    Ok(report(&outcome, read, signal))
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
            JsonObject::parse(&fs::read(path).map_err(unreadable)?)
        }
        None => JsonObject::parse(given.as_bytes()),
    };
    Ok(parsed.map_err(|invalid| invalid.within(field))?)
}

/// Writes output on a thread of its own, as it comes. Its value is whether somebody read it to the end.
fn write_output(mut receiver: OutputReceiver, cancel: CancellationToken) -> JoinHandle<bool> {
    thread::spawn(move || {
        let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
        let mut read = true;
        while let Some(chunk) = receiver.blocking_recv() {
            if !read {
                continue;
            }
            let written = match chunk.stream {
                Stream::Stdout => out.write_all(&chunk.bytes).and_then(|()| out.flush()),
                Stream::Stderr => err.write_all(&chunk.bytes).and_then(|()| err.flush()),
            };
            if written.is_err() {
                read = false;
                cancel.cancel();
            }
        }
        read
    })
}

fn write_result(path: &Path, outcome: &RunOutcome) -> Result<(), Failure> {
    let text = outcome.result.as_ref().map_or_else(|| "null".to_owned(), ToString::to_string);
    fs::write(path, text + "\n").map_err(|error| {
        Failure::new(exit_codes::FAILED, format!("result: {} cannot be written: {error}", path.display()))
    })
}

/// The exit code, after a line on stderr where something else than the script ended the run.
fn report(outcome: &RunOutcome, read: bool, signal: Option<u8>) -> u8 {
    let reason = |otherwise: &str| outcome.reason.clone().unwrap_or_else(|| otherwise.to_owned());
    let (code, line) = match outcome.exit {
        Exit::Code(code) => (exit_code(code), None),
        Exit::Signal(signal) => (exit_code(128 + signal), Some(reason("a signal ended the script"))),
        Exit::TimedOut => (exit_codes::TIMED_OUT, Some(reason("the time was up"))),
        Exit::OutOfMemory => {
            (exit_codes::OUT_OF_MEMORY, Some(reason("the script asked for more memory than it may have")))
        }
        Exit::OutputLimit => (exit_codes::OUTPUT_LIMIT, Some(reason("the script printed more than it may"))),
        Exit::Cancelled if !read => (exit_codes::BROKEN_PIPE, None),
        Exit::Cancelled => (signal.unwrap_or(exit_codes::INTERRUPTED), Some("the script was interrupted".to_owned())),
        _ => (exit_codes::SANDBOX_ERROR, Some(reason("the sandbox broke"))),
    };
    if let Some(line) = line {
        output::complain(&line);
    }
    code
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
