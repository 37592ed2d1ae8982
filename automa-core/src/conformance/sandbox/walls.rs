//! Promises about what a script cannot do.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;

use super::given::{Subject, object, run, run_task, task};
use crate::permissions::Network;
use crate::sandbox::{Exit, Task};

/// Fifty at once, each with its own input, files, environment and output.
pub async fn concurrent_runs_do_not_see_each_other(sandbox: Subject) {
    let source = r#"
import os, time, builtins, random
def main(place):
    name = f"/scratch/{place}"
    open(name, "w").write(os.environ["PLACE"] * 1000)
    builtins.place = place
    for _ in range(3):
        time.sleep(random.random() / 20)
        sum(range(20000))
    assert os.listdir("/scratch") == [str(place)], os.listdir("/scratch")
    assert open(name).read() == str(place) * 1000 and builtins.place == place
    print(place)
    return place
"#;
    let runs = (0..50).map(|place| {
        let mut task = Task { input: object(&json!({"place": place}).to_string()), ..task(source) };
        task.permissions.environment.insert("PLACE".to_owned(), place.to_string());
        let sandbox = Arc::clone(&sandbox);
        async move { (place, run_task(&sandbox, task).await.well()) }
    });
    for (place, ran) in join_all(runs).await {
        assert_eq!(ran.result(), place);
        assert_eq!(ran.stdout(), format!("{place}\n"));
    }
}

/// Of every source that a script may take for secret or unique.
pub async fn random_numbers_differ_from_run_to_run(sandbox: Subject) {
    let source = r#"
import random, secrets, uuid, os, tempfile
f = tempfile.NamedTemporaryFile()
for one in (random.random(), random.getrandbits(64), secrets.token_hex(), uuid.uuid4(), os.urandom(16).hex(), f.name, random.SystemRandom().random()):
    print(one)
"#;
    let mut seen = HashSet::new();
    for _ in 0..6 {
        for line in run(&sandbox, source).await.well().stdout().lines() {
            assert!(seen.insert(line.to_owned()), "{line} came twice");
        }
    }
    assert_eq!(seen.len(), 42);
}

/// Without the permission: no connection, no listening, no name, in whatever family.
pub async fn there_is_no_network(sandbox: Subject) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let source = format!(
        r#"
import socket
def tries():
    for family in ("AF_INET", "AF_INET6", "AF_UNIX"):
        for kind in ("SOCK_STREAM", "SOCK_DGRAM"):
            for address in (("127.0.0.1", {port}), ("::ffff:127.0.0.1", {port}), ("8.8.8.8", 53), "/run/docker.sock", "\0automa"):
                def attempt(family=family, kind=kind, address=address):
                    s = socket.socket(getattr(socket, family), getattr(socket, kind))
                    s.settimeout(1)
                    s.connect(address)
                    s.send(b"GET / HTTP/1.0\r\n\r\n")
                    return s.recv(1)
                yield attempt
    yield lambda: socket.create_connection(("127.0.0.1", {port}), 1)
    yield lambda: socket.getaddrinfo("localhost", 80)[0] and socket.create_connection(("localhost", {port}), 1)
    yield lambda: __import__("urllib.request").request.urlopen("http://127.0.0.1:{port}/", timeout=1)
for attempt in tries():
    try: print("worked:", attempt())
    except (OSError, AttributeError, TypeError, OverflowError, NotImplementedError): pass
print("checked")
"#
    );
    let ran = run(&sandbox, &source).await.well();
    assert_eq!(ran.stdout(), "checked\n");
    assert!(listener.accept().is_err(), "the script reached a port of this machine");
}

/// Not its files, its users, its other processes or its environment.
pub async fn the_machine_cannot_be_seen(sandbox: Subject) {
    let canary = std::env::temp_dir().join(format!("automa-canary-{}", uuid::Uuid::now_v7()));
    std::fs::write(&canary, "the canary sings").unwrap();
    let program = std::env::current_exe().unwrap();
    let source = format!(
        r#"
import os
for path in {paths:?}:
    for path in (path, "/scratch/../" + path, "../" * 30 + path):
        try: print("worked:", path, open(path, "rb").read(40))
        except OSError: pass
found = [name for name in ("PATH", "HOME", "USER", "CARGO_MANIFEST_DIR", "PWD") if name in os.environ]
print(found, os.getpid() == {pid})
"#,
        paths = [
            canary.to_str().unwrap(),
            program.to_str().unwrap(),
            "/etc/shadow",
            "/etc/machine-id",
            "/proc/1/environ",
            "/root/.bashrc"
        ],
        pid = std::process::id(),
    );
    let ran = run(&sandbox, &source).await.well();
    std::fs::remove_file(&canary).unwrap();
    assert_eq!(ran.stdout(), "[] False\n");
}

