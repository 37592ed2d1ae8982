//! Wakes those who wait for a change, so that nobody has to poll.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::id::ExecutionId;

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// An execution was queued.
    Queue,
    /// A job was made, changed or removed.
    Schedule,
    /// An execution's record.
    Execution(ExecutionId),
    /// An execution's output.
    Log(ExecutionId),
}

/// Who waits for what. A store owns one and tells it of each change that it has made durable.
#[derive(Debug, Default)]
pub struct Hub {
    topics: Mutex<Topics>,
}

#[derive(Debug, Default)]
struct Topics {
    senders: HashMap<Topic, watch::Sender<u64>>,
    /// How many topics there may be before those that nobody watches are cleared away: twice what was left the last
    /// time, so that clearing costs each watcher a constant share.
    sweep_above: usize,
}

impl Hub {
    /// Something that wakes when `topic` changes.
    pub fn watch(&self, topic: Topic) -> Watcher {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if topics.senders.len() > topics.sweep_above.max(64) {
            topics.senders.retain(|_, sender| sender.receiver_count() > 0);
            topics.sweep_above = topics.senders.len() * 2;
        }
        Watcher(topics.senders.entry(topic).or_insert_with(|| watch::Sender::new(0)).subscribe())
    }

    /// Wakes everything that watches `topic`.
    pub fn notify(&self, topic: Topic) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = topics.senders.get(&topic) {
            sender.send_modify(|count| *count += 1);
        }
    }
}

/// Waits for changes of one topic. A change between two waits is not lost: the second returns at once.
#[derive(Debug)]
pub struct Watcher(watch::Receiver<u64>);

impl Watcher {
    /// Returns after the next change, or at once if there was one since the last call. Waits for ever when the store
    /// is gone.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
