//! `cargo xtask tidy`: the house rules that no other tool checks, each violation on one line with its remedy.
//!
//! Every check is a pure function over the texts of the repository, so that it is tested on a few lines of text.

pub mod files;
pub mod manifests;
pub mod mask;
pub mod prose;
pub mod rust;

use std::fmt;
use std::fs;
use std::path::Path;

use crate::args::Args;
use crate::failure::{Failure, OrFail, Result};
use crate::process::{Run, say};
use crate::workspace::Workspace;

/// One file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path from the root, with `/` between the parts.
    pub path: String,
    /// What it holds; empty when that is not text.
    pub text: String,
}

impl File {
    /// A file at `path` that holds `text`.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// What stands behind the last dot of its name; empty without one.
    #[must_use]
    pub fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|extension| extension.to_str()).unwrap_or_default()
    }

    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it lies in a folder of this name, at any depth.
    #[must_use]
    pub fn lies_in(&self, folder: &str) -> bool {
        self.path.rsplit('/').skip(1).any(|part| part == folder)
    }

    /// Whether people do not write it: data that tests compare with, and what tools generate.
    #[must_use]
    pub fn is_data(&self) -> bool {
        let generated = ["lock", "json", "jsonl", "csv", "tsv", "snap", "txt"].contains(&self.extension());
        generated || ["data", "fixtures", "golden", "snapshots"].iter().any(|folder| self.lies_in(folder))
    }

    /// A violation in one of its lines, counted from 1.
    pub fn violation(&self, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, what: what.into(), remedy: remedy.into() }
    }
}

/// A house rule that a line breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The file, from the root.
    pub path: String,
    /// The line, from 1; 1 too when the whole file is meant.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub remedy: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.path, self.line, self.what, self.remedy)
    }
}

/// Every violation of a rule that can be seen in the files alone.
#[must_use]
pub fn violations(files: &[File]) -> Vec<Violation> {
    let mut all = files::repository(files);
    all.extend(prose::check(files));
    for file in files {
        all.extend(files::check(file));
        if file.extension() == "rs" {
            all.extend(rust::check(file));
        }
        if file.name() == "Cargo.toml" {
            all.extend(manifests::check(file));
        }
    }
    all.sort();
    all
}

/// `cargo xtask tidy`.
pub(crate) fn main(ws: &Workspace, args: Args) -> Result {
    args.finish()?;
    check(ws)
}

/// Prints every violation and fails when there is one.
pub(crate) fn check(ws: &Workspace) -> Result {
    let files = read(ws)?;
    let mut all = violations(&files);
    for rule in manifests::DIRECTIONS {
        let mut tree = ws.cargo(["tree", "--edges", "normal,build", "--all-features", "--prefix", "none"]);
        let tree = tree.args(["--format", "{p}", "--package", rule.package]).read()?;
        all.extend(manifests::direction(rule, &tree));
    }
    all.iter().for_each(say);
    match all.len() {
        0 => {
            say(format_args!("tidy: {} files, nothing to mend", files.len()));
            Ok(())
        }
        1 => Err(Failure::new("tidy found one violation; see above")),
        many => Err(Failure(format!("tidy found {many} violations; see above"))),
    }
}

/// Every file that is committed or would be.
fn read(ws: &Workspace) -> Result<Vec<File>> {
    // CI often checks out as another user than it runs as, which git refuses unless it is told otherwise.
    let mut git = ws.command("git");
    git.args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut paths: Vec<String> = match git.read() {
        Ok(listed) => listed.split_terminator('\0').map(str::to_owned).collect(),
        // A copy without its history is looked at whole.
        Err(_) => walk(&ws.root, "")?,
    };
    paths.sort();
    paths.dedup();
    let mut files = Vec::new();
    for path in paths {
        let full = ws.root.join(&path);
        // What is deleted and not yet committed is still listed.
        if full.is_file() {
            let bytes = fs::read(&full).or_fail(format_args!("read {path}"))?;
            files.push(File::new(path, String::from_utf8(bytes).unwrap_or_default()));
        }
    }
    Ok(files)
}

/// Every file below a folder, without what builds and tools leave behind.
fn walk(root: &Path, folder: &str) -> Result<Vec<String>> {
    const LEFT_BEHIND: &[&str] = &[".git", ".venv", "__pycache__", "automa-data", "node_modules", "target"];
    let mut all = Vec::new();
    let reading = format!("read the folder {folder}");
    for entry in fs::read_dir(root.join(folder)).or_fail(&reading)? {
        let entry = entry.or_fail(&reading)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type().or_fail(&reading)?;
        if kind.is_dir() && !LEFT_BEHIND.contains(&name.as_str()) && !name.ends_with("_cache") {
            all.extend(walk(root, &path)?);
        } else if kind.is_file() {
            all.push(path);
        }
    }
    Ok(all)
}
