//! What scripts printed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use automa_core::error::Problem as Fault;
use automa_core::execution::Execution;
use automa_core::store::{LogChunk, LogSeq};

use crate::extract::QueryInput;

/// Some output: what a script wrote at one time to one stream. Not always a whole line, sometimes several.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogChunk)]
pub(crate) struct ChunkOut {
    /// Its place in the execution's output: 0, 1, 2 and so on without a gap.
    seq: u64,
    /// When it arrived.
    at: Timestamp,
    /// `stdout` or `stderr`.
    #[schema(example = "stdout")]
    stream: &'static str,
    /// The output as text. Bytes that are not UTF-8 are shown as U+FFFD.
    #[schema(example = "hello\n")]
    text: String,
    /// The output as it is, in base64; only where `text` is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl From<LogChunk> for ChunkOut {
    fn from(chunk: LogChunk) -> Self {
        let (text, base64) = match String::from_utf8(chunk.bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let bytes = error.into_bytes();
                (String::from_utf8_lossy(&bytes).into_owned(), Some(STANDARD.encode(&bytes)))
            }
        };
        Self { seq: chunk.seq.0, at: chunk.at, stream: chunk.stream.name(), text, base64 }
    }
}

/// A part of an execution's output.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogPage)]
pub(crate) struct LogPage {
    /// Whose output; `null` for an agent that never ran.
    #[schema(format = Uuid)]
    execution_id: Option<String>,
    /// The output, in order.
    items: Vec<ChunkOut>,
    /// Give it as `from` to read on.
    next: u64,
    /// Whether this is all, for ever: the execution has ended and its output was read to the end.
    complete: bool,
}

impl LogPage {
    /// What was read from place `from` on. `ended` is whether the execution had ended before it was read.
    pub(crate) fn new(id: &Execution, from: LogSeq, chunks: Vec<LogChunk>, ended: bool) -> Self {
        let next = chunks.last().map_or(from.0, |last| last.seq.0 + 1);
        let complete = ended && chunks.is_empty();
        let items = chunks.into_iter().map(ChunkOut::from).collect();
        Self { execution_id: Some(id.id.to_string()), items, next, complete }
    }

    /// The output of an agent that never ran.
    pub(crate) fn none() -> Self {
        Self { execution_id: None, items: Vec::new(), next: 0, complete: true }
    }
}

/// How an execution ended: the data of the event `end` of live output.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogEnd)]
pub(crate) struct EndOut {
    /// How it ended.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// Why, for people.
    reason: Option<String>,
    /// The script's exit code, if it ended with one.
    exit_code: Option<i32>,
}

impl From<&Execution> for EndOut {
    fn from(execution: &Execution) -> Self {
        Self {
            status: execution.status().name(),
            reason: execution.reason().map(str::to_owned),
            exit_code: execution.exit_code(),
        }
    }
}

/// Which output, and in which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// From this place on; 0 unless given.
    #[param(value_type = Option<u64>)]
    from: Option<String>,
    /// At most this many bytes of output, 1 to 1048576; 262144 unless given.
    #[param(value_type = Option<u32>)]
    bytes: Option<String>,
    /// `true` for the output as it comes, as server-sent events; the same as `Accept: text/event-stream`.
    #[param(value_type = Option<bool>)]
    follow: Option<String>,
    /// `text` for all of it as one download, byte for byte; the same as `Accept: text/plain`.
    #[param(example = "text")]
    format: Option<String>,
}

/// What a [`LogQuery`] asks for.
#[derive(Debug)]
pub(crate) struct LogRequest {
    /// From which place on; as far as it was given.
    pub(crate) from: Option<LogSeq>,
    /// At most how many bytes.
    pub(crate) bytes: usize,
    /// Whether to go on as more comes.
    pub(crate) follow: bool,
    /// Whether to send bare bytes.
    pub(crate) plain: bool,
}

impl QueryInput for LogQuery {
    type Meaning = LogRequest;

    fn read(self, faults: &mut Vec<Fault>) -> LogRequest {
        const BYTES_MAX: usize = 1024 * 1024;
        let mut request = LogRequest { from: None, bytes: BYTES_MAX / 4, follow: false, plain: false };
        match self.from.as_deref().map(str::parse) {
            None => {}
            Some(Ok(from)) => request.from = Some(LogSeq(from)),
            Some(Err(_)) => faults.push(Fault::new("from", "must be a whole number: a place in the output, from 0")),
        }
        match self.bytes.as_deref().map(str::parse) {
            None => {}
            Some(Ok(bytes @ 1..=BYTES_MAX)) => request.bytes = bytes,
            Some(_) => faults.push(Fault::new("bytes", format!("must be a whole number from 1 to {BYTES_MAX}"))),
        }
        match self.follow.as_deref() {
            None | Some("false") => {}
            Some("true") => request.follow = true,
            Some(_) => faults.push(Fault::new("follow", "must be true or false")),
        }
        match self.format.as_deref() {
            None | Some("json") => {}
            Some("text") => request.plain = true,
            Some(_) => faults.push(Fault::new("format", "must be json or text")),
        }
        if request.follow && request.plain {
            faults.push(Fault::new("format", "text cannot be followed; leave out one of the two"));
        }
        request
    }
}
