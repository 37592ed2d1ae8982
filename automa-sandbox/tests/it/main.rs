//! What `automa-sandbox` promises, through its public interface.
#![cfg(feature = "wasm")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attacks;
mod conformance;
mod wasm;

/// Whether this process runs one test only. If not, runs the test of that name in a process of its own: what it
/// measures is the process.
fn alone(test: &str) -> bool {
    const MARK: &str = "AUTOMA_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let done = std::process::Command::new(program).args(["--exact", test]).env(MARK, "1").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    assert!(String::from_utf8_lossy(&done.stdout).contains("1 passed"), "there is no test {test}");
    false
}
