//! Jobs and their policies.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use automa_core::automa::JobSpec;
use automa_core::error::Invalid;
use automa_core::execution::Status;
use automa_core::job::{Job, Misfire, Overlap, RetryPolicy};

use super::Faults;
use super::number::{DurationSchema, duration};
use super::schedule::ScheduleWire;
use crate::extract::Input;

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobOut {
    /// Which job.
    #[schema(format = Uuid)]
    id: String,
    /// Its name; unique among jobs.
    #[schema(example = "report every morning")]
    name: String,
    /// What it is for.
    description: String,
    /// Who made it; `null` for the program itself.
    #[schema(format = Uuid)]
    owner_id: Option<String>,
    /// What it runs.
    #[schema(format = Uuid)]
    agent_id: String,
    /// When it runs.
    schedule: ScheduleWire,
    /// The same in words.
    #[schema(example = "every day at 02:30 in Europe/Berlin")]
    schedule_text: String,
    /// What every run gets as input.
    #[schema(value_type = Object)]
    input: Value,
    /// Whether the schedule counts at present.
    enabled: bool,
    /// What happens when an instant comes while an earlier run goes on: `skip` or `allow`.
    #[schema(example = "skip")]
    overlap: &'static str,
    /// What happens to instants that passed while nothing could run them: `fire_once` or `skip`.
    #[schema(example = "fire_once")]
    misfire: &'static str,
    /// What happens when a run does not succeed.
    retry: RetryOut,
    /// The next planned instant.
    next_at: Option<Timestamp>,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed by somebody, not by the scheduler.
    updated_at: Timestamp,
    /// Which state this is; also the `ETag`. The scheduler makes a new one at every planned instant.
    #[schema(example = 1)]
    revision: u64,
}

impl From<Job> for JobOut {
    fn from(job: Job) -> Self {
        Self {
            id: job.id.to_string(),
            name: job.name.to_string(),
            description: job.description.as_str().to_owned(),
            owner_id: job.owner.map(|id| id.to_string()),
            agent_id: job.agent.to_string(),
            schedule: ScheduleWire::from(&job.schedule),
            schedule_text: job.schedule.describe(),
            input: job.input.to_value(),
            enabled: job.enabled,
            overlap: job.overlap.name(),
            misfire: job.misfire.name(),
            retry: RetryOut::from(&job.retry),
            next_at: job.next_at,
            created_at: job.created_at,
            updated_at: job.updated_at,
            revision: job.revision.0,
        }
    }
}

/// What happens when a run does not succeed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Retry)]
pub(crate) struct RetryOut {
    /// How often the work is tried in all.
    #[schema(example = 3)]
    attempts: u32,
    /// Seconds before the second attempt; doubled before each one after it.
    #[schema(example = 1.0)]
    backoff: f64,
    /// The most seconds before an attempt.
    #[schema(example = 60.0)]
    backoff_max: f64,
    /// The statuses that are tried again.
    #[schema(example = json!(["lost", "sandbox_error"]))]
    on: Vec<&'static str>,
}

impl From<&RetryPolicy> for RetryOut {
    fn from(retry: &RetryPolicy) -> Self {
        Self {
            attempts: retry.attempts,
            backoff: retry.backoff.as_secs_f64(),
            backoff_max: retry.backoff_max.as_secs_f64(),
            on: retry.on.iter().map(|status| status.name()).collect(),
        }
    }
}

/// What a job is to be. What is not given has its default.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = JobInput)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobIn {
    /// 1 to 128 characters; unique among jobs.
    #[schema(example = "report every morning")]
    name: String,
    /// What it is for; at most 4,096 characters.
    description: Option<String>,
    /// What it runs.
    #[schema(format = Uuid)]
    agent_id: String,
    /// When it runs.
    schedule: ScheduleWire,
    /// What every run gets as input: an object of at most 256 KiB and 64 levels.
    #[schema(value_type = Option<Object>)]
    input: Option<Value>,
    /// Whether the schedule counts; true unless given.
    enabled: Option<bool>,
    /// `skip` (unless given) or `allow`.
    #[schema(example = "skip")]
    overlap: Option<String>,
    /// `fire_once` (unless given) or `skip`.
    #[schema(example = "fire_once")]
    misfire: Option<String>,
    /// What happens when a run does not succeed.
    retry: Option<RetryIn>,
}

impl Input for JobIn {}

impl JobIn {
    /// What the engine is asked for.
    pub(crate) fn read(self, now: Timestamp) -> Result<JobSpec, Invalid> {
        let mut faults = Faults::default();
        let name = faults.parse("name", &self.name);
        let description = faults.parse_or_default("description", self.description.as_deref());
        let agent = faults.parse("agent_id", &self.agent_id);
        let schedule = self.schedule.read(now, &mut faults);
        let input = faults.object("input", self.input);
        let overlap = faults.parse_or_default::<Overlap>("overlap", self.overlap.as_deref());
        let misfire = faults.parse_or_default::<Misfire>("misfire", self.misfire.as_deref());
        let retry = self.retry.unwrap_or_default().read(&mut faults);
        let (Some(name), Some(description), Some(agent), Some(schedule), Some(input), Some(overlap), Some(misfire)) =
            (name, description, agent, schedule, input, overlap, misfire)
        else {
            return Err(faults.into_invalid());
        };
        faults.finish()?;
        let enabled = self.enabled.unwrap_or(true);
        Ok(JobSpec { name, description, agent, schedule, input, enabled, overlap, misfire, retry })
    }
}

/// What happens when a run does not succeed. What is not given has its default.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = RetryInput)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryIn {
    /// How often the work is tried in all, 1 to 100; 3 unless given.
    attempts: Option<u32>,
    /// The wait before the second attempt, at most 1 day; 1 second unless given.
    #[schema(value_type = Option<DurationSchema>)]
    backoff: Option<Value>,
    /// The longest wait, at most 7 days; 1 minute unless given.
    #[schema(value_type = Option<DurationSchema>)]
    backoff_max: Option<Value>,
    /// Any of `failed`, `timed_out`, `out_of_memory`, `lost`, `sandbox_error`; the last two unless given.
    on: Option<Vec<String>>,
}

impl RetryIn {
    /// The policy; what cannot be read has its default, and a fault.
    fn read(self, faults: &mut Faults) -> RetryPolicy {
        let mut retry = RetryPolicy::default();
        retry.attempts = self.attempts.unwrap_or(retry.attempts);
        if let Some(read) = self.backoff.and_then(|value| faults.named("retry.backoff", duration(&value))) {
            retry.backoff = read;
        }
        if let Some(read) = self.backoff_max.and_then(|value| faults.named("retry.backoff_max", duration(&value))) {
            retry.backoff_max = read;
        }
        if let Some(on) = self.on {
            retry.on = on.iter().filter_map(|text| faults.parse::<Status>("retry.on", text)).collect();
        }
        retry
    }
}
