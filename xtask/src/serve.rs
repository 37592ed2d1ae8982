//! `cargo xtask run`: from a fresh clone to a running server.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::args::Args;
use crate::failure::{Failure, Result};
use crate::process::{Run, say};
use crate::workspace::Workspace;
use crate::{guest, setup};

/// `cargo xtask run [--demo] [--dev] [-- arguments of automa serve]`.
pub(crate) fn main(ws: &Workspace, mut args: Args) -> Result {
    let demo = args.flag("--demo");
    let dev = args.flag("--dev");
    let passed = args.passed();
    args.finish()?;

    say("1/3 looking at what this machine has");
    setup::ensure(ws)?;
    say("2/3 the Python guest");
    guest::ensure(ws)?;
    say(format_args!("3/3 building automa into {}; the first time takes many minutes", ws.target.display()));
    let profile = if dev { "dev" } else { "release" };
    ws.cargo(["build", "--package", "automa-http", "--bin", "automa", "--profile", profile]).run()?;

    let program = ws.target.join(if dev { "debug" } else { "release" }).join("automa");
    // In the folder in which the person stands, which is where the data goes unless they say otherwise.
    let mut server = Command::new(&program);
    server.arg("serve").args(demo.then_some("--demo")).args(passed);
    say("starting the server; Ctrl-C stops it");
    // The server takes this process's place, so Ctrl-C and its exit code are its own.
    let error = server.exec();
    Err(Failure(format!("failed to start {}: {error}", program.display())))
}
