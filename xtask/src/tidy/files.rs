//! Rules for files of every kind: how they begin, how long they are, where they lie, what no text may hold.

use std::collections::BTreeSet;

use super::{File, Violation};

/// A file's lines, without those of its tests.
const FILE_MAX: usize = 600;

/// The folders in the root, exactly.
const FOLDERS: &[&str] =
    &["automa-core", "automa-http", "automa-py", "automa-sandbox", "benches", "docs", "examples", "xtask"];

/// Files that must be there.
const REQUIRED: &[&str] = &[
    ".ci/run",
    ".config/nextest.toml",
    ".editorconfig",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "deny.toml",
    "docs/book.toml",
    "docs/src/SUMMARY.md",
    "rustfmt.toml",
];

/// Marks of unfinished work, in pieces so that this file does not find itself.
const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];
/// Folders of a person, in pieces for the same reason.
const HOMES: &[&str] = &[concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Where hostile scripts are kept, which reach for such folders.
const ATTACKS: &[&str] = &["automa-core/src/conformance/sandbox", "automa-sandbox/tests/"];

/// Every violation that can be seen in one file.
#[must_use]
pub fn check(file: &File) -> Vec<Violation> {
    let mut all = Vec::new();
    all.extend(first_line(file));
    all.extend(length(file));
    all.extend(marks(file));
    all.extend(homes(file));
    if file.name() == "mod.rs" {
        all.push(file.violation(1, "a module is called mod.rs", "name the file after the module, beside its folder"));
    }
    all
}

/// Every violation that can be seen in the list of files.
#[must_use]
pub fn repository(files: &[File]) -> Vec<Violation> {
    let root = File::new(".", "");
    let mut all = Vec::new();
    let found: BTreeSet<&str> = files.iter().filter_map(|file| file.path.split_once('/')).map(|(top, _)| top).collect();
    for folder in found.iter().filter(|folder| !folder.starts_with('.') && !FOLDERS.contains(folder)) {
        let remedy = format!("put it into one of {}", FOLDERS.join(", "));
        all.push(root.violation(1, format!("the folder {folder} is not one of the house's"), remedy));
    }
    for folder in FOLDERS.iter().filter(|folder| !found.contains(*folder)) {
        all.push(root.violation(1, format!("the folder {folder} is missing"), "bring it back"));
    }
    for path in REQUIRED.iter().filter(|path| files.iter().all(|file| file.path != **path)) {
        all.push(root.violation(1, format!("the file {path} is missing"), "bring it back"));
    }
    all
}

fn first_line(file: &File) -> Option<Violation> {
    let (begins, remedy): (&[&str], _) = match file.extension() {
        "rs" => (&["//! "], "begin it with `//! ` and what lives in it"),
        "py" | "pyi" => (&["\"\"\"", "r\"\"\"", "# ", "#!"], "begin it with a docstring that says what it does"),
        "sh" | "toml" | "yml" | "yaml" => (&["# ", "#!"], "begin it with `# ` and what it is for"),
        "md" => (&["# ", "<"], "begin it with a heading"),
        _ => return None,
    };
    let line = file.text.lines().next().unwrap_or_default();
    // A manifest says what it is for in its description.
    let described = file.extension() == "toml" && file.text.lines().any(|line| line.starts_with("description = "));
    if file.is_data() || described || begins.iter().any(|begin| line.starts_with(begin)) {
        return None;
    }
    Some(file.violation(1, "the first line does not say what lives in the file", remedy))
}

fn length(file: &File) -> Option<Violation> {
    let code = ["rs", "py", "pyi", "sh", "ts", "js", "vue"].contains(&file.extension());
    if !code || file.is_data() || file.lies_in("tests") {
        return None;
    }
    let tests = file.text.lines().position(|line| line.starts_with("#[cfg(test)]"));
    let lines = tests.unwrap_or_else(|| file.text.lines().count());
    let what = format!("the file has {lines} lines without its tests, {FILE_MAX} at most");
    (lines > FILE_MAX).then(|| file.violation(1, what, "move one noun of it into a file of its own"))
}

fn marks(file: &File) -> Vec<Violation> {
    let code = ["rs", "py", "pyi", "sh", "toml", "yml", "yaml", "ts", "js", "vue"].contains(&file.extension());
    if !code || file.is_data() {
        return Vec::new();
    }
    let remedy = "do it, or write down in CHANGELOG.md or an issue what is missing";
    numbered(file)
        .filter_map(|(number, line)| {
            let mark = MARKS.iter().find(|mark| line.contains(**mark))?;
            Some(file.violation(number, format!("{mark} marks unfinished work"), remedy))
        })
        .collect()
}

fn homes(file: &File) -> Vec<Violation> {
    if ATTACKS.iter().any(|folder| file.path.starts_with(folder)) {
        return Vec::new();
    }
    let remedy = "use a path that means the same on every machine, such as /srv/automa or ./data";
    numbered(file)
        .filter_map(|(number, line)| {
            // Behind a letter or a dot it is part of a longer path, such as `usr` + `home`.
            let home = HOMES.iter().find(|home| {
                line.match_indices(**home).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || "._-*}".contains(c))
                })
            })?;
            Some(file.violation(number, format!("{home} is somebody's own folder"), remedy))
        })
        .collect()
}

fn numbered(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.text.lines().enumerate().map(|(at, line)| (at + 1, line))
}
