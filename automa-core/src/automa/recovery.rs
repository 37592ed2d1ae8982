//! Finds executions whose worker is gone, marks them `lost` and lets their policy decide what follows.

use std::sync::Arc;

use jiff::Timestamp;

use super::Inner;
use super::run::followers;
use crate::access::Principal;
use crate::audit::NewAuditEvent;
use crate::error::{Error, Result};
use crate::execution::Execution;
use crate::store::{Batch, PageRequest, Query, StoreExt as _};

/// Looks once. In a store that only this process can have open, whatever runs at start-up has lost its worker.
pub(super) async fn recover(inner: &Inner) -> Result<()> {
    let now = inner.clock.now();
    let until = if inner.store.is_exclusive() { Timestamp::MAX } else { now };
    loop {
        let dead = inner.store.page::<Execution>(&Query::Leases(until), &PageRequest::first(100)).await?;
        if dead.items.is_empty() {
            return Ok(());
        }
        for execution in dead.items {
            match lose(inner, execution, now).await {
                // Its worker, or another recovery, was quicker.
                Ok(()) | Err(Error::Stale(_) | Error::State(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

async fn lose(inner: &Inner, mut execution: Execution, now: Timestamp) -> Result<()> {
    let worker = execution.lease().map_or_else(String::new, |lease| lease.worker.clone());
    let next = execution.lose("the process that ran it ended before the script did", now)?;
    tracing::warn!(execution = %execution.id, %worker, "an execution lost its worker");
    let event = NewAuditEvent::done(now, &Principal::System, "execution.lose", execution.id.to_ref())
        .with("worker", worker)
        .with("status", execution.status().name());
    let batch = followers(inner, &execution, next, Batch::new(), now).await?.update(execution);
    inner.store.commit(inner.auditor.attach(batch, event)).await
}

/// In a store that several processes share: looks again whenever the next lease could end. Runs until the engine stops.
pub(super) async fn run(inner: Arc<Inner>) {
    loop {
        let next = match recover(&inner).await {
            Ok(()) => inner.store.page::<Execution>(&Query::Leases(Timestamp::MAX), &PageRequest::first(1)).await,
            Err(error) => Err(error),
        };
        let ends = match next {
            Ok(page) => page.items.first().and_then(|it| it.lease().map(|lease| lease.until)),
            Err(error) => {
                tracing::error!(%error, "failed to look for lost executions; trying again in a second");
                if inner.pause().await {
                    continue;
                }
                return;
            }
        };
        // Without a lease, another worker may take one at any moment, and end before its time is up.
        let lease = inner.clock.now().saturating_add(inner.settings.lease).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            () = inner.clock.sleep_until(ends.unwrap_or(lease)) => {}
        }
    }
}
