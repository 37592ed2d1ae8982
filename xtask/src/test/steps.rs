//! The steps, in the order in which they run: what is quick comes first.

use super::{Ending, Step, examples, features, python_module};
use crate::failure::Result;
use crate::process::{Run, say};
use crate::workspace::Workspace;
use crate::{docs, guest, setup, tidy, tools};

/// The step that every other needs.
pub(super) const SET_UP: &str = "set-up";

pub(super) const STEPS: &[Step] = &[
    Step { name: SET_UP, checks: "what must be on the machine, and the Python guest", run: set_up },
    Step { name: "format", checks: "rustfmt has nothing to change", run: format },
    Step { name: "tidy", checks: "the house rules that no other tool checks", run: house_rules },
    Step { name: "deny", checks: "licences, bans, sources and advisories of every dependency", run: deny },
    Step { name: "clippy", checks: "clippy has no warning, in any target, with all features", run: clippy },
    Step { name: "features", checks: "each crate builds with each feature alone, none and all", run: features::check },
    Step { name: "docs", checks: "the reference builds without a warning", run: reference },
    Step { name: "rust", checks: "the Rust tests", run: rust },
    Step { name: "doctests", checks: "the code in the documentation and in the README", run: doctests },
    Step { name: "examples", checks: "every example runs to its end", run: examples::check },
    Step {
        name: "python",
        checks: "the Python module: build, lints, types, tests, example",
        run: python_module::check,
    },
];

/// The part of the workspace whose tests Cargo can link: automa-py is a module that only a Python can load, and its
/// tests are Python's.
pub(super) const TESTED: [&str; 4] = ["--workspace", "--exclude", "automa-py", "--all-features"];

fn set_up(ws: &Workspace) -> Result<Ending> {
    setup::ensure(ws)?;
    setup::ensure_components(ws)?;
    guest::ensure(ws)?;
    Ok(Ending::Passed)
}

fn format(ws: &Workspace) -> Result<Ending> {
    ws.cargo(["fmt", "--all", "--", "--check"]).run()?;
    Ok(Ending::Passed)
}

fn house_rules(ws: &Workspace) -> Result<Ending> {
    tidy::check(ws)?;
    Ok(Ending::Passed)
}

fn deny(ws: &Workspace) -> Result<Ending> {
    let program = match tools::CARGO_DENY.ensure(ws) {
        Ok(program) => program,
        Err(failure) => return Ok(Ending::LeftOut(format!("cargo-deny cannot be installed: {failure}"))),
    };
    let deny = |args: &[&str]| {
        let mut command = ws.command(&program);
        command.args(["--all-features", "--workspace"]).args(args);
        command
    };
    deny(&["check", "bans", "licenses", "sources"]).run()?;
    // A machine without a way to the database still checks the rest; it says so and goes on.
    if let Err(failure) = deny(&["fetch", "db"]).read() {
        let cause = failure.0.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        say(format_args!("  ADVISORIES NOT CHECKED: their database cannot be fetched ({cause})"));
        return Ok(Ending::Passed);
    }
    deny(&["check", "advisories"]).run()?;
    Ok(Ending::Passed)
}

fn clippy(ws: &Workspace) -> Result<Ending> {
    ws.cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]).run()?;
    Ok(Ending::Passed)
}

fn reference(ws: &Workspace) -> Result<Ending> {
    docs::reference(ws)?;
    Ok(Ending::Passed)
}

fn rust(ws: &Workspace) -> Result<Ending> {
    ws.cargo(["build", "--bins", "--tests"]).args(TESTED).run()?;
    // The sandbox's interpreter is compiled once per machine: here, where no test waits for it with a limit.
    ws.command(ws.built("automa")).arg("doctor").current_dir(examples::empty_folder(ws)?).run()?;
    if ws.cargo(["nextest", "--version"]).succeeds() {
        ws.cargo(["nextest", "run"]).args(TESTED).run()?;
    } else {
        say("  cargo-nextest is not installed; `cargo test` does the same, slower");
        ws.cargo(["test", "--lib", "--bins", "--examples", "--tests"]).args(TESTED).run()?;
    }
    Ok(Ending::Passed)
}

fn doctests(ws: &Workspace) -> Result<Ending> {
    ws.cargo(["test", "--doc"]).args(TESTED).run()?;
    Ok(Ending::Passed)
}
