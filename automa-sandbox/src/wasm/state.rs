//! What is known about a run while it runs: kept outside the store, so that it outlives it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use automa_core::json::Json;

/// Shared by the store, the worker and the caller of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct RunState(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    result: Mutex<Option<Json>>,
    memory: AtomicU64,
    /// Memory was asked for and refused.
    refused: AtomicBool,
    cpu_nanoseconds: AtomicU64,
}

impl RunState {
    /// Keeps a result; the last one counts.
    pub(super) fn set_result(&self, result: Json) {
        *self.0.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }

    /// The result, given away.
    pub(super) fn take_result(&self) -> Option<Json> {
        self.0.result.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes a size of the memory, and whether more was refused.
    pub(super) fn memory(&self, size: u64, refused: bool) {
        self.0.memory.fetch_max(size, Ordering::Relaxed);
        self.0.refused.fetch_or(refused, Ordering::Relaxed);
    }

    /// The largest size of the memory, and whether more was ever refused.
    pub(super) fn peak_memory(&self) -> (u64, bool) {
        (self.0.memory.load(Ordering::Relaxed), self.0.refused.load(Ordering::Relaxed))
    }

    /// Adds processor time.
    pub(super) fn add_cpu(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.cpu_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Processor time so far.
    pub(super) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.0.cpu_nanoseconds.load(Ordering::Relaxed))
    }
}
