//! Calls the scheduler when something is due, and sleeps in between.

use std::sync::Arc;

use jiff::Timestamp;

use super::Inner;
use crate::store::Topic;

/// Runs until the engine stops.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut changed = inner.store.watch(Topic::Schedule);
    while !inner.stopping.is_cancelled() {
        match inner.scheduler.run_due(inner.clock.now()).await {
            Ok(due) => {
                let next = due.next.unwrap_or(Timestamp::MAX);
                tokio::select! {
                    () = inner.stopping.cancelled() => return,
                    () = changed.changed() => {}
                    () = inner.clock.sleep_until(next) => {}
                }
            }
            Err(error) => {
                tracing::error!(%error, "failed to queue what is due; trying again in a second");
                if !inner.pause().await {
                    return;
                }
            }
        }
    }
}
