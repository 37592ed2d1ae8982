//! Arguments: read one by one, so that everything that is wrong is said at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use automa_core::error::{Error, Invalid, Problem};
use automa_core::limits::Bytes;
use automa_core::script::Source;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::failure::{Failure, Result};

/// Collects what is wrong with the arguments of one call.
#[derive(Default)]
pub(crate) struct Checked {
    problems: Vec<Problem>,
}

impl Checked {
    /// Keeps the value, or what is wrong with it. A value of a wrong type ends the call at once, as in all of Python.
    pub(crate) fn keep<T>(&mut self, read: Result<T, impl Into<Failure>>) -> Result<Option<T>> {
        match read.map_err(Into::into) {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Engine(Error::Invalid(invalid))) => {
                self.problems.extend(invalid.into_problems());
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Adds a problem that lies between arguments.
    pub(crate) fn add(&mut self, field: &str, message: &str) {
        self.problems.push(Problem::new(field, message));
    }

    /// The value, when nothing was wrong with any argument.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T> {
        Invalid::unless_empty(self.problems)?;
        value.ok_or_else(|| Invalid::new("", "an argument is missing").into())
    }
}

/// Keyword arguments of one call; those that are `None` count as not given.
pub(crate) struct Keywords<'a, 'py> {
    given: Option<&'a Bound<'py, PyDict>>,
    known: &'static [&'static str],
}

impl<'a, 'py> Keywords<'a, 'py> {
    /// The keyword arguments of `function`, which knows these.
    pub(crate) fn of(
        function: &str,
        given: Option<&'a Bound<'py, PyDict>>,
        known: &'static [&'static str],
    ) -> Result<Self> {
        for key in given.into_iter().flat_map(|given| given.keys()) {
            let key = key.cast::<PyString>().map_err(PyErr::from).and_then(|key| key.extract::<String>());
            let key = key.map_err(Failure::Python)?;
            if !known.contains(&key.as_str()) {
                let text =
                    format!("{function}() got an unexpected keyword argument {key:?}; it takes {}", known.join(", "));
                return Err(Failure::Python(PyTypeError::new_err(text)));
            }
        }
        Ok(Self { given, known })
    }

    /// The argument, unless it is missing or `None`.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Bound<'py, PyAny>>> {
        debug_assert!(self.known.contains(&name), "{name} is not among the known arguments");
        let Some(given) = self.given else { return Ok(None) };
        let value = given.get_item(name).map_err(Failure::Python)?;
        Ok(value.filter(|value| !value.is_none()))
    }

    /// The argument as a plain Python type.
    pub(crate) fn plain<T>(&self, name: &str) -> Result<Option<T>>
    where
        T: for<'b> FromPyObject<'b, 'py>,
    {
        let Some(value) = self.get(name)? else { return Ok(None) };
        value.extract::<T>().map(Some).map_err(|error| wrong_type(name, &value, &error.into()))
    }

    /// The argument as a word or another short text.
    pub(crate) fn text<T>(&self, name: &str, checked: &mut Checked) -> Result<Option<T>>
    where
        T: std::str::FromStr<Err = Invalid>,
    {
        let Some(text) = self.plain::<String>(name)? else { return Ok(None) };
        checked.keep(text.parse::<T>())
    }

    /// The argument, read by `read`, which gets its name.
    pub(crate) fn read<T>(
        &self,
        name: &str,
        checked: &mut Checked,
        read: impl FnOnce(&str, &Bound<'py, PyAny>) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        checked.keep(read(name, &value))
    }
}

/// Says which argument has a wrong type. Another exception, such as for an integer that is too large, stays.
fn wrong_type(name: &str, value: &Bound<'_, PyAny>, error: &PyErr) -> Failure {
    let py = value.py();
    if error.is_instance_of::<PyTypeError>(py) {
        return Failure::Python(PyTypeError::new_err(format!("argument {name:?}: {}", error.value(py))));
    }
    Invalid::new(name, format!("is not acceptable: {}", error.value(py))).into()
}

/// The same problems under the name of the argument.
pub(crate) fn under(field: &str, invalid: Invalid) -> Failure {
    let renamed = invalid.into_problems().into_iter().map(|problem| Problem::new(field, problem.message)).collect();
    Invalid::unless_empty(renamed).map_or_else(Failure::from, |()| Invalid::new(field, "is not acceptable").into())
}

/// Reads a number of bytes: an integer, or text such as `"256M"`.
pub(crate) fn size(field: &str, given: &Bound<'_, PyAny>) -> Result<Bytes> {
    if let Ok(text) = given.extract::<String>() {
        return Ok(text.parse::<Bytes>().map_err(|invalid| invalid.within(field))?);
    }
    match given.extract::<u64>() {
        Ok(count) => Ok(Bytes(count)),
        Err(error) if error.is_instance_of::<PyTypeError>(given.py()) => {
            let kind = given.get_type().name().map_err(Failure::Python)?;
            let text = format!("{field} must be a number of bytes or text such as \"256M\", not {kind}");
            Err(Failure::Python(PyTypeError::new_err(text)))
        }
        Err(_) => Err(Invalid::new(field, "is out of range; give a number of bytes that is zero or more").into()),
    }
}

/// Reads a count, such as of processes.
pub(crate) fn count(field: &str, given: &Bound<'_, PyAny>) -> Result<u32> {
    given.extract::<u32>().map_err(|error| {
        if error.is_instance_of::<PyTypeError>(given.py()) {
            Failure::Python(PyTypeError::new_err(format!("argument {field:?}: {}", error.value(given.py()))))
        } else {
            Invalid::new(field, format!("is out of range; give 0 to {}", u32::MAX)).into()
        }
    })
}

/// Reads environment variables.
pub(crate) fn environment(field: &str, given: &Bound<'_, PyAny>) -> Result<BTreeMap<String, String>> {
    given.extract().map_err(|error| wrong_type(field, given, &error))
}

/// Reads the source of a script: text, bytes, or the path of a file as `pathlib.Path`.
pub(crate) fn source(given: &Bound<'_, PyAny>) -> Result<Source> {
    if let Ok(text) = given.cast::<PyString>() {
        let text = text.extract::<String>().map_err(|_| {
            Invalid::new("source", "holds half of a surrogate pair, which is not text; read the file as UTF-8")
        })?;
        if !text.contains('\n') && text.ends_with(".py") {
            let message =
                format!("{text:?} looks like a file's name; give pathlib.Path({text:?}), or the source itself");
            return Err(Invalid::new("source", message).into());
        }
        return Ok(text.parse::<Source>()?);
    }
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return Ok(Source::from_bytes(bytes.as_bytes())?);
    }
    let path = given.extract::<PathBuf>().map_err(|_| {
        let text = "source must be text, bytes or the pathlib.Path of a file";
        Failure::Python(PyTypeError::new_err(text))
    })?;
    let bytes = given.py().detach(|| read_file(&path)).map_err(|error| {
        // As `open` would say it, with the name.
        let error = PyErr::from(error);
        let _ = error.value(given.py()).setattr("filename", path.as_os_str());
        Failure::Python(error)
    })?;
    Ok(Source::from_bytes(&bytes)?)
}

/// Reads a file, but not much more of it than a source may have.
fn read_file(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    let most = Source::BYTES_MAX as u64 + 1;
    std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
