//! Rules for Rust source, on a few lines each.

use xtask::tidy::File;
use xtask::tidy::rust::check;

use crate::said;

fn check_at(path: &str, text: &str) -> Vec<String> {
    said(&check(&File::new(path, text)))
}

fn check_text(text: &str) -> Vec<String> {
    check_at("automa-core/src/x.rs", text)
}

#[test]
fn allow_is_refused_in_every_spelling_of_an_attribute() {
    for text in ["#[allow(dead_code)]", "#![allow(dead_code)]", "#[cfg_attr(test, allow(dead_code))]", "#[ allow(x)]"] {
        assert_eq!(check_text(text), ["1: a lint is switched off by `allow`"], "{text}");
    }
    assert!(check_text("fn f() { self.allow(x); allow(y) } // #[allow(z)]").is_empty());
}

#[test]
fn expect_needs_a_reason() {
    assert_eq!(check_text("\n#[expect(dead_code)]"), ["2: `expect` does not say why"]);
    assert!(check_text("#[expect(\n    dead_code,\n    reason = \"read by a test\",\n)]").is_empty());
    assert!(check_text("value.expect(\"there is one\")").is_empty());
}

#[test]
fn what_is_left_undone_is_found_in_code_and_not_in_text() {
    let text = format!("fn a() {{ {}!() }}\nfn b() {{ {}!(\"later\") }}", "todo", "unimplemented");
    assert_eq!(check_text(&text).len(), 2);
    assert!(check_text("// todo!()\nlet s = \"unimplemented!()\"; let todo = 1;").is_empty());
}

#[test]
fn unsafe_stands_only_in_the_listed_files() {
    assert_eq!(check_text("unsafe { f() }"), ["1: unsafe code"]);
    assert!(check_at("automa-sandbox/src/namespace/spawn.rs", "unsafe { f() }").is_empty());
    assert!(check_text("#![forbid(unsafe_code)] // unsafe").is_empty());
}

#[test]
fn a_function_may_have_eighty_lines_of_code() {
    let function = |lines: usize| format!("fn long() -> [u8; 2] {{\n{}}}\n", "    f();\n".repeat(lines));
    assert!(check_text(&function(80)).is_empty());
    assert_eq!(check_text(&function(81)), ["1: the function `long` has 81 lines of code, 80 at most"]);
}

#[test]
fn comments_blank_lines_and_braces_in_strings_do_not_count() {
    let text = format!("fn short() {{\n{}    \"}}\";\n}}\n", "    // why\n\n".repeat(100));
    assert!(check_text(&text).is_empty());
}

#[test]
fn only_one_file_sets_a_status() {
    let text = "self.status = Status::Running;";
    assert_eq!(check_text(text), ["1: an execution's status is set from outside"]);
    assert!(check_at("automa-core/src/execution.rs", text).is_empty());
    assert!(check_at("automa-http/src/x.rs", text).is_empty());
    assert!(check_text("if a.status == b { a.status() }").is_empty());
}
