//! stdout and stderr of one run: what the guest writes goes to the reader at once, in order, up to the limit.
//!
//! A write is handed to the channel directly while it has room. When it has none, what was written waits here, and the
//! script waits once that is too much. [`Output::pump`] sends what waits as soon as the reader has made room, also
//! while the script sleeps.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use automa_core::sandbox::{OutputChunk, OutputSender, Stream};
use bytes::Bytes;
use tokio::sync::Notify;
use tokio::sync::mpsc::error::TrySendError;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// The most bytes that wait here before the script has to wait.
const WAITING_MAX: usize = 64 * 1024;

/// Why the guest was ended by a write.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the output is over its limit")]
pub(super) struct OverLimit;

/// The output of one run. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Output(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something waits to be sent.
    filled: Notify,
    /// There is room for more.
    emptied: Notify,
}

#[derive(Debug)]
struct State {
    /// Where it goes; `None` throws it away: nobody reads, or it is over.
    sender: Option<OutputSender>,
    /// Whether what is written counts and is sent. It does not while an instance is being prepared.
    counts: bool,
    waiting: VecDeque<OutputChunk>,
    waiting_bytes: usize,
    written: u64,
    limit: u64,
    over: bool,
}

impl Output {
    /// An output that throws everything away until [`Output::begin`].
    pub(super) fn muted() -> Self {
        let state = State {
            sender: None,
            counts: false,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            written: 0,
            limit: 0,
            over: false,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), filled: Notify::new(), emptied: Notify::new() }))
    }

    /// From now on, sends to `sender` at most `limit` bytes.
    pub(super) fn begin(&self, sender: OutputSender, limit: u64) {
        let mut state = self.lock();
        state.sender = Some(sender);
        state.counts = true;
        state.limit = limit;
    }

    /// Nothing more is sent, whatever the guest still does.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.sender = None;
        state.waiting.clear();
        state.waiting_bytes = 0;
    }

    /// How many bytes were written, and whether that was over the limit.
    pub(super) fn written(&self) -> (u64, bool) {
        let state = self.lock();
        (state.written, state.over)
    }

    /// Adds a line of ours to stderr, if there is room for it.
    pub(super) fn say(&self, line: &str) {
        let room = {
            let state = self.lock();
            state.limit.saturating_sub(state.written)
        };
        if line.len() as u64 <= room {
            // It fits, so it cannot be over the limit.
            let _ = self.write(Stream::Stderr, line.as_bytes());
        }
    }

    /// Sends what waits, for ever. It is polled beside the guest.
    pub(super) async fn pump(&self) -> Infallible {
        loop {
            self.flush().await;
            self.0.filled.notified().await;
        }
    }

    /// Returns when nothing waits any more.
    pub(super) async fn flush(&self) {
        loop {
            let Some(sender) = self.lock().next_sender() else { return };
            let Ok(permit) = sender.inner().reserve().await else {
                self.close();
                self.0.emptied.notify_one();
                return;
            };
            if let Some(chunk) = self.lock().take() {
                permit.send(chunk);
            }
            self.0.emptied.notify_one();
        }
    }

    /// The stream that the guest writes to.
    pub(super) fn stream(&self, stream: Stream) -> OutputPipe {
        OutputPipe { output: self.clone(), stream }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, stream: Stream, bytes: &[u8]) -> Result<(), OverLimit> {
        let mut state = self.lock();
        if !state.counts {
            return Ok(());
        }
        let room = usize::try_from(state.limit - state.written).unwrap_or(usize::MAX);
        let taken = bytes.len().min(room);
        state.written += taken as u64;
        state.over |= taken < bytes.len();
        state.put(stream, &bytes[..taken]);
        state.send_now();
        let (over, waits) = (state.over, !state.waiting.is_empty());
        drop(state);
        if waits {
            self.0.filled.notify_one();
        }
        if over { Err(OverLimit) } else { Ok(()) }
    }
}

impl State {
    /// Appends to what waits; small writes to the same stream share a chunk.
    fn put(&mut self, stream: Stream, bytes: &[u8]) {
        if self.sender.is_none() {
            return;
        }
        self.waiting_bytes += bytes.len();
        let mut rest = bytes;
        if let Some(last) = self.waiting.back_mut().filter(|last| last.stream == stream) {
            let room = OutputSender::CHUNK_MAX.saturating_sub(last.bytes.len()).min(rest.len());
            last.bytes.extend_from_slice(&rest[..room]);
            rest = &rest[room..];
        }
        for part in rest.chunks(OutputSender::CHUNK_MAX) {
            self.waiting.push_back(OutputChunk { stream, bytes: part.to_vec() });
        }
    }

    /// Sends as much as the channel has room for.
    fn send_now(&mut self) {
        while let Some(sender) = self.next_sender() {
            match sender.inner().try_reserve() {
                Ok(permit) => {
                    if let Some(chunk) = self.take() {
                        permit.send(chunk);
                    }
                }
                Err(TrySendError::Full(())) => return,
                Err(TrySendError::Closed(())) => {
                    self.sender = None;
                    self.waiting.clear();
                    self.waiting_bytes = 0;
                }
            }
        }
    }

    /// Where to send, if there is anything to be sent.
    fn next_sender(&self) -> Option<OutputSender> {
        if self.waiting.is_empty() { None } else { self.sender.clone() }
    }

    fn take(&mut self) -> Option<OutputChunk> {
        let chunk = self.waiting.pop_front()?;
        self.waiting_bytes -= chunk.bytes.len();
        Some(chunk)
    }
}

/// One of the two streams, as wasmtime-wasi wants it.
#[derive(Debug, Clone)]
pub(super) struct OutputPipe {
    output: Output,
    stream: Stream,
}

impl IsTerminal for OutputPipe {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for OutputPipe {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this, which the guest does not use.
        Box::new(tokio::io::sink())
    }
}

#[async_trait]
impl Pollable for OutputPipe {
    async fn ready(&mut self) {
        loop {
            let emptied = self.output.0.emptied.notified();
            if self.output.lock().waiting_bytes < WAITING_MAX {
                return;
            }
            emptied.await;
        }
    }
}

#[async_trait]
impl OutputStream for OutputPipe {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.write(self.stream, &bytes).map_err(|over| StreamError::Trap(wasmtime::Error::new(over)))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let waiting = self.output.lock().waiting_bytes;
        Ok(if waiting < WAITING_MAX { WAITING_MAX } else { 0 })
    }
}
