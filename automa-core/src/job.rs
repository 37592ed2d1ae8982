//! Jobs: an agent plus when to run it, and what happens when runs overlap, are missed or fail.

use std::time::Duration;

use jiff::Timestamp;

use crate::error::{Invalid, Problem};
use crate::execution::Status;
use crate::id::{AgentId, JobId, UserId};
use crate::json::JsonObject;
use crate::name::{Description, Name};
use crate::schedule::Schedule;
use crate::store::Revision;
use crate::words::words;

/// An agent plus when to run it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Which job.
    pub id: JobId,
    /// Its name; unique among jobs.
    pub name: Name,
    /// What it is for.
    pub description: Description,
    /// Who made it; `None` for the program that embeds Automa.
    pub owner: Option<UserId>,
    /// What it runs.
    pub agent: AgentId,
    /// When it runs.
    pub schedule: Schedule,
    /// What every run gets as input.
    pub input: JsonObject,
    /// Whether the schedule counts at present.
    pub enabled: bool,
    /// What happens when an instant comes while an earlier run goes on.
    pub overlap: Overlap,
    /// What happens to instants that passed while nothing could run them.
    pub misfire: Misfire,
    /// What happens when a run does not succeed.
    pub retry: RetryPolicy,
    /// The next planned instant: always what `schedule` says, so that an index can find what is due.
    pub next_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed by somebody, not by the scheduler.
    pub updated_at: Timestamp,
    /// Which state of the record this is.
    pub revision: Revision,
}

impl Job {
    /// Sets `next_at` to the first instant after `after`, or to none while the job is disabled.
    pub fn plan(&mut self, after: Timestamp) {
        self.next_at = if self.enabled { self.schedule.next_after(after) } else { None };
    }
}

/// What happens when an instant comes while an earlier execution of the job is queued or running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Overlap {
    /// The new one is recorded as `skipped` and does not run.
    #[default]
    Skip,
    /// Both run.
    Allow,
}

words!("overlap", Overlap { Skip => "skip", Allow => "allow" });

/// What happens to instants that passed while nothing was there to run them, as after a time switched off.
///
/// An instant counts as passed when the scheduler comes to it more than [`Misfire::GRACE`] late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Misfire {
    /// The latest of them runs, once, at once.
    #[default]
    FireOnce,
    /// None of them runs; the latest is recorded as `missed`.
    Skip,
}

impl Misfire {
    /// How late an instant may be and still count as in time.
    pub const GRACE: Duration = Duration::from_secs(60);
}

words!("misfire", Misfire { FireOnce => "fire_once", Skip => "skip" });

/// What happens when an execution does not succeed.
///
/// The wait before attempt `n` is `backoff × 2^(n-2)`, at most `backoff_max`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often the work is tried in all, 1 to 100.
    pub attempts: u32,
    /// The wait before the second attempt, 0 to 1 day.
    pub backoff: Duration,
    /// The longest wait, at most 7 days.
    pub backoff_max: Duration,
    /// Which endings are tried again.
    pub on: Vec<Status>,
}

impl Default for RetryPolicy {
    /// Three attempts, only where the script was not at fault: `lost` and `sandbox_error`; from 1 s to 1 minute apart.
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            on: vec![Status::Lost, Status::SandboxError],
        }
    }
}

impl RetryPolicy {
    /// The endings that a policy may name.
    pub const RETRYABLE: [Status; 5] =
        [Status::Failed, Status::TimedOut, Status::OutOfMemory, Status::Lost, Status::SandboxError];

    /// Whether each part is inside its range.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with one problem per part that is out of range.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut problems = Vec::new();
        if !(1..=100).contains(&self.attempts) {
            problems.push(Problem::new("attempts", format!("{} is out of range; give 1 to 100", self.attempts)));
        }
        if self.backoff > Duration::from_secs(86_400) {
            problems.push(Problem::new("backoff", "is out of range; give at most 1d"));
        }
        if self.backoff_max > Duration::from_secs(7 * 86_400) {
            problems.push(Problem::new("backoff_max", "is out of range; give at most 7d"));
        }
        for status in &self.on {
            if !Self::RETRYABLE.contains(status) {
                let text = format!(
                    "{status} cannot be tried again; give any of failed, timed_out, out_of_memory, lost, sandbox_error"
                );
                problems.push(Problem::new("on", text));
            }
        }
        Invalid::unless_empty(problems)
    }

    /// How long to wait before another attempt, when attempt `attempt` ended as `status`; `None` for no more.
    #[must_use]
    pub fn wait_after(&self, attempt: u32, status: Status) -> Option<Duration> {
        if attempt >= self.attempts || !self.on.contains(&status) {
            return None;
        }
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1).min(31));
        Some(self.backoff.saturating_mul(factor).min(self.backoff_max))
    }
}
