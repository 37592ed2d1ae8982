//! The commands as a newcomer meets them.

use std::process::{Command, Output};

fn xtask(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(args).output().expect("xtask starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn help_lists_every_command() {
    let help = xtask(&["help"]);
    assert!(help.status.success());
    for command in ["run", "test", "tidy", "guest", "bench", "docs", "ci"] {
        assert!(stdout(&help).contains(&format!("\n  {command} ")), "{command} is not listed");
    }
}

#[test]
fn every_command_tells_its_usage() {
    for command in ["run", "test", "tidy", "guest", "bench", "docs", "ci"] {
        for args in [[command, "--help"], ["help", command]] {
            let help = xtask(&args);
            assert!(help.status.success(), "{args:?}");
            assert!(stdout(&help).contains(&format!("cargo xtask {command}")), "{args:?}");
        }
    }
}

#[test]
fn an_unknown_command_fails_and_names_the_help() {
    let failed = xtask(&["biuld"]);
    assert!(!failed.status.success());
    let error = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(error.contains("`biuld`") && error.contains("cargo xtask help"), "{error}");
}

#[test]
fn the_steps_of_the_tests_can_be_listed() {
    let list = xtask(&["test", "--list"]);
    assert!(list.status.success());
    for step in ["set-up", "format", "tidy", "deny", "clippy", "docs", "rust", "doctests", "examples", "python"] {
        assert!(stdout(&list).lines().any(|line| line.starts_with(step)), "{step} is not listed");
    }
}
