//! The clock of all runs: interrupts computing guests at short intervals, and rings alarms.
//!
//! A thread of its own, because it must come to its turn when every worker is busy computing. It sleeps until it is
//! needed: while no guest is on a worker and no alarm is set, it costs nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wasmtime::EngineWeak;

/// How often a computing guest is interrupted, which gives other guests a turn and lets it be stopped.
const TICK: Duration = Duration::from_millis(5);
/// How long the ticks go on after the last guest has left its worker: a nap costs more than a few ticks.
const NAP_AFTER: Duration = Duration::from_millis(200);

/// The clock. Dropping it ends its thread.
#[derive(Debug)]
pub(super) struct Ticker(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How many guests are on a worker right now.
    at_work: AtomicUsize,
    /// The thread sleeps without ticking and has to be woken for work.
    napping: AtomicBool,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    alarms: BinaryHeap<Reverse<Alarm>>,
    closed: bool,
}

#[derive(Debug)]
struct Alarm {
    at: Instant,
    ring: oneshot::Sender<()>,
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

/// A guest that is on a worker; dropping it says that it has left.
#[derive(Debug)]
pub(super) struct AtWork<'a>(&'a Shared);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ticker {
    /// Starts the thread that interrupts the guests of `engine`.
    pub(super) fn start(engine: EngineWeak) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("automa-ticker".to_owned()).spawn(move || theirs.run(&engine))?;
        Ok(Self(shared))
    }

    /// Says that a guest is on a worker, and has to be interrupted, until the answer is dropped.
    pub(super) fn at_work(&self) -> AtWork<'_> {
        self.0.at_work.fetch_add(1, Ordering::SeqCst);
        if self.0.napping.load(Ordering::SeqCst) {
            let _state = self.0.lock();
            self.0.wake.notify_one();
        }
        AtWork(&self.0)
    }

    /// Rings at that time. An alarm that is dropped is forgotten before long.
    pub(super) fn alarm(&self, at: Instant) -> oneshot::Receiver<()> {
        let (ring, alarm) = oneshot::channel();
        let mut state = self.0.lock();
        let first = state.alarms.peek().is_none_or(|Reverse(first)| at < first.at);
        state.alarms.push(Reverse(Alarm { at, ring }));
        if state.alarms.len() > 64 && state.alarms.len().is_power_of_two() {
            state.alarms.retain(|Reverse(alarm)| !alarm.ring.is_closed());
        }
        drop(state);
        if first {
            self.0.wake.notify_one();
        }
        alarm
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, engine: &EngineWeak) {
        let mut worked = Instant::now();
        let mut state = self.lock();
        while !state.closed {
            let now = Instant::now();
            state.ring(now);
            if self.at_work.load(Ordering::SeqCst) > 0 {
                worked = now;
            }
            let wait = if now.duration_since(worked) < NAP_AFTER {
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
                Some(TICK)
            } else {
                self.napping.store(true, Ordering::SeqCst);
                if self.at_work.load(Ordering::SeqCst) > 0 {
                    self.napping.store(false, Ordering::SeqCst);
                    continue;
                }
                state.next().map(|at| at.saturating_duration_since(now))
            };
            state = match wait {
                Some(wait) => self.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            self.napping.store(false, Ordering::SeqCst);
        }
    }
}

impl State {
    /// Rings what is due, and forgets at the front what nobody waits for.
    fn ring(&mut self, now: Instant) {
        while self.alarms.peek().is_some_and(|Reverse(alarm)| alarm.at <= now || alarm.ring.is_closed()) {
            if let Some(Reverse(alarm)) = self.alarms.pop() {
                let _ = alarm.ring.send(());
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        self.alarms.peek().map(|Reverse(alarm)| alarm.at)
    }
}
