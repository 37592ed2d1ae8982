//! The types that go over the wire: apart from the engine's own, so that each can change without the other.
//!
//! Input names every field that is at fault, all at once. Sizes and durations are numbers (bytes, seconds) in answers,
//! and numbers or texts such as `"256M"` and `"5m"` in input.

pub(crate) mod agent;
pub(crate) mod execution;
pub(crate) mod health;
pub(crate) mod job;
pub(crate) mod log;
pub(crate) mod number;
pub(crate) mod page;
pub(crate) mod schedule;
pub(crate) mod script;
pub(crate) mod user;

use std::str::FromStr;

use automa_core::error::{Invalid, Problem};
use automa_core::json::JsonObject;

/// Collects what is wrong with one input, field by field.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Problem>);

impl Faults {
    /// Notes a fault.
    pub(crate) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(Problem::new(field, message));
    }

    /// Reads a text; whatever is wrong with it is wrong with `field`.
    pub(crate) fn parse<T: FromStr<Err = Invalid>>(&mut self, field: &str, text: &str) -> Option<T> {
        self.named(field, text.parse())
    }

    /// As [`parse`](Self::parse), with the type's default for what was not given.
    pub(crate) fn parse_or_default<T: FromStr<Err = Invalid> + Default>(
        &mut self,
        field: &str,
        text: Option<&str>,
    ) -> Option<T> {
        text.map_or_else(|| Some(T::default()), |text| self.parse(field, text))
    }

    /// A value whose faults are those of `field`.
    pub(crate) fn named<T>(&mut self, field: &str, read: Result<T, Invalid>) -> Option<T> {
        self.keep(read, |_| field.to_owned())
    }

    /// A value with fields of its own, which stand below `field`.
    pub(crate) fn within<T>(&mut self, field: &str, read: Result<T, Invalid>) -> Option<T> {
        self.keep(read.map_err(|invalid| invalid.within(field)), |own| own)
    }

    /// A JSON object; an empty one when none was given.
    pub(crate) fn object(&mut self, field: &str, value: Option<serde_json::Value>) -> Option<JsonObject> {
        value.map_or_else(|| Some(JsonObject::default()), |value| self.named(field, JsonObject::new(value)))
    }

    /// `Ok` when nothing was wrong.
    pub(crate) fn finish(self) -> Result<(), Invalid> {
        Invalid::unless_empty(self.0)
    }

    /// What was wrong: at least one thing, or the caller is at fault itself.
    pub(crate) fn into_invalid(self) -> Invalid {
        self.finish().err().unwrap_or_else(|| Invalid::new("", "is not acceptable"))
    }

    fn keep<T>(&mut self, read: Result<T, Invalid>, rename: impl Fn(String) -> String) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(invalid) => {
                let problems = invalid.into_problems().into_iter();
                self.0.extend(problems.map(|it| Problem::new(rename(it.field), it.message)));
                None
            }
        }
    }
}
