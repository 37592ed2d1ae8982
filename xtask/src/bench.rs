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
    // The harness starts the server's binary as well.
    ws.cargo(["build", "--release", "--package", "automa-http", "--package", "automa-benches"]).run()?;
    ws.cargo(["run", "--release", "--package", "automa-benches", "--"]).args(passed).run()
}
