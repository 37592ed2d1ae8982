//! A disk that is full: at the start, and in the middle of the work.

use std::io::Write as _;
use std::process::Command;

use serde_json::json;

use crate::support::process::{Server, automa, finish};

/// A server whose data folder is on a disk of its own of this size; `None`, said loudly, where this machine lets nobody
/// mount one.
fn on_a_disk_of(size: &str) -> Option<(tempfile::TempDir, Command)> {
    let folder = tempfile::tempdir().unwrap();
    let inside = |work: &str| {
        let script = format!("mount -t tmpfs -o size={size} none \"$0\" && {work}");
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]).arg(folder.path());
        command
    };
    if !inside("true").output().is_ok_and(|output| output.status.success()) {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI promises user namespaces, in which a test can mount a small disk"
        );
        // Past the test harness, which keeps back what a test that passes prints.
        let _ = writeln!(std::io::stderr(), "LEFT OUT: this machine does not let a test mount a small disk");
        return None;
    }
    let program = automa().get_program().to_owned();
    let mut command = inside("exec \"$1\" serve --listen 127.0.0.1:0 --log error --data \"$0/data\"");
    command.arg(program);
    Some((folder, command))
}

#[test]
fn a_full_disk_at_the_start_has_a_line_and_a_code_of_its_own() {
    let Some((_folder, mut command)) = on_a_disk_of("2m") else { return };
    let (code, out, err) = finish(&mut command);
    assert_eq!((code, &*out), (7, ""), "{err}");
    assert!(err.starts_with("automa: the disk that holds the data folder is full; free some space"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn a_disk_that_fills_up_refuses_writes_and_keeps_answering() {
    let Some((_folder, command)) = on_a_disk_of("24m") else { return };
    let server = Server::started_by(command);
    let client = server.set_up();
    let source = format!("# {}\n", "x".repeat(900_000));
    let mut made = Vec::new();
    let refused = (0..60).find_map(|number| {
        let name = format!("s{number}");
        let answer = client.post("/api/v1/scripts", &json!({ "name": name, "source": source }));
        if answer.status == 201 {
            made.push(name);
            return None;
        }
        Some(answer)
    });
    assert_eq!(refused.expect("24 MB hold no 60 scripts").expect(507)["code"], "disk_full");
    assert!(!made.is_empty());
    assert_eq!(client.get("/healthz").status, 200);
    let names: Vec<_> =
        client.all("/api/v1/scripts").iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, made, "what was acknowledged is there, and nothing of what was refused");
}
