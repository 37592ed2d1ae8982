//! What must be on the machine before anything is built: looked for first, installed only where that is possible.

use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process::{Run, say};
use crate::python;
use crate::workspace::Workspace;

/// One thing that must be there.
#[derive(Debug, Clone, Copy)]
struct Need {
    what: &'static str,
    present: fn() -> bool,
    /// Debian's packages that bring it.
    packages: &'static [&'static str],
    /// What a person does where it cannot be installed by itself.
    remedy: &'static str,
}

/// What every build needs. A C compiler, for zstd and the TLS library; Python, to build the guest.
const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler",
        present: || Command::new("cc").arg("--version").succeeds(),
        packages: &["gcc", "libc6-dev"],
        remedy: "install gcc or clang so that `cc` is on the PATH",
    },
    Need {
        what: "Python 3.10 or newer with venv",
        present: || python::find().is_ok(),
        packages: &["python3", "python3-venv"],
        remedy: "install Python 3.10 or newer with its `venv` module",
    },
];

/// Makes sure of everything that a build needs. As root on Debian, missing packages are installed; anywhere else the
/// failure says what is missing, all of it at once.
pub(crate) fn ensure(ws: &Workspace) -> Result {
    let missing = |needs: &[Need]| needs.iter().copied().filter(|need| !(need.present)()).collect::<Vec<_>>();
    let mut left = missing(NEEDS);
    if !left.is_empty() && can_use_apt() {
        let packages: Vec<_> = left.iter().flat_map(|need| need.packages).copied().collect();
        say(format_args!("  installing {}", packages.join(", ")));
        install(ws, &packages)?;
        left = missing(&left);
    }
    if left.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = left.iter().map(|need| format!("{} is missing: {}", need.what, need.remedy)).collect();
    Err(Failure(lines.join("; ")))
}

/// Makes sure of the parts of the Rust toolchain that only the checks need.
pub(crate) fn ensure_components(ws: &Workspace) -> Result {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if ws.cargo([subcommand, "--version"]).succeeds() {
            continue;
        }
        if ws.command("rustup").args(["component", "add", component]).run().is_err() {
            return Err(Failure(format!("{component} is missing: run `rustup component add {component}`")));
        }
    }
    Ok(())
}

fn can_use_apt() -> bool {
    let root = Command::new("id").arg("-u").read().is_ok_and(|id| id.trim() == "0");
    root && Path::new("/usr/bin/apt-get").exists()
}

/// Installs packages; the lists are fetched only when the packages cannot be found without.
fn install(ws: &Workspace, packages: &[&str]) -> Result {
    let apt = |args: &[&str]| {
        let mut command = ws.command("apt-get");
        command.args(["-q", "-y"]).args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let mut args = vec!["install", "--no-install-recommends"];
    args.extend(packages);
    if apt(&args).succeeds() {
        return Ok(());
    }
    apt(&["update"]).run()?;
    apt(&args).run()
}
