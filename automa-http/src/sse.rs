//! Output as it comes, as server-sent events.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde::Serialize;

use automa_core::Error;
use automa_core::automa::LogFollower;
use automa_core::id::ExecutionId;
use automa_core::store::LogSeq;

use crate::api::answers::Answer;
use crate::extract::Caller;
use crate::problem::Problem;
use crate::state::AppState;
use crate::wire::log::{ChunkOut, EndOut};

/// How long a silent stream stays silent, so that what stands between client and server does not cut it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a look at the caller's login counts.
const TRUST: Duration = Duration::from_secs(1);

/// Answers with an execution's output from place `from` on, until it has ended and all was sent.
pub(crate) async fn follow(state: AppState, caller: Caller, id: ExecutionId, from: LogSeq) -> Answer<Response> {
    let follower = caller.follow_log(id, from).await?;
    let live = Live { state, caller, id, follower, checked: Instant::now(), over: false };
    Ok(answer(stream::unfold(live, Live::next)))
}

/// The stream of an agent that never ran: it ends at once.
pub(crate) fn nothing() -> Response {
    let event = Event::default().event("end").data(r#"{"status":null,"reason":"it never ran","exit_code":null}"#);
    answer(stream::iter([Ok(event)]))
}

fn answer(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// A stream under way.
struct Live {
    state: AppState,
    caller: Caller,
    id: ExecutionId,
    follower: LogFollower,
    /// When the caller's login was last looked at.
    checked: Instant,
    over: bool,
}

impl Live {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if self.over {
            return None;
        }
        let next = tokio::select! {
            // The client reconnects, to the server that comes after this one.
            () = self.state.closing().cancelled() => return None,
            next = self.follower.next() => next,
        };
        let event = match self.event(next).await {
            Ok(event) => event,
            Err(error) => {
                self.over = true;
                json("error", &Problem::from(error).to_out(None))
            }
        };
        Some((Ok(event), self))
    }

    async fn event(&mut self, next: Result<Option<automa_core::store::LogChunk>, Error>) -> Result<Event, Error> {
        let next = next?;
        // Whoever signs out, or may not look any more, sees nothing more.
        if self.checked.elapsed() > TRUST {
            self.state.automa().principal(self.caller.session).await?;
            self.checked = Instant::now();
        }
        if let Some(chunk) = next {
            let seq = chunk.seq.0;
            return Ok(json("log", &ChunkOut::from(chunk)).id(seq.to_string()));
        }
        self.over = true;
        let execution = self.caller.execution(self.id).await?;
        Ok(json("end", &EndOut::from(&execution)))
    }
}

fn json(name: &str, data: &impl Serialize) -> Event {
    // Structs of strings and numbers always serialise, into one line.
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}
