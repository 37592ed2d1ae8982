//! Claims queued executions while there is room, and starts a run for each.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::{Inner, run};
use crate::error::Result;
use crate::execution::Execution;
use crate::store::{Claim, PageRequest, Query, StoreExt as _, Topic};

/// The most executions that are claimed at once, so that one claim stays a small write.
const CLAIM_MAX: usize = 64;

/// Runs until the engine stops. Runs that have begun go on after that.
pub(super) async fn run(inner: Arc<Inner>) {
    let slots = Arc::new(Semaphore::new(inner.settings.workers));
    let mut queued = inner.store.watch(Topic::Queue);
    let worker = format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple());
    loop {
        let room = tokio::select! {
            // Asked first: nothing is begun once the engine stops.
            biased;
            () = inner.stopping.cancelled() => return,
            room = Arc::clone(&slots).acquire_owned() => room,
        };
        // The semaphore is never closed.
        let Ok(first) = room else { return };
        match claim(&inner, &worker, 1 + slots.available_permits()).await {
            Ok(claimed) if claimed.is_empty() => {
                drop(first);
                if !wait_for_work(&inner, &mut queued).await {
                    return;
                }
            }
            Ok(claimed) => {
                let mut room = Some(first);
                for execution in claimed {
                    // No more were claimed than there are slots, and only this loop takes slots.
                    let slot = room.take().or_else(|| Arc::clone(&slots).try_acquire_owned().ok());
                    inner.tasks.spawn(run::run(Arc::clone(&inner), execution, slot));
                }
            }
            Err(error) => {
                tracing::error!(%error, "failed to claim queued executions; trying again in a second");
                drop(first);
                if !inner.pause().await {
                    return;
                }
            }
        }
    }
}

async fn claim(inner: &Inner, worker: &str, room: usize) -> Result<Vec<Execution>> {
    let now = inner.clock.now();
    let until = now.saturating_add(inner.settings.lease).unwrap_or(Timestamp::MAX);
    let claim = Claim { worker: worker.to_owned(), now, until, limit: room.min(CLAIM_MAX) };
    inner.store.claim(&claim).await
}

/// Waits until something was queued or something queued becomes available. `false` when stopping.
async fn wait_for_work(inner: &Inner, queued: &mut crate::store::Watcher) -> bool {
    let next = inner.store.page::<Execution>(&Query::Queue(Timestamp::MAX), &PageRequest::first(1)).await;
    let available = match &next {
        Ok(page) => page.items.first().map_or(Timestamp::MAX, Execution::available_at),
        Err(_) => return inner.pause().await,
    };
    tokio::select! {
        () = inner.stopping.cancelled() => false,
        () = queued.changed() => true,
        () = inner.clock.sleep_until(available) => true,
    }
}
