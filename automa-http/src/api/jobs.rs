//! Jobs: made, changed, run once, and what comes next.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use automa_core::error::Problem as Fault;
use automa_core::execution::Status;
use automa_core::id::{AgentId, JobId};
use automa_core::store::{PageRequest, Scope};

use super::answers::{
    Accepted, Answer, ChangeProblem, CreateProblem, Created, DeleteProblem, ListProblem, ReadProblem, Tagged,
};
use crate::extract::{Body, Caller, IfMatch, MaybeBody, Paging, Params, PathId, QueryInput, optional};
use crate::state::AppState;
use crate::wire::agent::RunIn;
use crate::wire::execution::{ExecutionOut, ExecutionSummary};
use crate::wire::job::{JobIn, JobOut};
use crate::wire::page::PageOut;
use crate::wire::schedule::{PreviewIn, PreviewOut};

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobQuery {
    /// Of this agent only.
    #[param(format = Uuid)]
    agent_id: Option<String>,
    /// At most this many, 1 to 200; 50 unless given.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// `newest` (unless given) or `oldest` first.
    order: Option<String>,
}

impl QueryInput for JobQuery {
    type Meaning = (Option<AgentId>, PageRequest);

    fn read(self, faults: &mut Vec<Fault>) -> Self::Meaning {
        let agent = optional("agent_id", self.agent_id.as_deref(), faults);
        (agent, Paging::read(self.limit.as_deref(), self.cursor.as_deref(), self.order.as_deref(), faults))
    }
}

/// Which executions of a job.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobExecutionQuery {
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

impl QueryInput for JobExecutionQuery {
    type Meaning = (Option<Status>, PageRequest);

    fn read(self, faults: &mut Vec<Fault>) -> Self::Meaning {
        let status = optional("status", self.status.as_deref(), faults);
        (status, Paging::read(self.limit.as_deref(), self.cursor.as_deref(), self.order.as_deref(), faults))
    }
}

/// How far to look ahead.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PreviewQuery {
    /// How many instants, 1 to 200; 10 unless given.
    #[param(value_type = Option<u32>)]
    count: Option<String>,
}

impl QueryInput for PreviewQuery {
    type Meaning = usize;

    fn read(self, faults: &mut Vec<Fault>) -> usize {
        match self.count.as_deref().map(str::parse) {
            None => PreviewOut::COUNT,
            Some(Ok(count @ 1..=PreviewOut::COUNT_MAX)) => count,
            Some(_) => {
                let text = format!("must be a whole number from 1 to {}", PreviewOut::COUNT_MAX);
                faults.push(Fault::new("count", text));
                PreviewOut::COUNT
            }
        }
    }
}

/// List jobs
#[utoipa::path(
    get, path = "/api/v1/jobs", tag = "jobs", params(JobQuery), operation_id = "list_jobs",
    responses((status = 200, description = "A page of jobs", body = PageOut<JobOut>), ListProblem),
)]
pub(crate) async fn list(caller: Caller, Params((agent, page)): Params<JobQuery>) -> Answer<Json<PageOut<JobOut>>> {
    Ok(Json(PageOut::of(caller.jobs(agent, &page).await?)))
}

/// Make a job
///
/// Its first instant is the first one after now.
#[utoipa::path(
    post, path = "/api/v1/jobs", tag = "jobs", operation_id = "create_job", request_body = JobIn,
    responses((status = 201, description = "The job", body = JobOut), CreateProblem),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<JobIn>,
) -> Answer<Created<JobOut>> {
    let job = caller.create_job(body.read(state.automa().now())?).await?;
    Ok(Created(format!("/api/v1/jobs/{}", job.id), job.revision, job.into()))
}

/// Look at a job
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "get_job",
    params(("id" = String, Path, format = Uuid, description = "Which job")),
    responses((status = 200, description = "The job", body = JobOut), ReadProblem),
)]
pub(crate) async fn get(caller: Caller, PathId(id): PathId<JobId>) -> Answer<Tagged<JobOut>> {
    let job = caller.job(id).await?;
    Ok(Tagged(job.revision, job.into()))
}

