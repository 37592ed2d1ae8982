//! `cargo xtask bench`: measures against named rivals, in one run, as ratios.

use crate::args::Args;
use crate::failure::Result;
use crate::process::Run;
use crate::workspace::Workspace;
use crate::{guest, setup};

/// `cargo xtask bench [arguments of automa-benches]`.
pub(crate) fn main(ws: &Workspace, mut args: Args) -> Result {
    let passed = args.everything();
    args.finish()?;
    setup::ensure(ws)?;
    guest::ensure(ws)?;
    // The harness starts the server's program as well. Both in one build: a build of the harness alone would give the
    // dependencies other features and compile wasmtime once more.
    ws.cargo(["build", "--release", "--package", "automa-http", "--package", "automa-benches"]).run()?;
    ws.command(ws.target.join("release/automa-benches")).args(passed).run()
}
