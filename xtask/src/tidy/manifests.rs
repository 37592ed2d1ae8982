//! Rules for the crates' manifests: one lint table, and dependencies that point one way.

use super::{File, Violation};

/// What a crate may never depend on, however far down.
#[derive(Debug, Clone, Copy)]
pub struct Direction {
    /// The crate.
    pub package: &'static str,
    /// The names that must not be in its tree.
    pub never: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// The rule of the house: http and py look at sandbox, sandbox looks at core, core looks at none of them.
pub const DIRECTIONS: &[Direction] = &[
    Direction {
        package: "automa-core",
        never: &[
            "automa-sandbox",
            "automa-http",
            "automa-py",
            "wasmtime",
            "wasmtime-wasi",
            "nix",
            "bollard",
            "axum",
            "pyo3",
        ],
        reason: "core starts no process, opens no socket and knows no backend",
    },
    Direction {
        package: "automa-sandbox",
        never: &["automa-http", "automa-py", "axum", "pyo3"],
        reason: "a sandbox knows core and nothing of the ways in",
    },
    Direction { package: "automa-http", never: &["automa-py", "pyo3"], reason: "the server is no part of Python" },
    Direction { package: "automa-py", never: &["automa-http", "axum"], reason: "the Python module is no server" },
];

/// Every violation in one crate's manifest.
#[must_use]
pub fn check(file: &File) -> Vec<Violation> {
    let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
    let is_crate = lines.contains(&"[package]");
    let inherits = lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"]);
    if !is_crate || inherits {
        return Vec::new();
    }
    vec![file.violation(lines.len().max(1), "the lint table is not inherited", "add `[lints]` with `workspace = true`")]
}

/// What stands in a crate's tree and must not. `tree` is what `cargo tree --prefix none --format {p}` prints.
#[must_use]
pub fn direction(rule: &Direction, tree: &str) -> Vec<Violation> {
    let manifest = File::new(format!("{}/Cargo.toml", rule.package), "");
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let found = rule.never.iter().filter(|name| names.contains(*name));
    found
        .map(|name| {
            let remedy =
                format!("{}; `cargo tree --package {} --invert {name}` shows the way", rule.reason, rule.package);
            manifest.violation(1, format!("{} depends on {name}", rule.package), remedy)
        })
        .collect()
}
