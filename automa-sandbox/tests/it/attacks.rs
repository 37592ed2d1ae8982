//! Attacks on the `wasm` sandbox, judged by what they reach, not by the exception they get.
//!
//! Each script of `attacks.json` prints `BITES` when it has reached what it should not. As a control, those that can be
//! run without harm are run by the machine's own Python, where they have to bite: an attack that bites nowhere shows
//! nothing.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use automa_core::limits::Limits;
use automa_core::sandbox::{Exit, Outcome, OutputSender, Sandbox, Stream, Task};
use automa_sandbox::WasmSandbox;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

const CANARY: &str = "the canary sings";
const SECRET: &str = "a-secret-of-the-host";
const PYTHON: &str = "/usr/bin/python3";

#[derive(Debug, Deserialize)]
struct Attack {
    name: String,
    python: String,
    control: bool,
}

/// A file and a port of the host that no script may reach.
struct Canaries {
    folder: tempfile::TempDir,
    listener: TcpListener,
}

impl Canaries {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("canary.txt"), CANARY).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { folder, listener }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("canary.txt")
    }

    fn script(&self, attack: &Attack) -> String {
        let port = self.listener.local_addr().unwrap().port();
        let script = attack.python.replace("{canary}", self.file().to_str().unwrap());
        script.replace("{port}", &port.to_string()).replace("{secret}", SECRET)
    }

    fn unharmed(&self, name: &str) {
        assert_eq!(fs::read_to_string(self.file()).unwrap(), CANARY, "{name}: the file was changed");
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 1, "{name}: the folder was changed");
        assert!(self.listener.accept().is_err(), "{name}: the port was reached");
    }
}

fn attacks() -> Vec<Attack> {
    serde_json::from_str(include_str!("attacks.json")).unwrap()
}

/// Runs a script; returns what it wrote to stdout, and to both.
async fn run(sandbox: &dyn Sandbox, source: &str) -> (Outcome, String, String) {
    let (sender, mut receiver) = OutputSender::channel(16);
    let reading = tokio::spawn(async move {
        let (mut stdout, mut both) = (Vec::new(), Vec::new());
        while let Some(chunk) = receiver.recv().await {
            if chunk.stream == Stream::Stdout {
                stdout.extend_from_slice(&chunk.bytes);
            }
            both.extend(chunk.bytes);
        }
        (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&both).into_owned())
    });
    let limits = Limits::default().with_wall_time(Duration::from_secs(30));
    let outcome = sandbox.run(Task { limits, ..Task::new(source) }, sender, CancellationToken::new()).await;
    let (stdout, both) = reading.await.unwrap();
    (outcome, stdout, both)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_attack_reaches_the_host() {
    let canaries = Canaries::new();
    let sandbox = WasmSandbox::new();
    for attack in attacks() {
        let (outcome, stdout, output) = run(&sandbox, &canaries.script(&attack)).await;
        let name = &attack.name;
        assert!(!stdout.contains("BITES") && !output.contains(CANARY), "{name}: {output}");
        assert!(matches!(outcome.exit, Exit::Code(_) | Exit::Signal(_)), "{name}: {outcome:?}");
        if let Some(reason) = &outcome.reason {
            assert!(reason.len() < 5_000 && !reason.contains(char::is_control), "{name}: {reason:?}");
        }
        canaries.unharmed(name);
        // Afterwards all is well: the next run starts and ends as ever.
        let started = Instant::now();
        let (next, output, _) = run(&sandbox, "import os\nprint(os.listdir())").await;
        assert_eq!((next.exit, output.as_str()), (Exit::Code(0), "[]\n"), "after {name}");
        assert!(started.elapsed() < Duration::from_secs(2), "after {name}: {:?}", started.elapsed());
    }
}

#[test]
fn the_attacks_bite_where_there_is_no_sandbox() {
    if !Path::new(PYTHON).exists() {
        println!("LEFT OUT: there is no {PYTHON} to show that the attacks are real");
        return;
    }
    for attack in attacks().iter().filter(|attack| attack.control) {
        let canaries = Canaries::new();
        let scratch = tempfile::tempdir_in(canaries.folder.path()).unwrap();
        let done = Command::new(PYTHON)
            .args(["-I", "-c", &canaries.script(attack)])
            .env("AUTOMA_TEST_SECRET", SECRET)
            .current_dir(scratch.path())
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&done.stdout);
        assert!(printed.contains("BITES"), "{} is void: {}", attack.name, String::from_utf8_lossy(&done.stderr));
    }
}

/// What an attack leaves behind in this process: nothing that grows.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_behind_in_the_host() {
    if !crate::alone("attacks::nothing_is_left_behind_in_the_host") {
        return;
    }
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let resident = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let sandbox = WasmSandbox::new();
    let hostile = "import os\nkept = [bytearray(b'x' * (50 << 20))]\nopen('f', 'wb').write(b'x' * (40 << 20))\ntry:\n    while True:\n        kept.append(open('/dev/null'))\nexcept OSError:\n    os.abort()";
    let settle = async || {
        for _ in 0..5 {
            run(&sandbox, hostile).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        (descriptors(), resident())
    };
    let (descriptors_before, resident_before) = settle().await;
    settle().await;
    settle().await;
    let (descriptors_after, resident_after) = settle().await;
    assert!(descriptors_after <= descriptors_before + 4, "{descriptors_before} descriptors became {descriptors_after}");
    assert!(resident_after <= resident_before + 60_000, "{resident_before} KiB became {resident_after}");
}