/// Before any of its code runs.
pub async fn what_cannot_be_enforced_is_refused(sandbox: Subject) {
    let capabilities = sandbox.capabilities();
    let mut networked = task("print('never')");
    networked.permissions.network = Network::Full;
    let mut shared = task("print('never')");
    shared.limits.cpu_millis = 100;
    for (task, can) in [(networked, capabilities.network), (shared, capabilities.cpu_share)] {
        if !can {
            let ran = run_task(&sandbox, task).await.ended(Exit::SandboxError);
            assert!(ran.chunks.is_empty(), "it ran all the same");
            assert!(ran.outcome.reason.unwrap().contains(capabilities.backend));
        }
    }
}

/// Whatever a script does to the interpreter it runs in, it only ever decides its own code and result.
pub async fn a_script_cannot_forge_how_it_ended(sandbox: Subject) {
    for source in [
        "import sys\nfor name in list(sys.modules):\n    sys.modules[name] = None\nraise SystemExit(3)",
        "import builtins\nfor name in dir(builtins):\n    if not name.startswith('_') and name != 'SystemExit':\n        setattr(builtins, name, None)\nraise SystemExit(3)",
        "import sys\nsys.addaudithook(lambda *a: (_ for _ in ()).throw(RuntimeError()))\nsys.exit(3)",
        "import sys, json, automa\njson.dumps = json.JSONEncoder = automa.set_result = None\nsys.exit(3)",
        "import sys\nf = sys._getframe()\nwhile f:\n    f.f_globals.clear()\n    f = f.f_back\n__import__('sys').exit(3)",
        "import gc\nfor o in gc.get_objects():\n    if isinstance(o, dict) and 'Ending' in o:\n        o['Ending'] = None\nraise SystemExit(3)",
        "import sys\nsys.settrace(lambda *a: 1 / 0)\nsys.exit(3)",
        "import threading, atexit\natexit._run_exitfuncs = threading._shutdown = None\nraise SystemExit(3)",
        "raise MemoryError('not really')",
        "class TimedOut(BaseException):\n    pass\nraise TimedOut",
    ] {
        let ran = run(&sandbox, source).await;
        let own = matches!(ran.outcome.exit, Exit::Code(1..) | Exit::Signal(_));
        assert!(own, "{source}: {:?}", ran.outcome);
    }
}

/// The next run finds everything as it should be.
pub async fn a_run_after_a_hostile_one_is_untouched(sandbox: Subject) {
    for source in [
        "import os; os.abort()",
        "x = []\nwhile True:\n    x.append(bytearray(1 << 20))",
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f():\n    f()\nf()",
        "import os\nfor fd in range(1000):\n    try:\n        os.close(fd)\n    except OSError:\n        pass",
        "import os\nkept = []\nopen('x', 'w').close()\nwhile True:\n    kept.append(os.open('x', os.O_RDONLY))",
    ] {
        let ran = run(&sandbox, source).await;
        assert_ne!(ran.outcome.exit, Exit::SandboxError, "{source}: {:?}", ran.outcome);
        let next = run(&sandbox, "import json, os\nprint(json.dumps(os.listdir('/scratch')))").await.well();
        assert_eq!(next.stdout(), "[]\n");
    }
}

/// Where the tests of this suite run, the backend is available, and says by what.
pub async fn the_probe_says_that_it_works(sandbox: Subject) {
    let probe = sandbox.probe().await;
    assert!(probe.available, "{probe:?}");
    assert_eq!(probe.backend, sandbox.capabilities().backend);
    assert!(!probe.checks.is_empty());
    for check in probe.checks {
        assert!(!check.name.is_empty() && !check.found.is_empty());
    }
}
