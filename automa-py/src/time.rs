//! Instants and durations: aware `datetime` and `timedelta` on the Python side, nothing lost in between.

use std::time::Duration;

use automa_core::error::Invalid;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDateTime, PyDelta, PyDeltaAccess as _, PyTzInfo};

use crate::failure::{Failure, Result};

/// An instant on its way to Python: an aware `datetime` in UTC, in whole microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl<'py> IntoPyObject<'py> for Instant {
    type Target = PyDateTime;
    type Output = Bound<'py, PyDateTime>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let local = TimeZone::UTC.to_datetime(self.0);
        let microsecond = u32::try_from(local.subsec_nanosecond() / 1_000)?;
        let [month, day, hour, minute, second] =
            [local.month(), local.day(), local.hour(), local.minute(), local.second()].map(i8::unsigned_abs);
        let utc = PyTzInfo::utc(py)?;
        PyDateTime::new(py, local.year().into(), month, day, hour, minute, second, microsecond, Some(&utc))
    }
}

/// Reads an aware `datetime`.
pub(crate) fn instant(field: &str, given: &Bound<'_, PyDateTime>) -> Result<Timestamp> {
    let py = given.py();
    if given.call_method0("utcoffset").map_err(Failure::Python)?.is_none() {
        let message = "has no time zone; give an aware datetime, such as datetime.now(timezone.utc)";
        return Err(Invalid::new(field, message).into());
    }
    // The distance from an epoch is exact, which the float that `timestamp()` gives is not.
    let distance = || -> PyResult<SignedDuration> {
        let utc = PyTzInfo::utc(py)?;
        let epoch = PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc))?;
        Ok(parts(given.sub(epoch)?.cast::<PyDelta>()?))
    };
    let since_epoch = distance().map_err(Failure::Python)?;
    Timestamp::from_duration(since_epoch).map_err(|_| Invalid::new(field, "is out of range; give a nearer time").into())
}

/// Reads a duration: `timedelta`, a number of seconds, or text such as `"5m"`.
pub(crate) fn duration(field: &str, given: &Bound<'_, PyAny>) -> Result<Duration> {
    let refuse = |message: &str| Failure::from(Invalid::new(field, message));
    if let Ok(delta) = given.cast::<PyDelta>() {
        return parts(delta).try_into().map_err(|_| refuse("is negative; give zero or more"));
    }
    if let Ok(text) = given.extract::<String>() {
        return Ok(automa_core::limits::parse_duration(&text).map_err(|invalid| invalid.within(field))?);
    }
    match given.extract::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds)
            .map_err(|_| refuse("is out of range; give a number of seconds that is zero or more")),
        Err(_) => {
            let kind = given.get_type().name().map_err(Failure::Python)?;
            let text = format!("{field} must be a timedelta, a number of seconds or text such as \"5m\", not {kind}");
            Err(Failure::Python(PyTypeError::new_err(text)))
        }
    }
}

fn parts(delta: &Bound<'_, PyDelta>) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(delta.get_days()))
        + SignedDuration::from_secs(delta.get_seconds().into())
        + SignedDuration::from_micros(delta.get_microseconds().into())
}
