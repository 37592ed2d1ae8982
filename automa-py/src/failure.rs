//! What can go wrong here, and the one place that makes a Python exception of it.

use std::fmt::Display;

use automa_core::error::{Error, Invalid, Problem};
use pyo3::exceptions::{PyRuntimeError, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

/// The result of everything that can fail here.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a call fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine said so.
    Engine(Error),
    /// A time that the caller gave was up.
    TimedOut(String),
    /// The engine was closed.
    Closed,
    /// The object came from another process by `fork`.
    Forked,
    /// This module is at fault, or the machine.
    Broken(String),
    /// Python said so, while something was converted.
    Python(PyErr),
}

impl Failure {
    /// The failure of something that should not fail.
    pub(crate) fn broken(what: impl Display) -> Self {
        Self::Broken(what.to_string())
    }

    /// The exception.
    pub(crate) fn into_exception(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Engine(error) => of_engine(py, &error),
            Self::TimedOut(text) => PyTimeoutError::new_err(text),
            Self::Closed => {
                let text = "this Automa was closed; open the folder again";
                make(py, Error::ShuttingDown.code(), text, false, Vec::new())
            }
            Self::Forked => PyRuntimeError::new_err(
                "this Automa was opened before a fork and cannot be used in the child; open it in one process only, or \
                 start others by multiprocessing's \"spawn\" or \"forkserver\" method",
            ),
            Self::Broken(text) => make(py, "internal", &text, false, Vec::new()),
            Self::Python(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Engine(invalid.into())
    }
}

fn of_engine(py: Python<'_>, error: &Error) -> PyErr {
    let problems = match error {
        Error::Invalid(invalid) => invalid.problems().iter().map(as_given).collect(),
        _ => Vec::new(),
    };
    let message = match Invalid::unless_empty(problems.clone()) {
        Err(invalid) => invalid.to_string(),
        Ok(()) => error.to_string(),
    };
    let problems = problems.into_iter().map(|problem| (problem.field, problem.message)).collect();
    make(py, error.code(), &message, error.retryable(), problems)
}

/// The same problem under the name of the argument at fault: what the engine groups is one flat list of arguments here.
fn as_given(problem: &Problem) -> Problem {
    let field = problem.field.as_str();
    let flat = ["limits.", "permissions.", "schedule."].iter().find_map(|group| field.strip_prefix(group));
    let field = match flat.unwrap_or(field) {
        "wall_time" => "timeout",
        "script_id" => "script",
        "agent_id" => "agent",
        "script_id.name" | "agent_id.name" => "name",
        other => other,
    };
    Problem::new(field, problem.message.clone())
}

/// Makes an exception of `automa.errors`, which knows the class of each code.
fn make(py: Python<'_>, code: &str, message: &str, retryable: bool, problems: Vec<(String, String)>) -> PyErr {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = MAKE
        .get_or_try_init(py, || py.import("automa.errors")?.getattr("_make").map(Bound::unbind))
        .and_then(|make| make.bind(py).call1((code, PyString::new(py, message), retryable, problems)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}
