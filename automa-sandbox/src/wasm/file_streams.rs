//! Reading and writing a file of [`Scratch`](super::scratch::Scratch) as a stream. Neither ever waits.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::files::{SharedScratch, code, lock};
use super::scratch::{NodeId, Refusal};

/// The most bytes that one call moves.
const STEP_MAX: usize = 256 * 1024;

/// A node that is held open as long as this lives.
#[derive(Debug)]
struct Held {
    scratch: SharedScratch,
    node: NodeId,
}

impl Held {
    fn new(scratch: &SharedScratch, node: NodeId) -> Self {
        lock(scratch).hold(node);
        Self { scratch: Arc::clone(scratch), node }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.scratch).release(self.node);
    }
}

/// Reads a file from some place on.
#[derive(Debug)]
pub(super) struct FileReader {
    file: Held,
    at: u64,
}

impl FileReader {
    pub(super) fn new(scratch: &SharedScratch, node: NodeId, at: u64) -> Self {
        Self { file: Held::new(scratch, node), at }
    }
}

#[async_trait]
impl Pollable for FileReader {
    async fn ready(&mut self) {}
}

#[async_trait]
impl InputStream for FileReader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = lock(&self.file.scratch).read(self.file.node, self.at, size.min(STEP_MAX)).map_err(failed)?;
        if bytes.is_empty() && size > 0 {
            return Err(StreamError::Closed);
        }
        self.at += bytes.len() as u64;
        Ok(bytes.into())
    }
}

/// Writes to a file: from some place on, or always at its end.
#[derive(Debug)]
pub(super) struct FileWriter {
    file: Held,
    at: Option<u64>,
}

impl FileWriter {
    pub(super) fn new(scratch: &SharedScratch, node: NodeId, at: Option<u64>) -> Self {
        Self { file: Held::new(scratch, node), at }
    }
}

#[async_trait]
impl Pollable for FileWriter {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for FileWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut scratch = lock(&self.file.scratch);
        let at = self.at.unwrap_or_else(|| scratch.status(self.file.node).size);
        scratch.write(self.file.node, at, &bytes).map_err(failed)?;
        self.at = self.at.map(|at| at + bytes.len() as u64);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(STEP_MAX)
    }
}

/// A refusal as the stream's error; `filesystem-error-code` finds the code in it.
fn failed(refusal: Refusal) -> StreamError {
    StreamError::LastOperationFailed(wasmtime::Error::new(code(refusal)))
}
