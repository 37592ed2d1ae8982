//! Sizes and durations: numbers in answers, numbers or texts in input.

use std::time::Duration;

use serde_json::Value;
use utoipa::ToSchema;

use automa_core::error::Invalid;
use automa_core::limits::{Bytes, parse_duration};

/// A number of bytes: a whole number, or a text such as `256M`, `64K` or `1G` (powers of 1024).
#[derive(Debug, ToSchema)]
#[schema(as = Size, value_type = Value, example = json!("256M"))]
#[expect(dead_code, reason = "describes a field in the OpenAPI document")]
pub(crate) struct SizeSchema(Value);

/// A span of time: a number of seconds, or a text such as `30s`, `5m`, `1h30m` or `250ms`.
#[derive(Debug, ToSchema)]
#[schema(as = Duration, value_type = Value, example = json!("5m"))]
#[expect(dead_code, reason = "describes a field in the OpenAPI document")]
pub(crate) struct DurationSchema(Value);

/// Reads a number of bytes.
pub(crate) fn size(value: &Value) -> Result<Bytes, Invalid> {
    match value {
        Value::Number(number) => {
            let bad = || {
                Invalid::new(
                    "",
                    format!("{number} is not a size; give a whole number of bytes, or a text such as \"256M\""),
                )
            };
            number.as_u64().map(Bytes).ok_or_else(bad)
        }
        Value::String(text) => text.parse(),
        _ => Err(Invalid::new("", "must be a whole number of bytes, or a text such as \"256M\"")),
    }
}

/// Reads a span of time.
pub(crate) fn duration(value: &Value) -> Result<Duration, Invalid> {
    match value {
        Value::Number(number) => {
            let seconds = number.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            let bad = || {
                Invalid::new(
                    "",
                    format!("{number} is not a duration; give a number of seconds, or a text such as \"5m\""),
                )
            };
            seconds.ok_or_else(bad)
        }
        Value::String(text) => parse_duration(text),
        _ => Err(Invalid::new("", "must be a number of seconds, or a text such as \"5m\"")),
    }
}
