//! What the program says: answers on stdout, complaints on stderr. Nobody listening is no failure.

use std::io::{self, Write as _};

/// Writes a line to stdout.
pub(super) fn say(line: impl AsRef<str>) {
    let mut out = io::stdout().lock();
    // A reader that has gone away does not want it.
    let _ = writeln!(out, "{}", line.as_ref());
    let _ = out.flush();
}

/// Writes a line to stderr, as `automa: …`.
pub(super) fn complain(line: &str) {
    let one_line = line.split('\n').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    let _ = writeln!(io::stderr().lock(), "automa: {one_line}");
}

/// Writes a value as JSON to stdout.
pub(super) fn say_json(value: &serde_json::Value) {
    say(serde_json::to_string_pretty(value).unwrap_or_default());
}
