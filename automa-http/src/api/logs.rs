//! Output in its three forms: a page, as it comes, or one download.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};

use automa_core::id::ExecutionId;
use automa_core::store::LogSeq;
use automa_core::{Acting, Error};

use super::answers::Answer;
use crate::extract::Caller;
use crate::problem::Problem;
use crate::sse;
use crate::state::AppState;
use crate::wire::log::{LogPage, LogRequest};

/// How much of a download is in memory at once, in bytes.
const DOWNLOAD_BYTES: usize = 256 * 1024;

/// Answers with an execution's output in the form that was asked for.
pub(crate) async fn answer(
    state: AppState,
    caller: Caller,
    id: ExecutionId,
    query: LogRequest,
    headers: &HeaderMap,
) -> Answer<Response> {
    if follows(&query, headers) {
        let from = match headers.get("last-event-id") {
            Some(value) => behind(value.to_str().ok())?,
            None => query.from.unwrap_or_default(),
        };
        return sse::follow(state, caller, id, from).await;
    }
    let from = query.from.unwrap_or_default();
    // Asked before reading: whatever was written before the end is there after it.
    let execution = caller.execution(id).await?;
    if query.plain || accepts(headers, "text/plain") {
        let name = format!("attachment; filename=\"{id}.log\"");
        let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CONTENT_DISPOSITION, &*name)];
        return Ok((headers, Body::from_stream(download((*caller).clone(), id, from))).into_response());
    }
    let chunks = caller.log(id, from, query.bytes).await?;
    let ended = execution.status().is_terminal();
    Ok(Json(LogPage::new(&execution, from, chunks, ended)).into_response())
}

/// The output of an agent that never ran, in the form that was asked for.
pub(crate) fn nothing(query: &LogRequest, headers: &HeaderMap) -> Response {
    if follows(query, headers) {
        return sse::nothing();
    }
    if query.plain || accepts(headers, "text/plain") {
        return ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "").into_response();
    }
    Json(LogPage::none()).into_response()
}

fn follows(query: &LogRequest, headers: &HeaderMap) -> bool {
    query.follow || accepts(headers, "text/event-stream")
}

/// Whether a caller asks for this media type by name, first of all.
fn accepts(headers: &HeaderMap, media: &str) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = accept.split([',', ';']).next().unwrap_or_default().trim();
    first.eq_ignore_ascii_case(media)
}

/// The place behind the one that a reconnecting client has seen.
fn behind(seen: Option<&str>) -> Answer<LogSeq> {
    let seen = seen.and_then(|text| text.trim().parse::<u64>().ok());
    let bad = || Problem::malformed("Last-Event-ID", "must be the id of an event of this stream");
    seen.and_then(|seen| seen.checked_add(1)).map(LogSeq).ok_or_else(bad)
}

/// The output so far, byte for byte.
fn download(acting: Acting, id: ExecutionId, from: LogSeq) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::try_unfold((acting, from), move |(acting, from)| async move {
        let chunks = acting.log(id, from, DOWNLOAD_BYTES).await?;
        let Some(last) = chunks.last() else { return Ok(None) };
        let next = LogSeq(last.seq.0 + 1);
        let bytes = chunks.into_iter().flat_map(|chunk| chunk.bytes).collect::<Vec<u8>>();
        Ok(Some((Bytes::from(bytes), (acting, next))))
    })
}
