//! Programs from crates.io that some commands need, built once into the target folder.

use std::path::PathBuf;

use crate::failure::Result;
use crate::process::{Run, exclusively, say};
use crate::workspace::Workspace;

/// A program and the version of it that we know to work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
    /// Arguments for `cargo install` that leave out what we do not use.
    features: &'static [&'static str],
}

/// Licences, bans, sources and advisories.
pub(crate) const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", features: &[] };
/// The book.
pub(crate) const MDBOOK: Tool =
    Tool { name: "mdbook", version: "0.5.4", features: &["--no-default-features", "--features", "search"] };

impl Tool {
    /// The program, installed when it is not there yet.
    pub(crate) fn ensure(&self, ws: &Workspace) -> Result<PathBuf> {
        let tools = ws.target.join("tools");
        let root = tools.join(format!("{}-{}", self.name, self.version));
        let program = root.join("bin").join(self.name);
        exclusively(&tools.join(format!("{}.lock", self.name)), || {
            if program.exists() {
                return Ok(());
            }
            say(format_args!(
                "  building {} {} once, into {}; this takes minutes",
                self.name,
                self.version,
                root.display()
            ));
            // Not optimised and without debug information: it is built in a third of the time and runs for seconds.
            ws.cargo(["install", "--quiet", "--locked", "--debug", "--force", "--root"])
                .arg(&root)
                .args(self.features)
                .arg(format!("{}@{}", self.name, self.version))
                .env("CARGO_PROFILE_DEV_DEBUG", "0")
                .env("CARGO_TARGET_DIR", ws.target.join("tools/build"))
                .run()
        })?;
        Ok(program)
    }
}
