//! The precondition of a change: `If-Match` with the `ETag` of what the caller has read.

use axum::extract::FromRequestParts;
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;

use automa_core::store::Revision;

use crate::problem::Problem;
use crate::state::AppState;

/// The revision that the caller demands; `None` without the header, or with `*`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IfMatch(pub(crate) Option<Revision>);

impl FromRequestParts<AppState> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &AppState) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IF_MATCH).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            // Without the header there is nothing to demand; with several, nothing could be right.
            return if parts.headers.contains_key(IF_MATCH) { Err(malformed()) } else { Ok(Self(None)) };
        };
        let text = value.to_str().map_err(|_| malformed())?.trim();
        if text == "*" {
            return Ok(Self(None));
        }
        let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(malformed)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        digits.parse().map(|number| Self(Some(Revision(number)))).map_err(|_| malformed())
    }
}

fn malformed() -> Problem {
    Problem::malformed("If-Match", "must be one ETag as it was given, such as \"3\" with its quotes, or *")
}
