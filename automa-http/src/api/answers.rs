//! What answers have in common: entity tags, places of new things, and which errors a route can answer with.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as ResponseDoc, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

use automa_core::store::Revision;

use crate::problem::{self, CODES, Problem, ProblemOut};

/// The answer of a handler, or the problem that stands in its way.
pub(crate) type Answer<T> = Result<T, Problem>;

/// One thing, with its revision as `ETag`.
#[derive(Debug)]
pub(crate) struct Tagged<T>(pub(crate) Revision, pub(crate) T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        ([etag(self.0)], Json(self.1)).into_response()
    }
}

/// A new thing: where it is, its revision, itself.
#[derive(Debug)]
pub(crate) struct Created<T>(pub(crate) String, pub(crate) Revision, pub(crate) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, [(header::LOCATION, self.0)], [etag(self.1)], Json(self.2)).into_response()
    }
}

/// A new execution that waits for a worker: where it is, and itself.
#[derive(Debug)]
pub(crate) struct Accepted<T>(pub(crate) String, pub(crate) T);

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, [(header::LOCATION, self.0)], Json(self.1)).into_response()
    }
}

fn etag(revision: Revision) -> (HeaderName, String) {
    (header::ETAG, format!("\"{revision}\""))
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident: $($status:literal)+;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<ResponseDoc>> {
                documented(&[$($status),+])
            }
        }
    )+};
}

problems! {
    /// What can go wrong with every request.
    AnyProblem: 500 503;
    /// What can go wrong where no sign-in is needed and something is sent.
    OpenProblem: 400 401 403 408 409 413 415 422 500 503 507;
    /// What can go wrong where a signed-in caller looks at a list.
    ListProblem: 400 401 403 404 422 500 503;
    /// What can go wrong where a signed-in caller looks at one thing.
    ReadProblem: 400 401 403 404 500 503;
    /// What can go wrong where a signed-in caller makes something.
    CreateProblem: 400 401 403 404 408 409 413 415 422 500 503 507;
    /// What can go wrong where a signed-in caller changes something, on a condition.
    ChangeProblem: 400 401 403 404 408 409 412 413 415 422 500 503 507;
    /// What can go wrong where a signed-in caller removes something, on a condition.
    DeleteProblem: 400 401 403 404 409 412 500 503 507;
    /// What can go wrong where a signed-in caller sets something in motion or stops it.
    ActProblem: 400 401 403 404 409 500 503 507;
    /// What can go wrong where a signed-in caller signs out.
    SignOutProblem: 401 403 500 503 507;
}

/// One documented answer per status, with the codes that come with it.
fn documented(statuses: &[u16]) -> BTreeMap<String, RefOr<ResponseDoc>> {
    let one = |status: u16| {
        let codes: Vec<_> = CODES.iter().filter(|it| it.status == status).collect();
        let names: Vec<_> = codes.iter().map(|it| format!("`{}`", it.code)).collect();
        let schema = Ref::from_schema_name(ProblemOut::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let description = format!("{} ({})", codes.first().map_or("A problem", |it| it.title), names.join(", "));
        let response = ResponseBuilder::new().description(description).content(problem::CONTENT_TYPE, content);
        (status.to_string(), RefOr::T(response.build()))
    };
    statuses.iter().copied().map(one).collect()
}
