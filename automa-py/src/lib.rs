//! Automa for Python: the native half of the module `automa`.
//!
//! It converts what Python gives, asks the engine of `automa-core`, and converts the answer back; it has no rules of
//! its own. Read in this order: `runtime` is how Python waits for the engine, `handle` holds an open engine,
//! `automa` is what `automa.open` gives; `script`, `agent`, `job` and `execution` are the things in it. The
//! other half of the module, in `python/automa/`, holds the exceptions and the types for checkers.
//!
//! Every method that waits has a twin whose name ends in `_async` and that gives an awaitable. Twins on the same
//! objects, instead of a second set of classes, because nothing in the engine belongs to a thread or an event loop: an
//! execution that was queued from a thread can be awaited in a coroutine.

mod agent;
mod args;
mod automa;
mod execution;
mod failure;
mod given;
mod handle;
mod job;
mod json;
mod logs;
mod lookup;
mod runtime;
mod schedule;
mod script;
mod state;
mod time;

use pyo3::prelude::*;

/// The native half of `automa`.
#[pymodule]
mod _automa {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::agent::Agent;
    #[pymodule_export]
    use crate::automa::{Automa, Verification, open, open_async};
    #[pymodule_export]
    use crate::execution::{Execution, Usage};
    #[pymodule_export]
    use crate::job::{Job, Retry};
    #[pymodule_export]
    use crate::logs::Logs;
    #[pymodule_export]
    use crate::script::Script;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        // Now, because before Python 3.13 it takes the thread that first imports it for the main one.
        module.py().import("threading")?;
        // Whatever is still open when the interpreter ends is shut down before it is torn down.
        let close = pyo3::wrap_pyfunction!(crate::handle::close_all, module)?;
        module.py().import("atexit")?.call_method1("register", (close,)).map(drop)
    }
}
