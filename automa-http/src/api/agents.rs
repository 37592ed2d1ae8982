//! Agents: made, changed, started, stopped, looked at, run once.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use automa_core::error::Problem as Fault;
use automa_core::id::{AgentId, ScriptId};
use automa_core::store::PageRequest;

use super::answers::{
    Accepted, ActProblem, Answer, ChangeProblem, CreateProblem, Created, DeleteProblem, ListProblem, ReadProblem,
    Tagged,
};
use super::logs;
use crate::extract::{Body, Caller, IfMatch, MaybeBody, Paging, Params, PathId, QueryInput, optional};
use crate::state::AppState;
use crate::wire::agent::{AgentIn, AgentOut, AgentStatusOut, RunIn};
use crate::wire::execution::ExecutionOut;
use crate::wire::log::{LogPage, LogQuery};
use crate::wire::page::PageOut;

/// Which agents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AgentQuery {
    /// Of this script only.
    #[param(format = Uuid)]
    script_id: Option<String>,
    /// At most this many, 1 to 200; 50 unless given.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// `newest` (unless given) or `oldest` first.
    order: Option<String>,
}

impl QueryInput for AgentQuery {
    type Meaning = (Option<ScriptId>, PageRequest);

    fn read(self, faults: &mut Vec<Fault>) -> Self::Meaning {
        let script = optional("script_id", self.script_id.as_deref(), faults);
        (script, Paging::read(self.limit.as_deref(), self.cursor.as_deref(), self.order.as_deref(), faults))
    }
}

/// List agents
#[utoipa::path(
    get, path = "/api/v1/agents", tag = "agents", params(AgentQuery), operation_id = "list_agents",
    responses((status = 200, description = "A page of agents", body = PageOut<AgentOut>), ListProblem),
)]
pub(crate) async fn list(
    caller: Caller,
    Params((script, page)): Params<AgentQuery>,
) -> Answer<Json<PageOut<AgentOut>>> {
    Ok(Json(PageOut::of(caller.agents(script, &page).await?)))
}

/// Make an agent
#[utoipa::path(
    post, path = "/api/v1/agents", tag = "agents", operation_id = "create_agent", request_body = AgentIn,
    responses((status = 201, description = "The agent", body = AgentOut), CreateProblem),
)]
pub(crate) async fn create(caller: Caller, Body(body): Body<AgentIn>) -> Answer<Created<AgentOut>> {
    let agent = caller.create_agent(body.read()?).await?;
    Ok(Created(format!("/api/v1/agents/{}", agent.id), agent.revision, agent.into()))
}

/// Look at an agent
#[utoipa::path(
    get, path = "/api/v1/agents/{id}", tag = "agents", operation_id = "get_agent",
    params(("id" = String, Path, format = Uuid, description = "Which agent")),
    responses((status = 200, description = "The agent", body = AgentOut), ReadProblem),
)]
pub(crate) async fn get(caller: Caller, PathId(id): PathId<AgentId>) -> Answer<Tagged<AgentOut>> {
    let agent = caller.agent(id).await?;
    Ok(Tagged(agent.revision, agent.into()))
}

/// Replace an agent
///
/// What is not given gets its default. What runs already goes on as it was.
#[utoipa::path(
    put, path = "/api/v1/agents/{id}", tag = "agents", operation_id = "update_agent", request_body = AgentIn,
    params(
        ("id" = String, Path, format = Uuid, description = "Which agent"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the state that is to be changed"),
    ),
    responses((status = 200, description = "The agent", body = AgentOut), ChangeProblem),
)]
pub(crate) async fn update(
    caller: Caller,
    PathId(id): PathId<AgentId>,
    IfMatch(expected): IfMatch,
    Body(body): Body<AgentIn>,
) -> Answer<Tagged<AgentOut>> {
    let agent = caller.update_agent(id, body.read()?, expected).await?;
    Ok(Tagged(agent.revision, agent.into()))
}

