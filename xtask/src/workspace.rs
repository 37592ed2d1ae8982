//! Where things are: the repository, the target folder that every clone shares, and the tools kept in it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{OrFail, Result};

/// The repository that is worked on, and where its builds go.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    /// The repository's root.
    pub(crate) root: PathBuf,
    /// Cargo's target folder: `CARGO_TARGET_DIR`, else `automa/target` in the user's cache folder, so that a second
    /// clone does not build everything again.
    pub(crate) target: PathBuf,
    /// Whether this is CI, where what is missing is a failure and never left out.
    pub(crate) ci: bool,
}

impl Workspace {
    /// Finds everything from the environment.
    pub(crate) fn discover() -> Result<Self> {
        // `cargo run` says where the running package is; the path at compile time serves a binary started by hand.
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).join("..").canonicalize().or_fail("find the repository's root")?;
        let target = match env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()) {
            Some(dir) => root.join(dir),
            None => cache_folder(&root).join("automa/target"),
        };
        fs::create_dir_all(&target).or_fail(format_args!("create the target folder {}", target.display()))?;
        let ci = env::var("CI").is_ok_and(|ci| !ci.is_empty() && ci != "0" && ci != "false");
        Ok(Self { root, target, ci })
    }

    /// A program, to be run in the repository's root with the shared target folder.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        if self.ci {
            command.env("CI", "true");
        }
        // `cargo run` tells us about our own package. A build script that looks at these variables would be run
        // again whenever xtask and a person's own cargo take turns.
        for (name, _) in env::vars_os() {
            let ours = name.to_str().is_some_and(|name| {
                ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
            });
            if ours {
                command.env_remove(&name);
            }
        }
        command
    }

    /// The cargo that runs us, with these arguments.
    pub(crate) fn cargo<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args);
        command
    }

    /// A path below the root.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A program that a development build left in the target folder.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }
}

/// The user's cache folder by the XDG rules; without a home, the repository's own `target`.
fn cache_folder(root: &Path) -> PathBuf {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(|| root.join("target"))
}
