//! JSON values: Python's to the engine's and back, bounded, with the place of whatever is wrong.

use automa_core::error::Invalid;
use automa_core::json::{DEPTH_MAX, JsonObject};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use serde_json::{Map, Number, Value};

use crate::failure::{Failure, Result};

/// Reads the argument `field`: a `dict` of what JSON can hold.
pub(crate) fn object(field: &str, given: &Bound<'_, PyAny>) -> Result<JsonObject> {
    let mut reader = Reader { place: vec![field.to_owned()], left: JsonObject::BYTES_MAX };
    let value = reader.value(given)?;
    Ok(JsonObject::new(value).map_err(|invalid| invalid.within(field))?)
}

/// Reads values while it knows where it is and how much there may be.
struct Reader {
    /// The way to the value that is being read: `input`, `.rows`, `[3]`.
    place: Vec<String>,
    /// How many bytes the rest may have, so that something huge is refused before it has been copied.
    left: usize,
}

impl Reader {
    fn value(&mut self, given: &Bound<'_, PyAny>) -> Result<Value> {
        if given.is_none() {
            self.take(4)?;
            Ok(Value::Null)
        } else if let Ok(flag) = given.cast::<PyBool>() {
            self.take(4)?;
            Ok(Value::Bool(flag.is_true()))
        } else if given.is_instance_of::<PyInt>() {
            self.integer(given).map(Value::Number)
        } else if let Ok(number) = given.cast::<PyFloat>() {
            self.take(1)?;
            let refusal = || self.refuse("is not a finite number, which JSON cannot hold; give text or None");
            Number::from_f64(number.value()).map(Value::Number).ok_or_else(refusal)
        } else if let Ok(text) = given.cast::<PyString>() {
            self.text(text).map(Value::String)
        } else if let Ok(list) = given.cast::<PyList>() {
            self.list(list.len(), list.iter())
        } else if let Ok(tuple) = given.cast::<PyTuple>() {
            self.list(tuple.len(), tuple.iter())
        } else if let Ok(dict) = given.cast::<PyDict>() {
            self.dict(dict)
        } else {
            let kind = given.get_type().name().map_err(Failure::Python)?;
            let hint = "give a dict, list, str, int, float, bool or None";
            Err(self.refuse(&format!("is of type {kind}, which JSON cannot hold; {hint}")))
        }
    }

    fn integer(&mut self, given: &Bound<'_, PyAny>) -> Result<Number> {
        self.take(1)?;
        let number = given.extract::<i64>().map(Number::from).or_else(|_| given.extract::<u64>().map(Number::from));
        number.map_err(|_| self.refuse("is an integer of more than 64 bits; give it as text"))
    }

    fn text(&mut self, given: &Bound<'_, PyString>) -> Result<String> {
        let text = given
            .extract::<String>()
            .map_err(|_| self.refuse("holds half of a surrogate pair, which is not text; leave it out"))?;
        self.take(text.len() + 2)?;
        Ok(text)
    }

    fn list<'py>(&mut self, count: usize, items: impl Iterator<Item = Bound<'py, PyAny>>) -> Result<Value> {
        self.descend()?;
        self.take(count + 1)?;
        let mut all = Vec::with_capacity(count);
        for (at, item) in items.enumerate() {
            self.place.push(format!("[{at}]"));
            all.push(self.value(&item)?);
            self.place.pop();
        }
        Ok(Value::Array(all))
    }

    fn dict(&mut self, given: &Bound<'_, PyDict>) -> Result<Value> {
        self.descend()?;
        self.take(2)?;
        let mut all = Map::new();
        for (key, value) in given {
            let Ok(key) = key.cast::<PyString>() else {
                let shown = key.repr().map_err(Failure::Python)?.to_string();
                let shown: String = shown.chars().take(40).collect();
                return Err(self.refuse(&format!("has the key {shown}, which is not text; JSON's keys are")));
            };
            let key = self.text(key)?;
            self.place.push(format!(".{key}"));
            let value = self.value(&value)?;
            self.place.pop();
            all.insert(key, value);
        }
        Ok(Value::Object(all))
    }

    /// Goes one level deeper.
    fn descend(&self) -> Result<()> {
        if self.place.len() <= DEPTH_MAX {
            return Ok(());
        }
        let message = format!("is nested too deeply, or holds itself; give at most {DEPTH_MAX} levels");
        Err(Invalid::new(self.place[0].clone(), message).into())
    }

    /// Counts at least as many bytes as the text of the value will have.
    fn take(&mut self, bytes: usize) -> Result<()> {
        let Some(left) = self.left.checked_sub(bytes) else {
            let message = format!("is too large; give at most {} bytes of JSON", JsonObject::BYTES_MAX);
            return Err(Invalid::new(self.place[0].clone(), message).into());
        };
        self.left = left;
        Ok(())
    }

    fn refuse(&self, message: &str) -> Failure {
        Invalid::new(self.place.concat(), message).into()
    }
}

/// A JSON value on its way to Python.
#[derive(Debug)]
pub(crate) struct ToPython(pub(crate) Value);

impl<'py> IntoPyObject<'py> for ToPython {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        match self.0 {
            Value::Null => Ok(py.None().into_bound(py)),
            Value::Bool(flag) => flag.into_bound_py_any(py),
            Value::String(text) => text.into_bound_py_any(py),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => number.into_bound_py_any(py),
                (None, Some(number)) => number.into_bound_py_any(py),
                (None, None) => number.as_f64().into_bound_py_any(py),
            },
            Value::Array(items) => {
                let list = PyList::empty(py);
                for item in items {
                    list.append(Self(item))?;
                }
                Ok(list.into_any())
            }
            Value::Object(members) => {
                let dict = PyDict::new(py);
                for (name, member) in members {
                    dict.set_item(name, Self(member))?;
                }
                Ok(dict.into_any())
            }
        }
    }
}
