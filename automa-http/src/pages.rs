//! The few pages that the server has before there is a user interface: set-up, and where to go from the root.

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::api::answers::Answer;
use crate::state::AppState;

/// Only what this server sends itself: no inline script, no inline style, no other host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// From the root to where a person can go on: to set-up while there is nobody, to the API's documentation after that.
pub(crate) async fn home(State(state): State<AppState>) -> Answer<Redirect> {
    let empty = state.automa().setup_token().await?.is_some();
    Ok(Redirect::to(if empty { "/setup" } else { "/docs/" }))
}

/// The page on which a person makes the first account. The token is behind the `#` of its address: browsers keep that to
/// themselves, so it reaches neither this server's log nor anybody between.
pub(crate) async fn setup(State(state): State<AppState>) -> Answer<Response> {
    let empty = state.automa().setup_token().await?.is_some();
    let page = include_str!("pages/setup.html").replace("{{state}}", if empty { "empty" } else { "done" });
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response())
}

/// What the set-up page does.
pub(crate) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("pages/setup.js"))
}

/// What the set-up page looks like.
pub(crate) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("pages/setup.css"))
}
