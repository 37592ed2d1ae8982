//! The Python module: built by maturin into an environment of its own, then looked at and tested from Python.

use std::fs;

use super::{Ending, examples};
use crate::failure::{OrFail, Result};
use crate::process::Run;
use crate::python::Venv;
use crate::workspace::Workspace;

pub(super) fn check(ws: &Workspace) -> Result<Ending> {
    let listed = ws.path("xtask/requirements.txt");
    let requirements = fs::read_to_string(&listed).or_fail(format_args!("read {}", listed.display()))?;
    let venv = Venv::ensure(ws, &ws.target.join("python"), &requirements)?;
    lint(ws, &venv)?;
    // Like the Rust tests, in the development profile: the dependencies are optimised there as well.
    let module = ws.path("automa-py");
    venv.program(ws, "maturin").args(["develop", "--quiet"]).current_dir(&module).run()?;
    types(ws, &venv)?;
    let pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"];
    venv.python(ws).args(pytest).current_dir(&module).run()?;
    for example in examples::programs(&ws.path("examples/python"), "py")? {
        venv.python(ws).arg(&example).current_dir(examples::empty_folder(ws)?).run_within(examples::LIMIT)?;
    }
    Ok(Ending::Passed)
}

fn lint(ws: &Workspace, venv: &Venv) -> Result {
    venv.program(ws, "ruff").args(["check", "--no-cache", "."]).run()?;
    venv.program(ws, "ruff").args(["format", "--no-cache", "--check", "."]).run()
}

/// The stubs are right in themselves, and say what the built module has.
fn types(ws: &Workspace, venv: &Venv) -> Result {
    let cache = ws.target.join("python/mypy");
    let mypy = |args: &[&str]| {
        let mut command = venv.python(ws);
        command.current_dir(ws.path("automa-py")).env("MYPY_CACHE_DIR", &cache).args(args);
        command
    };
    mypy(&["-m", "mypy", "--strict", "-p", "automa"]).run()?;
    mypy(&["-m", "mypy.stubtest", "automa"]).run()
}
