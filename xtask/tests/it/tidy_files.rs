//! Rules for files of every kind, on a few lines each.

use xtask::tidy::File;
use xtask::tidy::files::{check, repository};

use crate::said;

fn check_at(path: &str, text: &str) -> Vec<String> {
    said(&check(&File::new(path, text)))
}

#[test]
fn the_first_line_says_what_lives_in_the_file() {
    let wrong = ["1: the first line does not say what lives in the file"];
    let cases = [
        ("a/src/x.rs", "use std::fmt;", "//! The noun."),
        ("a/x.py", "import os", "\"\"\"Reads a table.\"\"\""),
        ("a/x.sh", "set -e", "#!/bin/sh"),
        ("a/x.toml", "[package]", "# What it is for."),
        ("a/x.yml", "on: push", "# What it is for."),
        ("a/x.md", "Some text", "# A heading"),
    ];
    for (path, bad, good) in cases {
        assert_eq!(check_at(path, bad), wrong, "{path}");
        assert!(check_at(path, good).is_empty(), "{path}");
    }
}

#[test]
fn a_manifest_with_a_description_and_golden_data_need_no_first_line() {
    assert!(check_at("a/Cargo.toml", "[package]\ndescription = \"The noun.\"\n").is_empty());
    assert!(check_at("a/tests/golden/bad.py", "def f(").is_empty());
}

#[test]
fn a_file_has_six_hundred_lines_at_most_without_its_tests() {
    let lines = |count: usize| format!("//! The noun.\n{}", "\n".repeat(count - 1));
    assert!(check_at("a/src/x.rs", &lines(600)).is_empty());
    assert_eq!(check_at("a/src/x.rs", &lines(601)), ["1: the file has 601 lines without its tests, 600 at most"]);
    assert!(check_at("a/tests/it/x.rs", &lines(601)).is_empty());
    assert!(check_at("a/src/x.rs", &format!("{}#[cfg(test)]\n{}", lines(300), "\n".repeat(400))).is_empty());
}

#[test]
fn marks_of_unfinished_work_are_found() {
    let mark = concat!("TO", "DO");
    assert_eq!(check_at("a/src/x.rs", &format!("//! The noun.\n// {mark}: more")).len(), 1);
    assert!(check_at("a/src/x.rs", "//! The noun.\n// nothing left to do").is_empty());
}

#[test]
fn nobodys_own_folder_is_named() {
    for home in [concat!("/ro", "ot/.cache"), concat!("/ho", "me/ada/x"), concat!("/Us", "ers/ada")] {
        assert_eq!(check_at("a.md", &format!("# A\n\nin `{home}/x`")).len(), 1, "{home}");
    }
    let reaching = concat!("//! Walls.\n// /ro", "ot/.ssh");
    assert!(check_at("automa-core/src/conformance/sandbox/walls.rs", reaching).is_empty());
    assert!(check_at("a.md", concat!("# A\n\nsrv", "/ho", "me/x and https://example.org/a")).is_empty());
}

#[test]
fn no_module_is_called_mod() {
    assert_eq!(check_at("a/src/store/mod.rs", "//! Stores."), ["1: a module is called mod.rs"]);
}

#[test]
fn the_root_holds_the_house_folders_and_no_other() {
    let said =
        said(&repository(&[File::new("scripts/x.sh", ""), File::new(".github/x.yml", ""), File::new("docs/x", "")]));
    assert!(said.contains(&"1: the folder scripts is not one of the house's".to_owned()));
    assert!(said.contains(&"1: the folder automa-core is missing".to_owned()));
    assert!(said.contains(&"1: the file README.md is missing".to_owned()));
    assert!(!said.iter().any(|line| line.contains(".github") || line.contains("folder docs")));
}
