//! Who asks: the principal behind the access token.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use automa_core::Acting;
use automa_core::id::SessionId;

use crate::problem::{Problem, UNAUTHENTICATED};
use crate::state::AppState;

/// The handle through which a signed-in caller does things.
#[derive(Debug)]
pub(crate) struct Caller {
    acting: Acting,
    /// The login by which they came.
    pub(crate) session: SessionId,
}

impl Deref for Caller {
    type Target = Acting;

    fn deref(&self) -> &Acting {
        &self.acting
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let Some(header) = parts.headers.get(AUTHORIZATION) else {
            return Err(Problem::new(
                UNAUTHENTICATED,
                "sign in first: send the header `Authorization: Bearer <token>`",
            ));
        };
        let token = header.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let Some(session) = token.and_then(|token| state.tokens().session(token)) else {
            return Err(Problem::new(UNAUTHENTICATED, "the access token is not valid or has expired; sign in again"));
        };
        let principal = state.automa().principal(session).await?;
        Ok(Self { acting: state.automa().acting_as(principal), session })
    }
}