/// Remove an agent
#[utoipa::path(
    delete, path = "/api/v1/agents/{id}", tag = "agents", operation_id = "delete_agent",
    params(
        ("id" = String, Path, format = Uuid, description = "Which agent"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the state that is to be removed"),
    ),
    responses((status = 204, description = "Removed"), DeleteProblem),
)]
pub(crate) async fn delete(
    caller: Caller,
    PathId(id): PathId<AgentId>,
    IfMatch(expected): IfMatch,
) -> Answer<StatusCode> {
    caller.delete_agent(id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Start an agent
///
/// It runs until it ends by itself and its restart policy has nothing against that, or until it is stopped.
#[utoipa::path(
    post, path = "/api/v1/agents/{id}/start", tag = "agents", operation_id = "start_agent",
    params(("id" = String, Path, format = Uuid, description = "Which agent")),
    responses((status = 202, description = "The execution that was queued", body = ExecutionOut), ActProblem),
)]
pub(crate) async fn start(caller: Caller, PathId(id): PathId<AgentId>) -> Answer<Accepted<ExecutionOut>> {
    let execution = caller.start_agent(id).await?;
    Ok(Accepted(format!("/api/v1/executions/{}", execution.id), execution.into()))
}

/// Stop an agent
///
/// Nothing restarts it, and what it started is cancelled.
#[utoipa::path(
    post, path = "/api/v1/agents/{id}/stop", tag = "agents", operation_id = "stop_agent",
    params(("id" = String, Path, format = Uuid, description = "Which agent")),
    responses((status = 200, description = "The agent", body = AgentOut), ActProblem),
)]
pub(crate) async fn stop(caller: Caller, PathId(id): PathId<AgentId>) -> Answer<Tagged<AgentOut>> {
    let agent = caller.stop_agent(id).await?;
    Ok(Tagged(agent.revision, agent.into()))
}

/// Look at what an agent does at this moment
#[utoipa::path(
    get, path = "/api/v1/agents/{id}/status", tag = "agents", operation_id = "get_agent_status",
    params(("id" = String, Path, format = Uuid, description = "Which agent")),
    responses((status = 200, description = "What it does", body = AgentStatusOut), ReadProblem),
)]
pub(crate) async fn status(caller: Caller, PathId(id): PathId<AgentId>) -> Answer<Json<AgentStatusOut>> {
    Ok(Json(caller.agent_status(id).await?.into()))
}

/// Read what an agent's newest execution printed
///
/// As the logs of an execution: a page of JSON, the output as it comes, or one download.
#[utoipa::path(
    get, path = "/api/v1/agents/{id}/logs", tag = "agents", operation_id = "get_agent_logs",
    params(("id" = String, Path, format = Uuid, description = "Which agent"), LogQuery),
    responses(
        (status = 200, description = "The output", content(
            (LogPage = "application/json"), (String = "text/event-stream"), (String = "text/plain"),
        )),
        ReadProblem,
    ),
)]
pub(crate) async fn logs(
    State(state): State<AppState>,
    caller: Caller,
    PathId(id): PathId<AgentId>,
    Params(query): Params<LogQuery>,
    headers: HeaderMap,
) -> Answer<Response> {
    let newest = caller.agent_status(id).await?.last;
    match newest {
        Some(execution) => logs::answer(state, caller, execution.id, query, &headers).await,
        None => Ok(logs::nothing(&query, &headers)),
    }
}

/// Run an agent once, now
#[utoipa::path(
    post, path = "/api/v1/agents/{id}/run", tag = "agents", operation_id = "run_agent",
    request_body(content = Option<RunIn>),
    params(("id" = String, Path, format = Uuid, description = "Which agent")),
    responses((status = 202, description = "The execution that was queued", body = ExecutionOut), CreateProblem),
)]
pub(crate) async fn run(
    caller: Caller,
    PathId(id): PathId<AgentId>,
    MaybeBody(body): MaybeBody<RunIn>,
) -> Answer<Accepted<ExecutionOut>> {
    let execution = caller.run_agent(id, body.read()?.unwrap_or_default()).await?;
    Ok(Accepted(format!("/api/v1/executions/{}", execution.id), execution.into()))
}