/// Replace a job
///
/// What is not given gets its default. A changed schedule counts from now on. The scheduler makes a new `ETag` at every
/// planned instant, so that `If-Match` on a job that runs often asks for a quick hand.
#[utoipa::path(
    put, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "update_job", request_body = JobIn,
    params(
        ("id" = String, Path, format = Uuid, description = "Which job"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the state that is to be changed"),
    ),
    responses((status = 200, description = "The job", body = JobOut), ChangeProblem),
)]
pub(crate) async fn update(
    State(state): State<AppState>,
    caller: Caller,
    PathId(id): PathId<JobId>,
    IfMatch(expected): IfMatch,
    Body(body): Body<JobIn>,
) -> Answer<Tagged<JobOut>> {
    let job = caller.update_job(id, body.read(state.automa().now())?, expected).await?;
    Ok(Tagged(job.revision, job.into()))
}

/// Remove a job
///
/// Its executions stay in the history; those that are queued still run.
#[utoipa::path(
    delete, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "delete_job",
    params(
        ("id" = String, Path, format = Uuid, description = "Which job"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the state that is to be removed"),
    ),
    responses((status = 204, description = "Removed"), DeleteProblem),
)]
pub(crate) async fn delete(
    caller: Caller,
    PathId(id): PathId<JobId>,
    IfMatch(expected): IfMatch,
) -> Answer<StatusCode> {
    caller.delete_job(id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the executions of a job
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}/executions", tag = "jobs", operation_id = "list_job_executions",
    params(("id" = String, Path, format = Uuid, description = "Which job"), JobExecutionQuery),
    responses((status = 200, description = "A page of executions", body = PageOut<ExecutionSummary>), ListProblem),
)]
pub(crate) async fn executions(
    caller: Caller,
    PathId(id): PathId<JobId>,
    Params((status, page)): Params<JobExecutionQuery>,
) -> Answer<Json<PageOut<ExecutionSummary>>> {
    Ok(Json(PageOut::of(caller.executions(Scope::Job(id), status, &page).await?)))
}

/// Look at the next instants of a job
///
/// Whether it is enabled or not.
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}/preview", tag = "jobs", operation_id = "preview_job",
    params(("id" = String, Path, format = Uuid, description = "Which job"), PreviewQuery),
    responses((status = 200, description = "The instants", body = PreviewOut), ReadProblem),
)]
pub(crate) async fn preview(
    caller: Caller,
    PathId(id): PathId<JobId>,
    Params(count): Params<PreviewQuery>,
) -> Answer<Json<PreviewOut>> {
    let job = caller.job(id).await?;
    let instants = caller.preview(&job.schedule, count).await?;
    Ok(Json(PreviewOut::new(&job.schedule, instants)))
}

/// Run a job once, now, beside its schedule
///
/// With the job's own input unless another is given.
#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/run", tag = "jobs", operation_id = "run_job",
    request_body(content = Option<RunIn>),
    params(("id" = String, Path, format = Uuid, description = "Which job")),
    responses((status = 202, description = "The execution that was queued", body = ExecutionOut), CreateProblem),
)]
pub(crate) async fn run(
    caller: Caller,
    PathId(id): PathId<JobId>,
    MaybeBody(body): MaybeBody<RunIn>,
) -> Answer<Accepted<ExecutionOut>> {
    let execution = caller.run_job(id, body.read()?).await?;
    Ok(Accepted(format!("/api/v1/executions/{}", execution.id), execution.into()))
}

/// Look at the next instants of a schedule that is not a job's yet
#[utoipa::path(
    post, path = "/api/v1/schedules/preview", tag = "jobs", operation_id = "preview_schedule",
    request_body = PreviewIn,
    responses((status = 200, description = "The instants", body = PreviewOut), CreateProblem),
)]
pub(crate) async fn preview_schedule(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<PreviewIn>,
) -> Answer<Json<PreviewOut>> {
    let (schedule, count) = body.read(state.automa().now())?;
    let instants = caller.preview(&schedule, count).await?;
    Ok(Json(PreviewOut::new(&schedule, instants)))
}
