//! Numbers and text as they are given: read in two steps, so that a refusal can name the argument.

use automa_core::error::Invalid;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::failure::Result;

/// A whole number that is not negative; `None` when the one that was given is something else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole(Option<u64>);

impl Whole {
    /// This number, as the default of an argument.
    pub(crate) const fn of(number: u64) -> Self {
        Self(Some(number))
    }

    /// The number that was given for the argument `field`.
    pub(crate) fn get<T: TryFrom<u64>>(self, field: &str) -> Result<T> {
        let number = self.0.and_then(|number| T::try_from(number).ok());
        Ok(number.ok_or_else(|| {
            Invalid::new(field, "is out of range; give a whole number from 0 on that is not as large")
        })?)
    }
}

impl FromPyObject<'_, '_> for Whole {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        match given.extract::<u64>() {
            Ok(number) => Ok(Self(Some(number))),
            Err(error) if error.is_instance_of::<PyTypeError>(given.py()) => Err(error),
            Err(_) => Ok(Self(None)),
        }
    }
}

/// Text; `None` when what was given holds half of a surrogate pair and is none.
#[derive(Debug, Clone)]
pub(crate) struct Text(Option<String>);

impl Text {
    /// No text, as the default of an argument.
    pub(crate) const fn empty() -> Self {
        Self(Some(String::new()))
    }

    /// The text that was given for the argument `field`.
    pub(crate) fn get(self, field: &str) -> Result<String, Invalid> {
        self.0.ok_or_else(|| Invalid::new(field, "holds half of a surrogate pair, which is not text; leave it out"))
    }
}

impl FromPyObject<'_, '_> for Text {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        Ok(Self(given.cast::<PyString>()?.extract::<String>().ok()))
    }
}
