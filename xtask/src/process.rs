//! Child processes: said on one line before they start, and a failure that names them when they fail.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::failure::{Failure, OrFail, Result};

/// Prints a line to stdout at once, so that it stands before what a child prints.
pub(crate) fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // A closed pipe is the reader's choice; there is no one left to tell.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Running a [`Command`] to its end.
pub(crate) trait Run {
    /// Says the command, runs it with our own streams, and fails when it fails.
    fn run(&mut self) -> Result;
    /// The same, and it fails, and is ended, when it takes longer than this.
    fn run_within(&mut self, limit: Duration) -> Result;
    /// Runs it silently and returns what it printed to stdout; fails with its stderr.
    fn read(&mut self) -> Result<String>;
    /// Runs it silently: whether it can be started and succeeds.
    fn succeeds(&mut self) -> bool;
}

impl Run for Command {
    fn run(&mut self) -> Result {
        let line = shown(self);
        say(format_args!("  $ {line}"));
        let status = self.status().or_fail(format_args!("start `{line}`"))?;
        if status.success() { Ok(()) } else { Err(Failure(format!("`{line}` failed ({status})"))) }
    }

    fn run_within(&mut self, limit: Duration) -> Result {
        let line = shown(self);
        say(format_args!("  $ {line}"));
        let mut child = self.stdin(Stdio::null()).spawn().or_fail(format_args!("start `{line}`"))?;
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().or_fail(format_args!("wait for `{line}`"))? {
                break status;
            }
            if begun.elapsed() > limit {
                // It may have ended by itself in this moment; then there is nothing to end.
                let _ = child.kill();
                child.wait().or_fail(format_args!("wait for `{line}`"))?;
                return Err(Failure(format!("`{line}` was still running after {} s", limit.as_secs())));
            }
            sleep(Duration::from_millis(20));
        };
        if status.success() { Ok(()) } else { Err(Failure(format!("`{line}` failed ({status})"))) }
    }

    fn read(&mut self) -> Result<String> {
        let line = shown(self);
        let output = self.stdin(Stdio::null()).output().or_fail(format_args!("start `{line}`"))?;
        if output.status.success() {
            return String::from_utf8(output.stdout).or_fail(format_args!("read the output of `{line}`"));
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(Failure(format!("`{line}` failed ({}): {}", output.status, errors.trim())))
    }

    fn succeeds(&mut self) -> bool {
        self.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// The command as a person would type it: the program by its name, arguments with spaces in quotes.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    let quoted = words.map(|word| {
        let plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "'\"$*;|&<>".contains(c));
        if plain { word.into_owned() } else { format!("'{word}'") }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Runs `work` while no other xtask, of this or another clone, does work under the same lock file.
pub(crate) fn exclusively<T>(lock: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let doing = format!("lock {}", lock.display());
    if let Some(folder) = lock.parent() {
        std::fs::create_dir_all(folder).or_fail(&doing)?;
    }
    let file = File::create(lock).or_fail(&doing)?;
    if file.try_lock().is_err() {
        say(format_args!("  waiting for another `cargo xtask` that holds {}", lock.display()));
        file.lock().or_fail(&doing)?;
    }
    work()
}

/// A short name for some bytes, the same on every machine and in every version (64-bit FNV-1a): it tells whether
/// something has changed, and guards against nobody.
pub(crate) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        // The length goes in first, so that ("ab", "c") and ("a", "bc") differ.
        for byte in (part.len() as u64).to_le_bytes().iter().chain(part) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{Run, fingerprint, shown};

    #[test]
    fn a_command_is_shown_as_a_person_would_type_it() {
        let mut command = Command::new("/usr/bin/printf");
        command.args(["%s", "two words", ""]);
        assert_eq!(shown(&command), "printf %s 'two words' ''");
    }

    #[test]
    fn a_command_that_fails_says_its_name_and_its_errors() {
        let failure = Command::new("sh").args(["-c", "echo broken >&2; exit 3"]).read().unwrap_err();
        assert!(failure.0.contains("sh -c") && failure.0.contains("broken") && failure.0.contains('3'), "{failure}");
    }

    #[test]
    fn a_command_that_does_not_end_is_ended() {
        let failure = Command::new("sleep").arg("600").run_within(Duration::from_millis(50)).unwrap_err();
        assert!(failure.0.contains("still running"), "{failure}");
        assert!(Command::new("true").run_within(Duration::from_secs(60)).is_ok());
    }

    #[test]
    fn a_fingerprint_tells_where_one_part_ends() {
        assert_ne!(fingerprint([&b"ab"[..], b"c"]), fingerprint([&b"a"[..], b"bc"]));
        assert_eq!(fingerprint([&b"ab"[..], b"c"]), fingerprint([&b"ab"[..], b"c"]));
    }
}
