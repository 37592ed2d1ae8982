//! The parts that several stored types share: instants, ids, words, JSON.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::json::{Json, JsonObject};

/// The 16 bytes of an id.
pub(super) type Id = [u8; 16];

/// An instant, to the nanosecond: whole seconds since 1970, rounded down, and the nanoseconds above them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Instant(i64, u32);

impl Instant {
    pub(super) fn open(self) -> Result<Timestamp> {
        let damaged = || Error::Damaged(format!("an instant is out of range: {} s, {} ns", self.0, self.1));
        let nanoseconds = i32::try_from(self.1).map_err(|_| damaged())?;
        Timestamp::new(self.0, nanoseconds).map_err(|_| damaged())
    }
}

impl From<Timestamp> for Instant {
    fn from(instant: Timestamp) -> Self {
        let (seconds, nanoseconds) = split(instant);
        Self(seconds, nanoseconds)
    }
}

/// Whole seconds since 1970, rounded down, and the nanoseconds above them: ordered as the instants are.
pub(crate) fn split(instant: Timestamp) -> (i64, u32) {
    let (seconds, nanoseconds) = (instant.as_second(), instant.subsec_nanosecond());
    // Before 1970, jiff counts both down from zero.
    if nanoseconds < 0 {
        (seconds - 1, (nanoseconds + 1_000_000_000).unsigned_abs())
    } else {
        (seconds, nanoseconds.unsigned_abs())
    }
}

/// Reads a field from its text; `what` names it in the error.
pub(super) fn parse<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T> {
    text.parse().map_err(|error| Error::Damaged(format!("{what} {text:?} cannot be read: {error}")))
}

/// The text of an object, for storing.
pub(super) fn object_text(object: &JsonObject) -> Cow<'static, str> {
    if object.members().is_empty() { Cow::Borrowed("{}") } else { Cow::Owned(object.to_string()) }
}

pub(super) fn parse_object(what: &str, text: &str) -> Result<JsonObject> {
    if text == "{}" {
        return Ok(JsonObject::default());
    }
    JsonObject::parse(text.as_bytes()).map_err(|error| Error::Damaged(format!("{what} cannot be read: {error}")))
}

pub(super) fn parse_json(what: &str, text: &str) -> Result<Json> {
    Json::parse(text.as_bytes()).map_err(|error| Error::Damaged(format!("{what} cannot be read: {error}")))
}
