//! Executions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use automa_core::error::Problem as Fault;
use automa_core::execution::{Execution, Status};
use automa_core::id::{AgentId, JobId};
use automa_core::json::Json;
use automa_core::sandbox::Usage;
use automa_core::store::{PageRequest, Scope};

use crate::extract::{Paging, QueryInput, optional};

/// One run of an agent, without its input and its result.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExecutionSummary)]
pub(crate) struct ExecutionSummary {
    /// Which execution.
    #[schema(format = Uuid)]
    id: String,
    /// What ran.
    #[schema(format = Uuid)]
    agent_id: String,
    /// The job that asked for it; `null` when none did.
    #[schema(format = Uuid)]
    job_id: Option<String>,
    /// The script.
    #[schema(format = Uuid)]
    script_id: String,
    /// The version of the script.
    version: u32,
    /// Why it came to be: `schedule`, `manual` or `start`.
    #[schema(example = "schedule")]
    origin: &'static str,
    /// The instant that the schedule planned.
    scheduled_at: Option<Timestamp>,
    /// Which attempt at the same work this is, from 1.
    attempt: u32,
    /// The first attempt at the same work.
    #[schema(format = Uuid)]
    first_attempt_id: String,
    /// `queued`, `running`, or how it ended: `succeeded`, `failed`, `timed_out`, `out_of_memory`, `cancelled`, `lost`,
    /// `sandbox_error`, `skipped`, `missed`.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// Why it ended as it did, for people.
    reason: Option<String>,
    /// The script's exit code, if it ended with one.
    exit_code: Option<i32>,
    /// Whether somebody asked for its end.
    cancel_requested: bool,
    /// The sandbox that ran it, once it has ended.
    backend: Option<String>,
    /// When it was made.
    queued_at: Timestamp,
    /// From when on it may run.
    available_at: Timestamp,
    /// When its run began.
    started_at: Option<Timestamp>,
    /// When it ended.
    ended_at: Option<Timestamp>,
    /// What the run used up; `null` before its end.
    usage: Option<UsageOut>,
    /// Which state this is; also the `ETag`.
    revision: u64,
}

/// What a run used up; `null` where a sandbox cannot measure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
pub(crate) struct UsageOut {
    /// Seconds from the start of the script to its end.
    wall_time: f64,
    /// Seconds of processor time.
    cpu_time: Option<f64>,
    /// The most memory at one time, in bytes.
    peak_memory: Option<u64>,
    /// stdout and stderr together, in bytes.
    output: u64,
}

impl From<&Usage> for UsageOut {
    fn from(usage: &Usage) -> Self {
        Self {
            wall_time: usage.wall_time.as_secs_f64(),
            cpu_time: usage.cpu_time.map(|time| time.as_secs_f64()),
            peak_memory: usage.peak_memory,
            output: usage.output_bytes,
        }
    }
}

impl From<&Execution> for ExecutionSummary {
    fn from(execution: &Execution) -> Self {
        let spec = &execution.spec;
        Self {
            id: execution.id.to_string(),
            agent_id: spec.agent.to_string(),
            job_id: spec.job.map(|id| id.to_string()),
            script_id: spec.script.to_string(),
            version: spec.version.0,
            origin: spec.origin.name(),
            scheduled_at: spec.scheduled_at,
            attempt: execution.attempt,
            first_attempt_id: execution.first.to_string(),
            status: execution.status().name(),
            reason: execution.reason().map(str::to_owned),
            exit_code: execution.exit_code(),
            cancel_requested: execution.cancel_requested(),
            backend: execution.backend().map(str::to_owned),
            queued_at: execution.queued_at,
            available_at: execution.available_at(),
            started_at: execution.started_at(),
            ended_at: execution.ended_at(),
            usage: execution.ended_at().map(|_| UsageOut::from(execution.usage())),
            revision: execution.revision.0,
        }
    }
}

impl From<Execution> for ExecutionSummary {
    fn from(execution: Execution) -> Self {
        Self::from(&execution)
    }
}

/// One run of an agent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Execution)]
pub(crate) struct ExecutionOut {
    #[serde(flatten)]
    summary: ExecutionSummary,
    /// What the script got.
    #[schema(value_type = Object)]
    input: Value,
    /// What the script returned, or gave to `automa.set_result`.
    result: Option<Value>,
}

impl From<Execution> for ExecutionOut {
    fn from(execution: Execution) -> Self {
        Self {
            summary: ExecutionSummary::from(&execution),
            input: execution.spec.input.to_value(),
            result: execution.result().map(Json::value).cloned(),
        }
    }
}

/// Which executions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExecutionQuery {
    /// Of this agent only.
    #[param(format = Uuid)]
    agent_id: Option<String>,
    /// Of this job only; not together with `agent_id`.
    #[param(format = Uuid)]
    job_id: Option<String>,
    /// In this status only.
    #[param(example = "running")]
    status: Option<String>,
    /// At most this many, 1 to 200; 50 unless given.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// `newest` (unless given) or `oldest` first.
    order: Option<String>,
}

impl QueryInput for ExecutionQuery {
    type Meaning = (Scope, Option<Status>, PageRequest);

    fn read(self, faults: &mut Vec<Fault>) -> Self::Meaning {
        let agent = optional::<AgentId>("agent_id", self.agent_id.as_deref(), faults);
        let job = optional::<JobId>("job_id", self.job_id.as_deref(), faults);
        if self.agent_id.is_some() && self.job_id.is_some() {
            faults.push(Fault::new("job_id", "cannot be given together with agent_id; give one of them"));
        }
        let scope = match (agent, job) {
            (Some(agent), _) => Scope::Agent(agent),
            (None, Some(job)) => Scope::Job(job),
            (None, None) => Scope::All,
        };
        let status = optional("status", self.status.as_deref(), faults);
        (scope, status, Paging::read(self.limit.as_deref(), self.cursor.as_deref(), self.order.as_deref(), faults))
    }
}
