//! Bodies: bounded in size and time, of the right type, read into a wire type with the field named that is at fault.

use std::time::Duration;

use axum::Form;
use axum::body::BodyDataStream;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use automa_core::error::Invalid;
use automa_core::script::Source;

use crate::problem::{INVALID, Problem, SLOW_BODY, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE};
use crate::state::AppState;

use super::words::in_our_words;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of a body that is too large is read and dropped, so that the caller gets to read why it was refused.
const DROPPED_MAX: usize = 16 * 1024 * 1024;

/// A type that a JSON body is read into.
pub(crate) trait Input: DeserializeOwned + Send {
    /// The largest body, in bytes.
    const BYTES_MAX: usize = 1024 * 1024;
}

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// A JSON body, or its default when there is none.
#[derive(Debug)]
pub(crate) struct MaybeBody<T>(pub(crate) T);

impl<T: Input> FromRequest<AppState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &AppState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body.into_data_stream(), T::BYTES_MAX).await?;
        check_json(&parts.headers)?;
        parse(&bytes).map(Self)
    }
}

impl<T: Input + Default> FromRequest<AppState> for MaybeBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &AppState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body.into_data_stream(), T::BYTES_MAX).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        check_json(&parts.headers)?;
        parse::<Option<T>>(&bytes).map(|body| Self(body.unwrap_or_default()))
    }
}

/// A script that was uploaded as it is, or as the file of a form.
#[derive(Debug)]
pub(crate) struct Upload(pub(crate) Source);

impl Upload {
    /// The largest body: the largest source and whatever a form puts around it.
    const BYTES_MAX: usize = Source::BYTES_MAX + Source::BYTES_MAX / 2;
    const TYPES: [&'static str; 4] =
        ["text/x-python", "text/plain", "application/x-python-code", "application/octet-stream"];
}

impl FromRequest<AppState> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let media = media_type(&parts.headers);
        let form = media.as_deref() == Some("multipart/form-data");
        let bytes = read(&parts.headers, body.into_data_stream(), Self::BYTES_MAX).await?;
        if !form {
            if !media.as_deref().is_some_and(|media| Self::TYPES.contains(&media)) {
                let text = "send the script as text/x-python, or as the field `file` of a multipart/form-data form";
                return Err(Problem::new(UNSUPPORTED_MEDIA_TYPE, text));
            }
            return Ok(Self(Source::from_bytes(&bytes)?));
        }
        // The body is here already and bounded; the form is taken apart in memory.
        let request = Request::from_parts(parts, axum::body::Body::from(bytes));
        let bad = |text: String| Problem::malformed("file", format!("the form cannot be read: {text}"));
        let mut form = Multipart::from_request(request, state).await.map_err(|it| bad(it.body_text()))?;
        let mut found = None;
        while let Some(field) = form.next_field().await.map_err(|it| bad(it.body_text()))? {
            let name = field.name().unwrap_or_default().to_owned();
            let bytes = field.bytes().await.map_err(|it| bad(it.body_text()))?;
            match (name.as_str(), &found) {
                ("file", None) => found = Some(Source::from_bytes(&bytes)?),
                ("file", Some(_)) => return Err(Problem::malformed("file", "is there more than once; send one")),
                _ => return Err(Problem::malformed(&name, "is not known here; the form has one field, `file`")),
            }
        }
        found.map(Self).ok_or_else(|| Problem::malformed("file", "is missing; put the script into the field `file`"))
    }
}

/// The media type of a body, in lower case and without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
    match media_type(headers) {
        Some(media) if media == "application/json" || media.ends_with("+json") => Ok(()),
        _ => Err(Problem::new(UNSUPPORTED_MEDIA_TYPE, "send JSON, with the header `Content-Type: application/json`")),
    }
}

/// Reads a whole body of at most `bytes_max` bytes.
pub(super) async fn read(headers: &HeaderMap, stream: BodyDataStream, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let slow = || Problem::new(SLOW_BODY, format!("the body did not arrive within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, read_all(headers, stream, bytes_max)).await.map_err(|_| slow())?
}

async fn read_all(headers: &HeaderMap, mut stream: BodyDataStream, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
    let too_large = || {
        let text = format!("the body is larger than the {bytes_max} bytes that this address takes");
        Problem::new(TOO_LARGE, text)
    };
    if announced.is_some_and(|length| length > bytes_max) {
        // Whoever waits for `100 Continue` sends nothing after this answer; others get to read it only if somebody
        // takes what they are sending meanwhile.
        if !headers.contains_key(EXPECT) {
            tokio::spawn(tokio::time::timeout(PATIENCE, drop_some(stream)));
        }
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0));
    let mut length = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("", "the body ended before its time"))?;
        length += chunk.len();
        if length <= bytes_max {
            bytes.extend_from_slice(&chunk);
        } else if length > bytes_max.saturating_add(DROPPED_MAX) {
            break;
        }
    }
    if length > bytes_max {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Reads and drops a body that was refused, as far as that is worth it.
async fn drop_some(mut stream: BodyDataStream) {
    let mut length = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        length += chunk.len();
        if length > DROPPED_MAX {
            break;
        }
    }
}

/// Reads JSON; says whether it was no JSON at all, or which field is at fault.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    // An array would pass for an object with its members in order.
    if first == Some(&b'[') {
        return Err(Problem::of(INVALID, &Invalid::new("", "the body must be a JSON object, not an array")));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json);
    let value = read.map_err(|error| {
        let path = error.path().to_string();
        refusal(if path == "." { "" } else { &path }, error.inner())
    })?;
    json.end().map_err(|error| refusal("", &error))?;
    Ok(value)
}

fn refusal(path: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let (message, place) = text.split_once(" at line ").unwrap_or((&text, ""));
    if message.starts_with("recursion limit exceeded") {
        let field = path.split(['.', '[']).next().unwrap_or_default();
        let deepest = automa_core::json::DEPTH_MAX;
        return Problem::of(
            INVALID,
            &Invalid::new(field, format!("is nested too deeply; give at most {deepest} levels")),
        );
    }
    if !error.is_data() {
        return Problem::malformed("", format!("the body is not JSON: {message} (line {place})"));
    }
    let (field, message) = in_our_words(path, message);
    Problem::of(INVALID, &Invalid::new(field, message))
}

impl<T: Input> Body<T> {
    /// The same from a form, `application/x-www-form-urlencoded`.
    pub(crate) async fn form(request: Request) -> Result<T, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body.into_data_stream(), T::BYTES_MAX).await?;
        let request = Request::from_parts(parts, axum::body::Body::from(bytes));
        let Form(value) = Form::from_request(request, &()).await.map_err(|rejection| {
            let text = rejection.body_text();
            let (field, message) = in_our_words("", text.trim_start_matches("Failed to deserialize form body: "));
            Problem::malformed(&field, message)
        })?;
        Ok(value)
    }
}
