//! Rules for Rust source: suppressed lints, unsafe code, what is left undone, long functions, who sets a status.

use super::mask::{is_word, mask};
use super::{File, Violation};

/// A function's lines of code, without blank ones and comments. Clippy has the same number in clippy.toml.
const FUNCTION_MAX: usize = 80;

/// Where unsafe code may stand, as files or as folders that end in `/`.
const UNSAFE_ALLOWED: &[&str] = &[
    // The one wasmtime call that loads machine code out of our own cache.
    "automa-sandbox/src/wasm/cache.rs",
    // Between fork and exec.
    "automa-sandbox/src/namespace/spawn.rs",
    // What pyo3 needs.
    "automa-py/src/",
];

/// The one file that changes an execution's status.
const STATUS_OWNER: &str = "automa-core/src/execution.rs";

/// Every violation in one file.
#[must_use]
pub fn check(file: &File) -> Vec<Violation> {
    let code = mask(&file.text);
    let mut all = suppressions(file, &code);
    all.extend(undone(file, &code));
    all.extend(unsafe_code(file, &code));
    all.extend(long_functions(file, &code));
    all.extend(status_changes(file, &code));
    all
}

fn suppressions(file: &File, code: &str) -> Vec<Violation> {
    let mut all = Vec::new();
    for at in words(code, "allow") {
        if code[at + 5..].starts_with('(') && in_attribute(code, at) {
            let remedy = "mend the cause, or write #[expect(lint, reason = \"…\")]";
            all.push(file.violation(line(code, at), "a lint is switched off by `allow`", remedy));
        }
    }
    for at in words(code, "expect") {
        let given = &code[at + 6..];
        if given.starts_with('(') && in_attribute(code, at) {
            let end = given.find(']').unwrap_or(given.len());
            if !given[..end].contains("reason") {
                let remedy = "add reason = \"…\"";
                all.push(file.violation(line(code, at), "`expect` does not say why", remedy));
            }
        }
    }
    all
}

/// Whether what stands at `at` belongs to an attribute: `#[`, `#![` or `cfg_attr(…,` before it on the way back.
fn in_attribute(code: &str, at: usize) -> bool {
    let before = code[..at].trim_end();
    if before.ends_with("#[") || before.ends_with("#![") {
        return true;
    }
    let open = before.rfind("#[").max(before.rfind("#!["));
    open.is_some_and(|open| before[open..].contains("cfg_attr") && !before[open..].contains(']'))
}

fn undone(file: &File, code: &str) -> Vec<Violation> {
    let macros = ["todo", "unimplemented"];
    let found = macros.iter().flat_map(|name| words(code, name).map(move |at| (name, at)));
    let calls = found.filter(|(name, at)| code[at + name.len()..].starts_with('!'));
    calls
        .map(|(name, at)| {
            let remedy = "write it, or leave the whole thing out";
            file.violation(line(code, at), format!("`{name}!` leaves something undone"), remedy)
        })
        .collect()
}

fn unsafe_code(file: &File, code: &str) -> Vec<Violation> {
    if UNSAFE_ALLOWED.iter().any(|at| if at.ends_with('/') { file.path.starts_with(at) } else { file.path == *at }) {
        return Vec::new();
    }
    let remedy = "do it in safe code; the few files that may hold unsafe are listed in xtask/src/tidy/rust.rs";
    words(code, "unsafe").map(|at| file.violation(line(code, at), "unsafe code", remedy)).collect()
}

fn long_functions(file: &File, code: &str) -> Vec<Violation> {
    let mut all = Vec::new();
    for at in words(code, "fn") {
        let Some((open, close)) = body(code, at) else { continue };
        let lines = code[open + 1..close].lines().filter(|line| !line.trim().is_empty()).count();
        if lines > FUNCTION_MAX {
            let name: String =
                code[at + 2..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let what = format!("the function `{name}` has {lines} lines of code, {FUNCTION_MAX} at most");
            all.push(file.violation(line(code, at), what, "take a part with a name of its own out of it"));
        }
    }
    all
}

/// The braces of the function whose `fn` stands at `at`; `None` for a function type or one without a body.
fn body(code: &str, at: usize) -> Option<(usize, usize)> {
    // `fn(` is a type, `fn name` a function.
    if !code[at + 2..].trim_start().starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return None;
    }
    let (mut nested, mut open, mut depth) = (0_usize, None, 0_usize);
    for (offset, byte) in code.bytes().enumerate().skip(at) {
        match (byte, open) {
            (b'(' | b'[', None) => nested += 1,
            (b')' | b']', None) => nested = nested.saturating_sub(1),
            (b';', None) if nested == 0 => return None,
            (b'{', None) if nested == 0 => (open, depth) = (Some(offset), 1),
            (b'{', Some(_)) => depth += 1,
            (b'}', Some(start)) => {
                depth -= 1;
                if depth == 0 {
                    return Some((start, offset));
                }
            }
            _ => {}
        }
    }
    None
}

fn status_changes(file: &File, code: &str) -> Vec<Violation> {
    if !file.path.starts_with("automa-core/src/") || file.path == STATUS_OWNER {
        return Vec::new();
    }
    let remedy = format!("call the method of {STATUS_OWNER} that makes this change");
    let found = code.match_indices(".status").filter(|(at, text)| {
        let behind = code[at + text.len()..].trim_start();
        behind.starts_with('=') && !behind.starts_with("==") && !behind.starts_with("=>")
    });
    found
        .map(|(at, _)| file.violation(line(code, at), "an execution's status is set from outside", remedy.clone()))
        .collect()
}

/// Where `word` stands as a whole word.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let behind = bytes.get(at + word.len());
        !before.is_some_and(|byte| is_word(*byte)) && !behind.is_some_and(|byte| is_word(*byte))
    })
}

/// The line, from 1, in which a byte stands.
fn line(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}
