//! Rules for the crates' manifests, on a few lines each.

use xtask::tidy::File;
use xtask::tidy::manifests::{DIRECTIONS, check, direction};

use crate::said;

#[test]
fn every_crate_inherits_the_lint_table() {
    let without = File::new("a/Cargo.toml", "[package]\nname = \"a\"");
    assert_eq!(said(&check(&without)), ["2: the lint table is not inherited"]);
    let with = File::new("a/Cargo.toml", "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n");
    assert!(check(&with).is_empty());
    assert!(check(&File::new("Cargo.toml", "[workspace]\nmembers = []")).is_empty());
}

#[test]
fn core_may_not_depend_on_a_backend() {
    let core = DIRECTIONS.iter().find(|rule| rule.package == "automa-core").expect("a rule for core");
    let tree = "automa-core v0.1.0 (/x)\nserde v1.0.0\nwasmtime v48.0.9\nserde v1.0.0 (*)\n";
    assert_eq!(said(&direction(core, tree)), ["1: automa-core depends on wasmtime"]);
    assert!(direction(core, "automa-core v0.1.0 (/x)\nwasmtime-like v1.0.0\n").is_empty());
}
