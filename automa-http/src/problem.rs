//! Errors as RFC 9457 problem documents: the one place where an error becomes an answer.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use automa_core::error::{Error, Invalid};

/// The media type of every error.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// A stable code, the HTTP status that it always comes with, and its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The word for programs, such as `not_found`.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The word for people.
    pub title: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $title:literal;)+) => {
        $(pub(crate) const $name: Code = Code { code: $code, status: $status, title: $title };)+

        /// Every code that an answer can carry. `docs/src/http-api.md` lists them, and a test compares.
        pub const CODES: &[Code] = &[$($name),+];
    };
}

codes! {
    MALFORMED = "malformed", 400, "The request could not be read";
    UNAUTHENTICATED = "unauthenticated", 401, "Not signed in";
    FORBIDDEN = "forbidden", 403, "Not allowed";
    NOT_FOUND = "not_found", 404, "Does not exist";
    NO_ROUTE = "no_route", 404, "No such address";
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "The address does not take this method";
    SLOW_BODY = "slow_body", 408, "The body came too slowly";
    ALREADY_EXISTS = "already_exists", 409, "Exists already";
    IN_USE = "in_use", 409, "Still in use";
    WRONG_STATE = "wrong_state", 409, "Not possible in this state";
    LEASE_LOST = "lease_lost", 409, "Another worker has it";
    STALE = "stale", 412, "Changed since it was read";
    TOO_LARGE = "too_large", 413, "The body is too large";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "The body is of the wrong type";
    INVALID = "invalid", 422, "Not acceptable";
    NO_SANDBOX = "no_sandbox", 422, "No sandbox can run this";
    INTERNAL = "internal", 500, "A fault of the server";
    DAMAGED = "damaged", 500, "Stored data is damaged";
    STORE_FAILED = "store_failed", 503, "The store cannot answer now";
    BUSY = "busy", 503, "Too much of this at once";
    SHUTTING_DOWN = "shutting_down", 503, "Shutting down";
    TIMEOUT = "timeout", 503, "The answer took too long";
    DISK_FULL = "disk_full", 507, "The disk is full";
}

/// An error that becomes an answer.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    problems: Vec<FieldProblem>,
}

/// An error as it goes over the wire, beside its HTTP status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemOut<'a> {
    /// The kind of error, as a name that is the same everywhere: `urn:automa:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:automa:problem:not_found")]
    kind: String,
    /// The kind of error, for people.
    #[schema(example = "Does not exist")]
    title: &'static str,
    /// The HTTP status, once more.
    #[schema(example = 404)]
    status: u16,
    /// The kind of error, for programs. Never changes its meaning.
    #[schema(example = "not_found")]
    code: &'static str,
    /// What exactly went wrong and what to do about it.
    #[schema(example = "script 0192f0c1-2b3c-7def-8123-456789abcdef does not exist")]
    detail: &'a str,
    /// Names this request in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// What is wrong with which field; left out where no field is at fault.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    problems: &'a [FieldProblem],
}

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// The field, as a path: `schedule.cron.minute`. Empty for the whole.
    #[schema(example = "limits.memory")]
    field: String,
    /// What is wrong with it and what would be right.
    #[schema(example = "1M is out of range; give 48M to 64G")]
    message: String,
}

impl Problem {
    /// An error of this kind.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), problems: Vec::new() }
    }

    /// A request whose `field` could not be read at all.
    pub(crate) fn malformed(field: &str, message: impl Into<String>) -> Self {
        Self::of(MALFORMED, &Invalid::new(field, message))
    }

    /// The fields that are at fault, under another code than [`INVALID`].
    pub(crate) fn of(code: Code, invalid: &Invalid) -> Self {
        let problems = invalid.problems().iter();
        let problems = problems.map(|it| FieldProblem { field: it.field.clone(), message: it.message.clone() });
        Self { problems: problems.collect(), ..Self::new(code, invalid.to_string()) }
    }

    /// Whether the server's log shall show it. That too much is asked for at once is no fault, and whoever floods the
    /// server shall not flood its log.
    pub(crate) fn is_fault(&self) -> bool {
        self.code.status >= 500 && self.code != BUSY
    }

    /// What goes over the wire, with the id by which the log knows the request.
    pub(crate) fn to_out<'a>(&'a self, request_id: Option<&'a str>) -> ProblemOut<'a> {
        let Code { code, status, title } = self.code;
        let kind = format!("urn:automa:problem:{code}");
        ProblemOut { kind, title, status, code, detail: &self.detail, request_id, problems: &self.problems }
    }

    /// The answer's body.
    pub(crate) fn to_json(&self, request_id: Option<&str>) -> Vec<u8> {
        // A struct of strings and numbers always serialises.
        serde_json::to_vec(&self.to_out(request_id)).unwrap_or_default()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let Error::Invalid(invalid) = &error {
            return Self::of(INVALID, invalid);
        }
        let code = CODES.iter().find(|known| known.code == error.code()).copied().unwrap_or(INTERNAL);
        if code.status >= 500 && code != BUSY {
            tracing::error!(code = code.code, error = %with_sources(&error), "a request failed");
        }
        match error {
            // What a store says about itself is for the log: it may name files, and helps no caller.
            Error::Store(_) | Error::Damaged(_) | Error::Folder { .. } => {
                Self::new(code, format!("{}; the server's log says more", code.title.to_lowercase()))
            }
            error => Self::new(code, error.to_string()),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::of(INVALID, &invalid)
    }
}

impl IntoResponse for Problem {
    /// The answer, with the problem itself among its extensions so that [`edge`](crate::edge) can add the request's id.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.to_json(None)));
        let status = StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if self.code == UNAUTHENTICATED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"automa\""));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// An error and everything that it was caused by, in one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        // `transparent` errors say the same twice.
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    line
}
