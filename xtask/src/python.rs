//! Python: the interpreter of the machine, and the virtual environments that are kept in the target folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, OrFail, Result};
use crate::process::{Run, exclusively, fingerprint, say};
use crate::workspace::Workspace;

/// The oldest Python that our tools run on (componentize-py, and automa-py's `abi3-py310`).
const OLDEST: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// The machine's interpreter. Debian's own comes first: shims of version managers are slow and change with the
/// folder they are started in.
pub(crate) fn find() -> Result<&'static str> {
    ["/usr/bin/python3", "python3"]
        .into_iter()
        .find(|python| Command::new(python).args(["-c", OLDEST]).succeeds())
        .ok_or_else(|| Failure::new("found no Python 3.10 or newer with its `venv` module"))
}

/// A virtual environment.
#[derive(Debug, Clone)]
pub(crate) struct Venv(PathBuf);

impl Venv {
    /// The environment in `folder` with these requirements (the text of a pip requirements file, all pinned); made
    /// when it is not there. Its name holds a fingerprint of them, so a changed requirement makes a new environment.
    pub(crate) fn ensure(ws: &Workspace, folder: &Path, requirements: &str) -> Result<Self> {
        let python = find()?;
        let version = Command::new(python).arg("--version").read()?;
        let name = fingerprint([requirements.as_bytes(), version.as_bytes()]);
        let venv = Self(folder.join(format!("venv-{name}")));
        // Written last, so that a build which was interrupted is begun again.
        let ready = venv.0.join("ready");
        exclusively(&folder.join("venv.lock"), || {
            if ready.exists() {
                return Ok(());
            }
            say(format_args!("  making a Python environment in {}", venv.0.display()));
            ws.command(python).args(["-m", "venv", "--clear"]).arg(&venv.0).run()?;
            let list = venv.0.join("requirements.txt");
            fs::write(&list, requirements).or_fail(format_args!("write {}", list.display()))?;
            let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
            venv.python(ws).args(install).arg(&list).run()?;
            fs::write(&ready, "").or_fail(format_args!("write {}", ready.display()))
        })?;
        Ok(venv)
    }

    /// Its interpreter.
    pub(crate) fn python(&self, ws: &Workspace) -> Command {
        self.program(ws, "python")
    }

    /// A program that was installed into it.
    pub(crate) fn program(&self, ws: &Workspace, name: impl AsRef<OsStr>) -> Command {
        let bin = self.0.join("bin");
        let mut command = ws.command(bin.join(name.as_ref()));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(bin).chain(std::env::split_paths(&path));
        // The tools look for each other and for the environment by these two.
        command.env("PATH", std::env::join_paths(all).unwrap_or(path.clone())).env("VIRTUAL_ENV", &self.0);
        command.env_remove("PYTHONHOME").env_remove("PYTHONPATH");
        command
    }
}
