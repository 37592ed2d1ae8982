//! `automa run`: the script's output is its output, the script's exit code is its exit code.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::process::{automa, finish};

/// Runs a script from standard input.
fn run(source: &str, flags: &[&str]) -> (i32, String, String) {
    let mut child = automa();
    let mut child = child.args(["run", "-"]).args(flags).stdin(Stdio::piped());
    child = child.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    // A run that is refused does not read.
    let _ = child.stdin.take().unwrap().write_all(source.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

#[test]
fn output_goes_where_the_script_sent_it_and_nothing_else_does() {
    let (code, out, err) = run("import sys\nprint('one')\nprint('two', file=sys.stderr)\n", &[]);
    assert_eq!((code, &*out, &*err), (0, "one\n", "two\n"));
}

#[test]
fn exit_codes_are_the_scripts() {
    for (source, wanted) in [
        ("pass", 0),
        ("raise SystemExit(7)", 7),
        ("import sys; sys.exit(255)", 255),
        ("import sys; sys.exit(-1)", 255),
        ("1/0", 1),
        ("def f(:", 1),
    ] {
        assert_eq!(run(source, &[]).0, wanted, "{source}");
    }
}

#[test]
fn a_traceback_shows_the_scripts_own_name_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.py");
    fs::write(&path, "x = 1\nx / 0\n").unwrap();
    let (code, out, err) = finish(automa().arg("run").arg(&path));
    assert_eq!((code, &*out), (1, ""));
    assert!(
        err.contains("File \"report.py\", line 2") && err.ends_with("ZeroDivisionError: division by zero\n"),
        "{err}"
    );
}

#[test]
fn input_and_config_reach_the_script_and_its_result_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (input, result) = (folder.path().join("input.json"), folder.path().join("result.json"));
    fs::write(&input, r#"{"n": 20}"#).unwrap();
    let source = "import automa, os\ndef main(n):\n    print(os.environ['GREETING'])\n    return {'sum': n + automa.config['m']}\n";
    let flags = ["--input", &format!("@{}", input.display()), "--config", r#"{"m": 22}"#, "--env", "GREETING=hi=there"];
    let (code, out, err) = run(source, &[&flags[..], &["--result", result.to_str().unwrap()]].concat());
    assert_eq!((code, &*out, &*err), (0, "hi=there\n", ""));
    assert_eq!(fs::read_to_string(&result).unwrap(), "{\"sum\":42}\n");
}

#[test]
fn a_result_that_cannot_be_written_does_not_hide_how_the_script_ended() {
    for (source, wanted) in [("pass", 1), ("raise SystemExit(7)", 7)] {
        let (code, _, err) = run(source, &["--result", "/nowhere/result.json"]);
        assert_eq!(code, wanted, "{err}");
        let line = "automa: result: /nowhere/result.json cannot be written: ";
        assert!(err.starts_with(line) && err.lines().count() == 1, "{err}");
    }
}

#[test]
fn each_limit_has_its_exit_code_and_its_line() {
    let (code, _, err) = run("import time\ntime.sleep(60)", &["--timeout", "200ms"]);
    assert_eq!(code, 124);
    assert!(err.starts_with("automa: ") && err.lines().count() == 1, "{err}");
    let (code, _, err) = run("x = []\nwhile True: x.append(bytearray(1 << 20))", &["--memory", "64M"]);
    assert_eq!(code, 137, "{err}");
    assert!(err.lines().last().unwrap().starts_with("automa: "), "{err}");
    let (code, out, err) = run("while True: print('x' * 99)", &["--output", "1000"]);
    assert_eq!((code, out.len()), (153, 1_000), "{err}");
}

#[test]
fn what_cannot_be_run_is_one_line_and_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let latin = folder.path().join("latin.py");
    fs::write(&latin, b"print('\xe9')").unwrap();
    let latin = latin.to_str().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["run"], "<FILE>"),
        (&["run", "nowhere.py"], "file: nowhere.py cannot be read"),
        (&["run", latin], "is not UTF-8 (line 1)"),
        (&["run", "-"], "is empty"),
        (&["run", "-", "--memory", "1M"], "is empty"),
        (&["run", latin, "--what"], "--what"),
    ];
    for (arguments, wanted) in cases {
        let (code, out, err) = finish(automa().args(*arguments));
        assert_eq!((code, &*out), (2, ""), "{arguments:?}: {err}");
        assert!(
            err.starts_with("automa: ") && err.contains(wanted) && err.lines().count() == 1,
            "{arguments:?}: {err}"
        );
    }
    let flags: &[(&[&str], &str)] = &[
        (&["--memory", "lots"], "memory: \"lots\" is not a size"),
        (&["--memory", "1M"], "memory: 1M is out of range"),
        (&["--timeout", "0"], "timeout: 0ns is out of range"),
        (&["--timeout", "soon"], "timeout: \"soon\" is not a duration"),
        (&["--input", "[1]"], "input: must be a JSON object"),
        (&["--input", "{"], "input: is not JSON"),
        (&["--input", "@nowhere.json"], "input: nowhere.json cannot be read"),
        (&["--input", "@/dev/zero"], "input: /dev/zero is too large; give at most 262144 bytes"),
        (&["--config", "1"], "config: must be a JSON object"),
        (&["--env", "A"], "env: \"A\" has no ="),
        (&["--env", "AUTOMA_X=1"], "environment.AUTOMA_X"),
        (&["--backend", "jail"], "backend: there is no jail sandbox here; there is: wasm"),
    ];
    for (flags, wanted) in flags {
        let (code, out, err) = run("print(1)", flags);
        assert_eq!((code, &*out), (2, ""), "{flags:?}: {err}");
        assert!(err.starts_with("automa: ") && err.contains(wanted) && err.lines().count() == 1, "{flags:?}: {err}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_script() {
    let mut child = automa();
    child.args(["run", "-", "--timeout", "30s"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let began = Instant::now();
    child.stdin.take().unwrap().write_all(b"while True: print('x' * 99)").unwrap();
    let mut some = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(141), &b""[..]));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_signal_ends_the_script_with_the_signals_code() {
    use rustix::process::{Pid, Signal, kill_process};
    for (signal, wanted) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut child = automa();
        child.args(["run", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"import time\nprint('up')\ntime.sleep(60)").unwrap();
        let mut up = [0; 3];
        child.stdout.as_mut().unwrap().read_exact(&mut up).unwrap();
        kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(wanted));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "automa: the script was interrupted\n");
    }
}

#[test]
fn a_reader_that_does_not_read_keeps_neither_the_time_limit_nor_a_signal_from_ending_the_run() {
    use rustix::process::{Pid, Signal, kill_process};
    let endless = "while True: print('x' * 999)";
    // This one ends by itself, and more is left to read than a pipe holds.
    let ended = "print('x' * 300_000)";
    for (source, timeout, signal, wanted) in [
        (endless, "1s", None, 124),
        (endless, "60s", Some(Signal::TERM), 143),
        (endless, "60s", Some(Signal::INT), 130),
        (ended, "60s", Some(Signal::TERM), 143),
    ] {
        let mut child = automa();
        let child = child.args(["run", "-", "--timeout", timeout]);
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
        let mut unread = child.stdout.take().unwrap();
        unread.read_exact(&mut [0; 10]).unwrap();
        if let Some(signal) = signal {
            kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
        }
        let began = Instant::now();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(wanted), "{source} {signal:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{source} {signal:?}");
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert!(err.starts_with("automa: ") && err.lines().count() == 1, "{err}");
        drop(unread);
    }
}
