//! The smaller commands, and the data folder that they cannot have.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::support::PASSWORD;
use crate::support::process::{Server, automa, finish};

#[test]
fn help_and_version_are_on_stdout() {
    for command in ["serve", "run", "doctor", "user add", "audit verify", "version"] {
        let (code, out, err) = finish(automa().args(command.split(' ')).arg("--help"));
        assert_eq!((code, &*err), (0, ""), "{command}");
        assert!(out.contains("Usage: automa"), "{command}: {out}");
    }
    let (code, out, _) = finish(automa().args(["version", "--json"]));
    let version: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, version["version"].as_str()), (0, Some(env!("CARGO_PKG_VERSION"))));
    let (_, out, _) = finish(automa().arg("--version"));
    assert_eq!(out.trim(), format!("automa {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_doctor_says_what_this_machine_can_do_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (code, out, err) = finish(automa().args(["doctor", "--json", "--data"]).arg(&data));
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    assert_eq!((code, &report["able"], &report["sandboxes"][0]["backend"]), (0, &true.into(), &"wasm".into()));
    assert!(report["data"]["found"].as_str().unwrap().contains("not there yet"), "{report}");
    assert!(!data.exists(), "looking makes nothing");
    let (code, out, _) = finish(automa().args(["doctor", "--data"]).arg(&data));
    assert_eq!(code, 0);
    assert!(out.contains("sandbox wasm: ready") && out.contains("Scripts can run here."), "{out}");
}

#[test]
fn accounts_can_be_made_without_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let password = folder.path().join("password");
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let add = |name: &str| {
        let mut command = automa();
        command.args(["user", "add", name, "--data"]).arg(&data);
        command
    };
    let (code, _, err) = finish(add("ada").args(["--role", "viewer", "--password-file"]).arg(&password));
    assert_eq!(code, 2, "{err}");
    assert!(err.starts_with("automa: role: ") && err.contains("give admin"), "{err}");
    let (code, out, err) = finish(add("ada").arg("--password-file").arg(&password));
    assert_eq!((code, &*err), (0, ""));
    assert!(out.starts_with("made ada (admin), id ") && out.contains("the first account is an admin's"), "{out}");
    let (code, out, err) = finish(add("kay").arg("--password-file").arg(&password));
    assert_eq!((code, &*err), (0, ""));
    assert!(out.starts_with("made kay (viewer), id ") && out.lines().count() == 1, "{out}");
    // From standard input where it is no terminal.
    let mut child = add("bob").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    let (code, _, err) = finish(add("ada").arg("--password-file").arg(&password));
    assert_eq!((code, &*err), (1, "automa: a user with username \"ada\" exists already; choose another username\n"));
    fs::write(&password, "short").unwrap();
    let (code, _, err) = finish(add("eve").arg("--password-file").arg(&password));
    assert_eq!((code, &*err), (2, "automa: password: is too short; give at least 8 characters\n"));
    let (code, _, err) = finish(add("not a name").arg("--password-file").arg(&password));
    assert_eq!(code, 2);
    assert!(err.starts_with("automa: username: may hold letters"), "{err}");
    let server = Server::start(&data, &[]);
    assert!(server.setup.is_none(), "there is somebody already");
    server.client().sign_in();
}

#[test]
fn an_audit_log_that_was_changed_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    server.set_up();
    drop(server);
    let (code, out, err) = finish(automa().args(["audit", "verify", "--data"]).arg(&data));
    assert_eq!((code, &*err), (0, ""));
    assert!(out.starts_with("the audit log is whole: "), "{out}");
    let (code, out, _) = finish(automa().args(["audit", "verify", "--json", "--data"]).arg(&data));
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &found["damage"]), (0, &Value::Null));
    assert!(found["events"].as_u64().unwrap() >= 3, "{found}");
    let (code, _, err) = finish(automa().args(["audit", "verify", "--data"]).arg(folder.path().join("nowhere")));
    assert_eq!(code, 1);
    assert!(err.starts_with("automa: data: there is no folder"), "{err}");
}

#[test]
fn a_folder_that_cannot_be_had_has_a_line_and_a_code_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let serve =
        |data: &std::path::Path| finish(automa().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data));

    let used = folder.path().join("used");
    let server = Server::start(&used, &[]);
    for (code, out, err) in [serve(&used), finish(automa().args(["audit", "verify", "--data"]).arg(&used))] {
        assert_eq!((code, &*out), (3, ""));
        assert!(err.contains(&format!("it is in use by process {}; stop that process", server.id())), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
    drop(server);

    let newer = folder.path().join("newer");
    drop(Server::start(&newer, &[]));
    let format = newer.join("format");
    let text = fs::read_to_string(&format).unwrap();
    let raised: String = text
        .lines()
        .map(|line| if line.starts_with("format ") { "format 99\n".into() } else { format!("{line}\n") })
        .collect();
    fs::write(&format, raised).unwrap();
    let (code, _, err) = serve(&newer);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("it has format 99") && err.contains("use a newer version"), "{err}");

    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.txt"), "three years of work").unwrap();
    let (code, _, err) = serve(&foreign);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("files that are not Automa's; use an empty or a new folder"), "{err}");
    let names: Vec<_> = fs::read_dir(&foreign).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["thesis.txt"], "nothing in it is touched");

    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (code, _, err) = serve(&file);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("give a folder") && err.lines().count() == 1, "{err}");
}

#[test]
fn an_address_that_is_taken_has_a_line_and_a_code_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().join("data");
    let (code, out, err) = finish(automa().args(["serve", "--listen", &address, "--data"]).arg(&data));
    assert_eq!((code, &*out), (6, ""), "{err}");
    assert!(err.starts_with(&format!("automa: listen: {address} cannot be had")), "{err}");
    assert!(!data.exists(), "nothing was made");
}

#[test]
fn a_setting_that_makes_no_sense_has_a_line_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, wanted) in [
        ("AUTOMA_LISTN", "x", "AUTOMA_LISTN: is no known environment variable; did you mean AUTOMA_LISTEN?"),
        ("SECRET_KEY", "hunter2", "secret_key: has 7 bytes; give at least 32"),
        ("DATABASE_URL", "postgresql://u:hunter2@h/db", "database_url: PostgreSQL is not supported yet"),
        ("AUTOMA_WORKERS", "0", "workers: 0 is out of range"),
        ("AUTOMA_LOG", "x=y=z", "log: \"x=y=z\" cannot be read"),
    ] {
        let (code, out, err) =
            finish(automa().current_dir(folder.path()).env(name, value).args(["serve", "--listen", "127.0.0.1:0"]));
        assert_eq!((code, &*out), (2, ""), "{name}: {err}");
        assert!(err.starts_with(&format!("automa: {wanted}")) && err.lines().count() == 1, "{name}: {err}");
        assert!(!err.contains("hunter2"), "{name}: {err}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{name}: nothing was made");
    }
}
