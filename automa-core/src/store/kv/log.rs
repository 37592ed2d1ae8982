//! Output of executions as rows: each chunk in as many rows as it needs, all of an execution side by side.
//!
//! The first row of a chunk begins with a head: the form (1), the stream, the instant and how many rows there are.

use jiff::Timestamp;

use super::parts::PART_BYTES;
use super::{Change, KeyValue, Row, keys};
use crate::error::{Error, Invalid, Result};
use crate::id::ExecutionId;
use crate::sandbox::Stream;
use crate::store::record::split;
use crate::store::{LogChunk, LogSeq, Order};

const FORM: u8 = 1;
const HEAD_BYTES: usize = 1 + 1 + 8 + 4 + 2;
const FIRST_BYTES: usize = PART_BYTES - HEAD_BYTES;

/// How many rows are read at once.
const ROWS_AT_ONCE: usize = 64;

/// The rows that keep a chunk.
pub(super) fn rows(execution: ExecutionId, chunk: &LogChunk) -> Result<Vec<Change>> {
    let (first, rest) = chunk.bytes.split_at(chunk.bytes.len().min(FIRST_BYTES));
    let rest = rest.chunks(PART_BYTES);
    let count = u16::try_from(rest.len() + 1).map_err(|_| {
        let text = format!("a chunk of {} bytes is too large; give at most 32 KiB", chunk.bytes.len());
        Error::from(Invalid::new("lines", text))
    })?;
    let stream = match chunk.stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    };
    let (seconds, nanoseconds) = split(chunk.at);
    let mut head = vec![FORM, stream];
    head.extend_from_slice(&seconds.to_be_bytes());
    head.extend_from_slice(&nanoseconds.to_be_bytes());
    head.extend_from_slice(&count.to_be_bytes());
    head.extend_from_slice(first);
    let mut rows = vec![(keys::log(execution, chunk.seq, 0), Some(head))];
    rows.extend(rest.zip(1..).map(|(part, number)| (keys::log(execution, chunk.seq, number), Some(part.to_vec()))));
    Ok(rows)
}

/// Chunks from a place on, at most `bytes_max` bytes but at least one chunk if there is any.
pub(super) fn read(
    kv: &impl KeyValue,
    execution: ExecutionId,
    from: LogSeq,
    bytes_max: usize,
) -> Result<Vec<LogChunk>> {
    let mut start = keys::log(execution, from, 0);
    let (_, end) = keys::log_of(execution);
    let mut chunks: Vec<LogChunk> = Vec::new();
    // How many rows the last chunk still lacks.
    let mut lacking = 0_u16;
    let mut bytes = 0;
    loop {
        let rows = kv.range(&start, &end, Order::OldestFirst, ROWS_AT_ONCE)?;
        let Some((last, _)) = rows.last() else { break };
        start = keys::just_behind(last);
        let full = rows.len() == ROWS_AT_ONCE;
        for row in rows {
            match take(row, execution, &mut lacking)? {
                Taken::Head(chunk) => {
                    if !chunks.is_empty() && bytes + chunk.bytes.len() + usize::from(lacking) * PART_BYTES > bytes_max {
                        // It would not fit, or might not: the next call begins with it.
                        return fit(chunks, bytes_max);
                    }
                    bytes += chunk.bytes.len();
                    chunks.push(chunk);
                }
                Taken::Part(part) => {
                    bytes += part.len();
                    if let Some(chunk) = chunks.last_mut() {
                        chunk.bytes.extend_from_slice(&part);
                    }
                }
                Taken::Nothing => {}
            }
        }
        if !full {
            break;
        }
    }
    if lacking > 0 {
        return Err(damaged(execution));
    }
    fit(chunks, bytes_max)
}

/// Takes off chunks from the end until the rest fits.
fn fit(mut chunks: Vec<LogChunk>, bytes_max: usize) -> Result<Vec<LogChunk>> {
    let mut bytes: usize = chunks.iter().map(|chunk| chunk.bytes.len()).sum();
    while bytes > bytes_max && chunks.len() > 1 {
        bytes -= chunks.pop().map_or(0, |chunk| chunk.bytes.len());
    }
    Ok(chunks)
}

enum Taken {
    /// The beginning of a chunk.
    Head(LogChunk),
    /// More of the chunk before.
    Part(Vec<u8>),
    /// What an earlier, longer chunk at the same place left.
    Nothing,
}

fn take((key, value): Row, execution: ExecutionId, lacking: &mut u16) -> Result<Taken> {
    let (seq, number) = keys::read_log(&key).ok_or_else(|| damaged(execution))?;
    if number > 0 {
        if *lacking == 0 {
            return Ok(Taken::Nothing);
        }
        *lacking -= 1;
        return Ok(Taken::Part(value));
    }
    let (chunk, count) = head(seq, &value).filter(|_| *lacking == 0).ok_or_else(|| damaged(execution))?;
    *lacking = count.saturating_sub(1);
    Ok(Taken::Head(chunk))
}

/// Reads the first row of a chunk.
fn head(seq: LogSeq, value: &[u8]) -> Option<(LogChunk, u16)> {
    let [FORM, stream, rest @ ..] = value else { return None };
    let stream = match stream {
        1 => Stream::Stdout,
        2 => Stream::Stderr,
        _ => return None,
    };
    let (seconds, rest) = rest.split_first_chunk::<8>()?;
    let (nanoseconds, rest) = rest.split_first_chunk::<4>()?;
    let (count, bytes) = rest.split_first_chunk::<2>()?;
    let nanoseconds = i32::try_from(u32::from_be_bytes(*nanoseconds)).ok()?;
    let at = Timestamp::new(i64::from_be_bytes(*seconds), nanoseconds).ok()?;
    Some((LogChunk { seq, at, stream, bytes: bytes.to_vec() }, u16::from_be_bytes(*count)))
}

fn damaged(execution: ExecutionId) -> Error {
    Error::Damaged(format!("the output of execution {execution}"))
}
