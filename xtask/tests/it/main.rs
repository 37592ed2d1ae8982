//! What `cargo xtask` promises: its help, and the house rules that tidy checks.

mod help;
mod tidy_files;
mod tidy_manifests;
mod tidy_mask;
mod tidy_prose;
mod tidy_rust;

use xtask::tidy::Violation;

/// What is wrong, without the remedies: `line: what`.
fn said(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(|violation| format!("{}: {}", violation.line, violation.what)).collect()
}
