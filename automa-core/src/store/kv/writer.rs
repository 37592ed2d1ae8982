//! The one thread that writes: takes what waits, makes it durable with one sync, then answers.

use std::collections::HashSet;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::check::{Group, Memory};
use super::{KeyValue, Shared};
use crate::error::{Error, Result};
use crate::execution::{Execution, Fence};
use crate::id::ExecutionId;
use crate::store::{Batch, Claim, LogChunk, Topic};

/// The most jobs that share a sync.
const JOBS_MAX: usize = 256;

/// A group takes no more jobs once it is about this large, so that whatever it writes fits where `room` found room.
const BYTES_MAX: usize = 1024 * 1024;

type Reply<T> = oneshot::Sender<Result<T>>;

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    Commit(Batch, Reply<()>),
    Claim(Claim, Reply<Vec<Execution>>),
    Append(ExecutionId, Fence, Vec<LogChunk>, Reply<()>),
}

/// An answer that is given once the store is as durable as it promises.
enum Answer {
    Done(Result<()>, Reply<()>),
    Claimed(Result<Vec<Execution>>, Reply<Vec<Execution>>),
}

impl Answer {
    /// Gives it; the failure instead when there was one. A caller that has gone away needs none.
    fn give(self, failure: Option<&Failure>) {
        match self {
            Self::Done(done, reply) => drop(reply.send(failure.map_or(done, |failure| Err(failure.error())))),
            Self::Claimed(done, reply) => drop(reply.send(failure.map_or(done, |failure| Err(failure.error())))),
        }
    }
}

/// Why a group was not made durable, to be told to each of its callers.
#[derive(Debug, Clone)]
struct Failure {
    full: bool,
    text: String,
}

impl Failure {
    fn error(&self) -> Error {
        if self.full {
            Error::DiskFull(std::io::Error::new(std::io::ErrorKind::StorageFull, self.text.clone()))
        } else {
            Error::Store(self.text.clone().into())
        }
    }

    /// The failure of one group: nothing was changed, and the next may succeed.
    fn passing(error: &Error) -> Self {
        Self { full: matches!(error, Error::DiskFull(_)), text: words(error) }
    }

    /// The failure after which it is unknown what is on the disk.
    fn lasting(error: &Error) -> Self {
        let Self { full, text } = Self::passing(error);
        Self { full, text: format!("{text}; nothing is written any more: open the store again") }
    }
}

/// An error and what caused it, in one line.
fn words(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// The callers' end. Dropping it ends the thread, after what was asked is done.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start<K: KeyValue>(shared: Arc<Shared<K>>) -> Result<Self> {
        let memory = Memory::load(&shared.kv)?;
        let (jobs, waiting) = mpsc::channel();
        let work = move || Worker { shared, memory, failed: None, unsynced: false }.run(&waiting);
        let thread = std::thread::Builder::new().name("automa-store".to_owned()).spawn(work).map_err(Error::store)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// One that refuses every job.
    pub(super) const fn ended() -> Self {
        Self { jobs: None, thread: None }
    }

    /// Asks the thread to do a job and waits for its answer.
    pub(super) async fn submit<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T> {
        let gone = || Error::Store("the store's writer has ended; open the store again".into());
        let (reply, answer) = oneshot::channel();
        self.jobs.as_ref().ok_or_else(gone)?.send(job(reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It panicked, if anything: the callers that waited have been told.
            let _ = thread.join();
        }
    }
}

/// The thread's own.
struct Worker<K: KeyValue> {
    shared: Arc<Shared<K>>,
    memory: Memory,
    /// Set once, for good.
    failed: Option<Failure>,
    /// Whether output was applied that no sync has covered yet.
    unsynced: bool,
}

impl<K: KeyValue> Worker<K> {
    fn run(mut self, waiting: &Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            self.group(first, waiting);
        }
        if self.unsynced
            && self.failed.is_none()
            && let Err(error) = self.shared.kv.sync()
        {
            tracing::error!("the last output may be lost: {}", words(&error));
        }
    }

    /// Does a job and whatever waits behind it, up to a bound.
    fn group(&mut self, first: Job, waiting: &Receiver<Job>) {
        let mut group = Group::new(&self.shared.kv, &mut self.memory);
        let (mut soon, mut durable) = (Vec::new(), Vec::new());
        let (mut to_write, mut to_sync) = (false, false);
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(job) = next {
            match job {
                Job::Commit(batch, reply) => {
                    let (done, wrote) = group.attempt(|group| group.commit(batch));
                    to_write |= wrote;
                    to_sync |= wrote;
                    durable.push(Answer::Done(done, reply));
                }
                Job::Claim(claim, reply) => {
                    let (done, wrote) = group.attempt(|group| group.claim(&claim));
                    to_write |= wrote;
                    to_sync |= wrote;
                    durable.push(Answer::Claimed(done, reply));
                }
                Job::Append(execution, fence, lines, reply) => {
                    let (done, wrote) = group.attempt(|group| group.append(execution, fence, &lines));
                    to_write |= wrote;
                    soon.push(Answer::Done(done, reply));
                }
            }
            taken += 1;
            let more = taken < JOBS_MAX && group.bytes() < BYTES_MAX;
            next = if more { waiting.try_recv().ok() } else { None };
        }
        let bytes = group.bytes();
        let (changes, topics) = group.into_changes();
        let failure = if to_write { self.write(changes, bytes) } else { self.failed.clone() };
        soon.into_iter().for_each(|answer| answer.give(failure.as_ref()));
        let failure = failure.or_else(|| if to_sync { self.sync() } else { None });
        // First, so that a watcher made after a commit returned is not woken by it.
        self.notify(topics, failure.is_none());
        durable.into_iter().for_each(|answer| answer.give(failure.as_ref()));
    }

    /// Applies a group's changes; why not, if it could not.
    fn write(&mut self, changes: Vec<super::Change>, bytes: usize) -> Option<Failure> {
        if self.failed.is_some() {
            return self.failed.clone();
        }
        if let Err(error) = self.shared.kv.room(bytes) {
            return Some(self.forget(Failure::passing(&error)));
        }
        let applied = {
            let _alone = self.shared.applying.write().unwrap_or_else(PoisonError::into_inner);
            self.shared.kv.apply(changes)
        };
        self.unsynced = true;
        applied.err().map(|error| self.fail(&error))
    }

    /// Makes durable what was applied; why not, if it could not.
    fn sync(&mut self) -> Option<Failure> {
        let synced = self.shared.kv.sync();
        self.unsynced = false;
        synced.err().map(|error| self.fail(&error))
    }

    /// Nothing is acknowledged from now on.
    fn fail(&mut self, error: &Error) -> Failure {
        let failure = Failure::lasting(error);
        tracing::error!("{}", failure.text);
        self.failed.get_or_insert(failure).clone()
    }

    /// Takes back what was remembered of a group that was not applied.
    fn forget(&mut self, failure: Failure) -> Failure {
        match Memory::load(&self.shared.kv) {
            Ok(memory) => {
                self.memory = memory;
                failure
            }
            Err(error) => self.fail(&error),
        }
    }

    fn notify(&self, topics: HashSet<Topic>, written: bool) {
        if written {
            topics.into_iter().for_each(|topic| self.shared.hub.notify(topic));
        }
    }
}
