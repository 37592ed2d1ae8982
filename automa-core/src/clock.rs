//! Where the time comes from: the system, or a test that moves it by hand.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

/// Tells the time and waits for it. Everything in Automa that depends on the time asks one of these.
///
/// Promises: `now` has no part finer than a microsecond; `sleep_until` returns once `now` is at or past the instant, never before, and at once when it is past
/// already; dropping its future costs nothing and leaves nothing behind.
#[async_trait]
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Waits until `now` is at or past `instant`.
    async fn sleep_until(&self, instant: Timestamp);
}

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The longest single sleep. The wall clock may be set while we sleep by the monotonic one; after at most this
    /// long we look again.
    const SLICE: Duration = Duration::from_secs(60);
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        // What is stored keeps microseconds; a finer time would not come back as it went in.
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    async fn sleep_until(&self, instant: Timestamp) {
        if instant == Timestamp::MAX {
            // Never: no need to look at the clock from time to time.
            return std::future::pending().await;
        }
        loop {
            let left = instant.duration_since(self.now());
            match Duration::try_from(left) {
                Ok(left) if !left.is_zero() => tokio::time::sleep(left.min(Self::SLICE)).await,
                _ => return,
            }
        }
    }
}

/// A clock that stands still until it is told otherwise, for tests and simulations. Clones share the time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<watch::Sender<Timestamp>>);

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(watch::Sender::new(start)))
    }

    /// Sets the time, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.0.send_replace(now);
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = now.saturating_add(by).unwrap_or(Timestamp::MAX));
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep_until(&self, instant: Timestamp) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|now| *now >= instant).await;
    }
}
