//! Ids and version numbers in a path.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use automa_core::error::Invalid;
use automa_core::script::VersionNumber;

use crate::problem::{MALFORMED, Problem};
use crate::state::AppState;

/// The id in a path, `{id}`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: FromStr<Err = Invalid>> FromRequestParts<AppState> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let text = parameter(parts, state, "id").await?;
        text.parse().map(Self).map_err(|invalid| Problem::of(MALFORMED, &invalid))
    }
}

/// The version number in a path, `{number}`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathVersion(pub(crate) VersionNumber);

impl FromRequestParts<AppState> for PathVersion {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let text = parameter(parts, state, "number").await?;
        match text.parse() {
            Ok(number) if number >= 1 => Ok(Self(VersionNumber(number))),
            _ => Err(Problem::malformed("number", "a version is a whole number from 1 on")),
        }
    }
}

async fn parameter(parts: &mut Parts, state: &AppState, name: &str) -> Result<String, Problem> {
    let unreadable = || Problem::malformed(name, "is not readable; percent-encode UTF-8");
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| unreadable())?;
    let found = params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    found.ok_or_else(unreadable)
}
