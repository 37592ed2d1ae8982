//! What is known about a run while it runs: kept outside the store, so that it outlives it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use automa_core::json::Json;

use super::host::bindings::Ending;

/// Shared by the store, the worker and the caller of one run.
#[derive(Debug, Clone, Default)]
pub(super) struct RunState(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// A text that has been checked.
    result: Mutex<Option<String>>,
    /// How the script said that it ended, before its objects were tidied away.
    ending: Mutex<Option<Ending>>,
    memory: AtomicU64,
    /// Memory was asked for and refused.
    refused: AtomicBool,
    /// The last time that memory was asked for, it was refused.
    short: AtomicBool,
    cpu_nanoseconds: AtomicU64,
}

impl RunState {
    /// Keeps the text of a result, which has been checked; the last one counts.
    pub(super) fn set_result(&self, json: String) {
        *self.0.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(json);
    }

    /// The result, given away.
    pub(super) fn take_result(&self) -> Option<Json> {
        let json = self.0.result.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        // What is left to refuse is a number that is longer in our words than in the script's.
        Json::parse(json.as_bytes()).inspect_err(|error| tracing::warn!("a result is dropped: it {error}")).ok()
    }

    /// Notes how the script ended; the last word counts.
    pub(super) fn ended(&self, ending: Ending) {
        *self.0.ending.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending);
    }

    /// How the script said that it ended, given away.
    pub(super) fn take_ending(&self) -> Option<Ending> {
        self.0.ending.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes a size of the memory, and whether more was refused.
    pub(super) fn memory(&self, size: u64, refused: bool) {
        self.0.memory.fetch_max(size, Ordering::Relaxed);
        self.0.refused.fetch_or(refused, Ordering::Relaxed);
        self.0.short.store(refused, Ordering::Relaxed);
    }

    /// The largest size of the memory.
    pub(super) fn peak_memory(&self) -> u64 {
        self.0.memory.load(Ordering::Relaxed)
    }

    /// Whether memory was ever refused.
    pub(super) fn was_refused_memory(&self) -> bool {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Whether memory was refused, and none granted after that.
    pub(super) fn is_short_of_memory(&self) -> bool {
        self.0.short.load(Ordering::Relaxed)
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
