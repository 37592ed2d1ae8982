//! The examples: every program and every script is run to its end, from an empty folder, as a newcomer would.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Ending;
use super::steps::TESTED;
use crate::failure::{Failure, OrFail, Result};
use crate::process::Run;
use crate::workspace::Workspace;

/// The longest that one of them may take, in an unoptimised build that compiles the Python guest first.
pub(super) const LIMIT: Duration = Duration::from_secs(300);

/// What some scripts get as input here, by name: the progress is shown for three seconds instead of a minute.
const INPUTS: &[(&str, &str)] = &[("progress.py", r#"{"seconds": 3}"#)];

pub(super) fn check(ws: &Workspace) -> Result<Ending> {
    // The same selection of packages, features and targets as the Rust tests have: a smaller one would give the
    // dependencies other features and build them all again.
    ws.cargo(["build", "--bins", "--tests"]).args(TESTED).run()?;
    for source in programs(&ws.path("examples/src/bin"), "rs")? {
        let name = source.file_stem().unwrap_or_default().to_string_lossy();
        ws.command(ws.built(&name)).current_dir(empty_folder(ws)?).run_within(LIMIT)?;
    }
    for script in programs(&ws.path("examples/scripts"), "py")? {
        let input = INPUTS.iter().find(|(name, _)| script.ends_with(name)).map_or("{}", |(_, input)| input);
        let mut automa = ws.command(ws.built("automa"));
        automa.arg("run").arg(&script).args(["--input", input]).current_dir(empty_folder(ws)?).run_within(LIMIT)?;
    }
    Ok(Ending::Passed)
}

/// The files in a folder that end in `.extension`, by name; at least one.
pub(super) fn programs(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let reading = format!("read {}", folder.display());
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).or_fail(&reading)? {
        let path = entry.or_fail(&reading)?.path();
        if path.extension().is_some_and(|found| found == extension) {
            all.push(path);
        }
    }
    all.sort();
    if all.is_empty() { Err(Failure(format!("found no .{extension} file in {}", folder.display()))) } else { Ok(all) }
}

/// An empty folder to start an example in.
pub(super) fn empty_folder(ws: &Workspace) -> Result<PathBuf> {
    let folder = ws.target.join("examples");
    if folder.exists() {
        fs::remove_dir_all(&folder).or_fail(format_args!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).or_fail(format_args!("create {}", folder.display()))?;
    Ok(folder)
}
