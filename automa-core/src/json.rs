//! JSON values that are bounded in size and depth, wherever they come from.

use std::fmt;

use serde_json::{Map, Value};

use crate::error::Invalid;

/// The deepest nesting that is accepted: a scalar has depth 0, `[[]]` has depth 2.
pub const DEPTH_MAX: usize = 64;

/// A JSON value of at most [`Json::BYTES_MAX`] bytes and [`DEPTH_MAX`] levels: what a script returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(Value);

impl Json {
    /// The largest encoding, in bytes: 1 MiB. More belongs into a file.
    pub const BYTES_MAX: usize = 1024 * 1024;

    /// The value, when it is inside the bounds.
    ///
    /// # Errors
    ///
    /// [`Invalid`] without a field when it is too large or too deep.
    pub fn new(value: Value) -> Result<Self, Invalid> {
        check(&value, Self::BYTES_MAX)?;
        Ok(Self(value))
    }

    /// Reads a text of JSON.
    ///
    /// # Errors
    ///
    /// [`Invalid`] without a field when it is not JSON, too large or too deep.
    pub fn parse(text: &[u8]) -> Result<Self, Invalid> {
        Self::new(read(text, Self::BYTES_MAX)?)
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.0
    }

    /// The value, given away.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A JSON object of at most [`JsonObject::BYTES_MAX`] bytes and [`DEPTH_MAX`] levels: a configuration or an input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JsonObject(Map<String, Value>);

impl JsonObject {
    /// The largest encoding, in bytes: 256 KiB.
    pub const BYTES_MAX: usize = 256 * 1024;

    /// The object, when it is one and inside the bounds.
    ///
    /// # Errors
    ///
    /// [`Invalid`] without a field when it is not an object, too large or too deep.
    pub fn new(value: Value) -> Result<Self, Invalid> {
        check(&value, Self::BYTES_MAX)?;
        match value {
            Value::Object(map) => Ok(Self(map)),
            other => {
                Err(Invalid::new("", format!("must be a JSON object such as {{\"name\": 1}}, not {}", noun(&other))))
            }
        }
    }

    /// Reads a text of JSON.
    ///
    /// # Errors
    ///
    /// [`Invalid`] without a field when it is not a JSON object, too large or too deep.
    pub fn parse(text: &[u8]) -> Result<Self, Invalid> {
        Self::new(read(text, Self::BYTES_MAX)?)
    }

    /// The members.
    #[must_use]
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The object as a JSON value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

impl fmt::Display for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).unwrap_or_default())
    }
}

/// Parses a text that is not larger than `bytes_max`.
fn read(text: &[u8], bytes_max: usize) -> Result<Value, Invalid> {
    if text.len() > bytes_max {
        return Err(too_large(text.len(), bytes_max));
    }
    serde_json::from_slice(text).map_err(|error| Invalid::new("", format!("is not JSON: {error}")))
}

/// Measures a value against both bounds.
fn check(value: &Value, bytes_max: usize) -> Result<(), Invalid> {
    if !within_depth(value, DEPTH_MAX) {
        return Err(Invalid::new("", format!("is nested too deeply; give at most {DEPTH_MAX} levels")));
    }
    let bytes = serde_json::to_vec(value).map_err(|error| Invalid::new("", format!("is not JSON: {error}")))?.len();
    if bytes > bytes_max { Err(too_large(bytes, bytes_max)) } else { Ok(()) }
}

fn too_large(bytes: usize, bytes_max: usize) -> Invalid {
    Invalid::new("", format!("is too large: {bytes} bytes; give at most {bytes_max}"))
}

/// Whether `value` nests at most `levels` deep. Stops descending there, so a hostile value costs no more.
fn within_depth(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| within_depth(item, levels - 1)),
        Value::Object(members) => levels > 0 && members.values().all(|item| within_depth(item, levels - 1)),
        _ => true,
    }
}

/// What a JSON value is, in words.
fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
