//! Executions: listed, looked at, cancelled.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use automa_core::id::ExecutionId;

use super::answers::{ActProblem, Answer, ListProblem, ReadProblem, Tagged};
use super::logs;
use crate::extract::{Caller, Params, PathId};
use crate::state::AppState;
use crate::wire::execution::{ExecutionOut, ExecutionQuery, ExecutionSummary};
use crate::wire::log::{LogPage, LogQuery};
use crate::wire::page::PageOut;

/// List executions
#[utoipa::path(
    get, path = "/api/v1/executions", tag = "executions", params(ExecutionQuery), operation_id = "list_executions",
    responses((status = 200, description = "A page of executions", body = PageOut<ExecutionSummary>), ListProblem),
)]
pub(crate) async fn list(
    caller: Caller,
    Params((scope, status, page)): Params<ExecutionQuery>,
) -> Answer<Json<PageOut<ExecutionSummary>>> {
    Ok(Json(PageOut::of(caller.executions(scope, status, &page).await?)))
}

/// Look at an execution
#[utoipa::path(
    get, path = "/api/v1/executions/{id}", tag = "executions", operation_id = "get_execution",
    params(("id" = String, Path, format = Uuid, description = "Which execution")),
    responses((status = 200, description = "The execution", body = ExecutionOut), ReadProblem),
)]
pub(crate) async fn get(caller: Caller, PathId(id): PathId<ExecutionId>) -> Answer<Tagged<ExecutionOut>> {
    let execution = caller.execution(id).await?;
    Ok(Tagged(execution.revision, execution.into()))
}

/// Cancel an execution
///
/// One that is queued has ended when this returns, one that runs ends soon after.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/cancel", tag = "executions", operation_id = "cancel_execution",
    params(("id" = String, Path, format = Uuid, description = "Which execution")),
    responses((status = 200, description = "The execution", body = ExecutionOut), ActProblem),
)]
pub(crate) async fn cancel(caller: Caller, PathId(id): PathId<ExecutionId>) -> Answer<Tagged<ExecutionOut>> {
    let execution = caller.cancel_execution(id).await?;
    Ok(Tagged(execution.revision, execution.into()))
}

/// Read what an execution printed
///
/// A page of JSON; with `follow=true` the output as it comes, as server-sent events; with `format=text` all of it as one
/// download.
///
/// Each server-sent event is one chunk, with its `seq` as the event's id; a client that reconnects with `Last-Event-ID`
/// goes on behind it. The last event is called `end` and tells how the execution ended.
#[utoipa::path(
    get, path = "/api/v1/executions/{id}/logs", tag = "executions", operation_id = "get_execution_logs",
    params(("id" = String, Path, format = Uuid, description = "Which execution"), LogQuery),
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
    PathId(id): PathId<ExecutionId>,
    Params(query): Params<LogQuery>,
    headers: HeaderMap,
) -> Answer<Response> {
    logs::answer(state, caller, id, query, &headers).await
}
