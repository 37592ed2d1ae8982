//! What runs in this process at this moment, and how to make it stop.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::id::ExecutionId;

/// The runs of this process, and whether it runs any at all.
#[derive(Debug, Default)]
pub(super) struct Running {
    begun: AtomicBool,
    ended: AtomicBool,
    runs: Mutex<HashMap<ExecutionId, CancellationToken>>,
    abandoned: CancellationToken,
}

impl Running {
    /// `true` for the first caller.
    pub(super) fn begin(&self) -> bool {
        !self.begun.swap(true, Ordering::SeqCst)
    }

    /// Takes a beginning back that came to nothing.
    pub(super) fn begin_again(&self) {
        self.begun.store(false, Ordering::SeqCst);
    }

    /// `true` for the first caller after a beginning.
    pub(super) fn end(&self) -> bool {
        self.begun.load(Ordering::SeqCst) && !self.ended.swap(true, Ordering::SeqCst)
    }

    /// Notes a run; the token ends it.
    pub(super) fn enter(&self, id: ExecutionId) -> CancellationToken {
        let token = CancellationToken::new();
        self.lock().insert(id, token.clone());
        token
    }

    pub(super) fn leave(&self, id: ExecutionId) {
        self.lock().remove(&id);
    }

    /// Cancelled when what runs is not waited for any longer.
    pub(super) const fn abandoned(&self) -> &CancellationToken {
        &self.abandoned
    }

    /// Gives up everything that runs.
    pub(super) fn abandon_all(&self) {
        self.abandoned.cancel();
        for token in self.lock().values() {
            token.cancel();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ExecutionId, CancellationToken>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
