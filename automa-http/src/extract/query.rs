//! Query parameters: known names only, each read on its own, every fault named at once.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use automa_core::error::{Invalid, Problem as Fault};
use automa_core::store::{Order, PageRequest};

use crate::problem::{MALFORMED, Problem};
use crate::state::AppState;

use super::words::in_our_words;

/// Query parameters that have been read as texts, and what they mean.
pub(crate) trait QueryInput: DeserializeOwned {
    /// What the parameters mean together.
    type Meaning: Send;

    /// Reads each of them; every fault goes into `faults`.
    fn read(self, faults: &mut Vec<Fault>) -> Self::Meaning;
}

/// The meaning of a request's query parameters.
#[derive(Debug)]
pub(crate) struct Params<T: QueryInput>(pub(crate) T::Meaning);

impl<T: QueryInput> FromRequestParts<AppState> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        let Query(texts) = read.map_err(|rejection| {
            // The part of axum's message that is about the caller's request.
            let text = rejection.body_text();
            let (field, message) = in_our_words("", text.trim_start_matches("Failed to deserialize query string: "));
            Problem::malformed(&field, message)
        })?;
        let mut faults = Vec::new();
        let meaning = texts.read(&mut faults);
        Invalid::unless_empty(faults).map_err(|invalid| Problem::of(MALFORMED, &invalid))?;
        Ok(Self(meaning))
    }
}

/// The parameters that every list takes.
#[derive(Debug)]
pub(crate) struct Paging;

impl Paging {
    /// The page that these parameters ask for. Lists begin with the newest unless told otherwise.
    pub(crate) fn read(
        limit: Option<&str>,
        cursor: Option<&str>,
        order: Option<&str>,
        faults: &mut Vec<Fault>,
    ) -> PageRequest {
        let mut page = PageRequest::newest(50);
        match limit.map(str::parse::<usize>) {
            None => {}
            Some(Ok(limit @ 1..=PageRequest::LIMIT_MAX)) => page.limit = limit,
            Some(_) => {
                let text = format!("must be a whole number from 1 to {}", PageRequest::LIMIT_MAX);
                faults.push(Fault::new("limit", text));
            }
        }
        match order {
            None | Some("newest") => {}
            Some("oldest") => page.order = Order::OldestFirst,
            Some(_) => faults.push(Fault::new("order", "must be newest or oldest")),
        }
        match cursor.map(str::parse) {
            None => {}
            Some(Ok(cursor)) => page.cursor = Some(cursor),
            Some(Err(_)) => {
                let text = "is not a cursor of this list; give the next_cursor of its last page, or none";
                faults.push(Fault::new("cursor", text));
            }
        }
        page
    }
}

/// Reads one optional parameter under the name by which callers know it.
pub(crate) fn optional<T: FromStr<Err = Invalid>>(
    name: &str,
    text: Option<&str>,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    match text?.parse() {
        Ok(value) => Some(value),
        Err(invalid) => {
            let messages = invalid.into_problems().into_iter().map(|fault| Fault::new(name, fault.message));
            faults.extend(messages);
            None
        }
    }
}
