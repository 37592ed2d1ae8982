//! What every request passes on its way in and every answer on its way out: an id, a time limit, a net under panics,
//! and headers that keep browsers careful.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, OriginalUri, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::problem::{INTERNAL, METHOD_NOT_ALLOWED, NO_ROUTE, Problem, TIMEOUT};

/// Names a request, in both directions.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long a request may take until its answer begins. Bodies have a limit of their own; live output has none.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// What a browser may do with an answer that is not one of our pages: nothing.
const NO_CONTENT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The outermost layer: gives the request its id, writes it into problems, adds headers, notes it in the log.
pub(crate) async fn edge(request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let began = Instant::now();
    let method = request.method().clone();
    let prefix = prefix(&request);
    let span = tracing::info_span!("request", id = %id, method = %method, path = request.uri().path());
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let problem = response.extensions_mut().remove::<Problem>();
    let fault = problem.as_ref().map_or(status.is_server_error(), Problem::is_fault);
    span.in_scope(|| {
        let elapsed = began.elapsed();
        if fault {
            tracing::warn!(status = status.as_u16(), ?elapsed, "answered");
        } else {
            tracing::debug!(status = status.as_u16(), ?elapsed, "answered");
        }
    });
    if let Some(problem) = problem {
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(problem.to_json(Some(&id)));
    }
    finish(response.headers_mut(), &id, &prefix);
    response
}

/// The caller's own id where it is a plain one, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let plain = |text: &&str| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(plain);
    given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Where another application has mounted the router: what it took off the path.
fn prefix(request: &Request) -> String {
    let whole = request.extensions().get::<OriginalUri>().map(|uri| uri.path()).unwrap_or_default();
    let inner = request.uri().path();
    // Mounted at /automa, the root is /automa itself, without a slash.
    let prefix = whole.strip_suffix(inner).or_else(|| (inner == "/").then_some(whole));
    prefix.unwrap_or_default().to_owned()
}

fn finish(headers: &mut HeaderMap, id: &str, prefix: &str) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, NO_CONTENT_POLICY),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    if let Some(location) = location.filter(|it| it.starts_with('/') && !prefix.is_empty())
        && let Ok(value) = HeaderValue::from_str(&format!("{prefix}{location}"))
    {
        headers.insert(header::LOCATION, value);
    }
}

/// Bounds the time until the answer begins. A change that was begun is finished even when its caller hangs up.
pub(crate) async fn bounded(request: Request, next: Next) -> Response {
    let timeout =
        || Problem::new(TIMEOUT, format!("no answer within {} s; it may still be done", ANSWER_WITHIN.as_secs()));
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        let answer = tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await;
        return answer.unwrap_or_else(|_| timeout().into_response());
    }
    let task = tokio::spawn(next.run(request).in_current_span());
    match tokio::time::timeout(ANSWER_WITHIN, task).await {
        Ok(Ok(response)) => response,
        // Panics are caught further in; this is the runtime's end.
        Ok(Err(error)) => Problem::new(INTERNAL, error.to_string()).into_response(),
        Err(_) => timeout().into_response(),
    }
}

/// The answer in place of a panic.
#[expect(clippy::needless_pass_by_value, reason = "the layer gives it away")]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = %text, "a handler panicked; this is a bug of Automa");
    Problem::new(INTERNAL, "a fault of the server's own; its log says more").into_response()
}

/// The answer where there is no such address.
pub(crate) async fn no_route(request: Request) -> Problem {
    nothing_at(request.uri().path())
}

/// The same, of this address.
pub(crate) fn nothing_at(path: &str) -> Problem {
    let path: String = path.chars().take(200).collect();
    Problem::new(NO_ROUTE, format!("there is nothing at {path}; /docs lists every address"))
}

/// The answer where there is such an address, but not for this method.
pub(crate) async fn no_method(path: Option<MatchedPath>, method: Method) -> Problem {
    let path = path.as_ref().map_or("this address", MatchedPath::as_str);
    Problem::new(METHOD_NOT_ALLOWED, format!("{path} does not take {method}; the header Allow says what it takes"))
}
