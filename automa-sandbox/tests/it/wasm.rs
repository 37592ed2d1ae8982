//! Promises of the `wasm` backend alone: its guest, its cache of machine code, its idling.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use automa_core::limits::{Bytes, Limits};
use automa_core::sandbox::{Exit, Outcome, OutputSender, Sandbox as _, Task};
use automa_sandbox::{Error, WasmSandbox};
use tokio_util::sync::CancellationToken;

async fn run(sandbox: &WasmSandbox, source: &str) -> Outcome {
    let (sender, _reader) = OutputSender::channel(64);
    sandbox.run(Task::new(source), sender, CancellationToken::new()).await
}

/// The machine code that other tests use, made now if there is none, copied into a folder of our own.
async fn own_cache() -> (tempfile::TempDir, PathBuf) {
    let usual = WasmSandbox::new();
    usual.load().await.unwrap();
    let probe = usual.probe().await;
    let check = probe.checks.iter().find(|check| check.name == "cache").unwrap();
    let code = Path::new(&check.found[check.found.find('/').unwrap()..]).to_owned();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    for path in [code.clone(), code.with_extension("sha256")] {
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let own = folder.path().join(code.file_name().unwrap());
    (folder, own)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_guest_it_says_what_to_do() {
    let sandbox = WasmSandbox::builder().guest(Vec::new()).build();
    assert!(matches!(sandbox.load().await, Err(Error::GuestMissing)));
    let outcome = run(&sandbox, "print(1)").await;
    assert_eq!(outcome.exit, Exit::SandboxError);
    assert!(outcome.reason.unwrap().contains("run `cargo xtask guest`, then build again"));
    let probe = sandbox.probe().await;
    assert!(!probe.available);
    assert!(
        probe.checks.iter().any(|check| check.remedy.as_deref().is_some_and(|text| text.contains("cargo xtask guest")))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_is_none_is_our_fault_not_the_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let builder = || WasmSandbox::builder().cache_folder(folder.path().join("cache"));
    for bytes in
        [b"not wasm".to_vec(), b"\0asm\x0d\0\x01\0".to_vec(), [&[0x28, 0xb5, 0x2f, 0xfd][..], &[7; 50]].concat()]
    {
        let sandbox = builder().guest(bytes).build();
        assert_eq!(run(&sandbox, "print(1)").await.exit, Exit::SandboxError);
        assert!(!sandbox.probe().await.available);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filled_cache_is_used_and_a_damaged_one_is_rebuilt() {
    let (folder, code) = own_cache().await;
    let sandbox = || WasmSandbox::builder().cache_folder(folder.path()).build();
    let good = fs::read(&code).unwrap();

    let first = sandbox();
    let started = Instant::now();
    first.load().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "it compiled: {:?}", started.elapsed());
    assert_eq!(run(&first, "").await.exit, Exit::Code(0));

    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&code, &damaged).unwrap();
    assert_eq!(run(&sandbox(), "").await.exit, Exit::Code(0));
    assert!(fs::read(&code).unwrap() != damaged, "the damaged file is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_sandbox_uses_no_processor_time() {
    if !crate::alone("wasm::an_idle_sandbox_uses_no_processor_time") {
        return;
    }
    let sandbox = WasmSandbox::new();
    assert_eq!(run(&sandbox, "print('hello')").await.exit, Exit::Code(0));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let ticks = || {
        // The fields after the program's name, which may itself hold spaces.
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split_whitespace().collect();
        fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap()
    };
    let before = ticks();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(ticks() - before <= 1, "{} hundredths of a second", ticks() - before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn computing_scripts_do_not_hold_up_the_application() {
    let sandbox = std::sync::Arc::new(WasmSandbox::new());
    sandbox.load().await.unwrap();
    let cancel = CancellationToken::new();
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let (sandbox, cancel) = (std::sync::Arc::clone(&sandbox), cancel.clone());
            tokio::spawn(async move {
                let (sender, _reader) = OutputSender::channel(1);
                sandbox.run(Task::new("while True:\n    pass"), sender, cancel).await
            })
        })
        .collect();
    let started = Instant::now();
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let started = Instant::now();
    cancel.cancel();
    for run in busy {
        assert_eq!(run.await.unwrap().exit, Exit::Cancelled);
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_library_is_there() {
    let names = "abc argparse array ast asyncio base64 bisect calendar cmath codecs collections colorsys configparser \
        contextlib contextvars copy csv dataclasses datetime decimal difflib dis email.mime.text encodings.idna \
        encodings.cp1252 enum errno fnmatch fractions functools gc getopt getpass glob graphlib gzip hashlib heapq hmac \
        html.parser http.cookies imaplib importlib.metadata inspect io ipaddress itertools json keyword linecache locale \
        logging.handlers mailbox math mimetypes numbers operator os pathlib pickle pickletools pkgutil platform plistlib \
        pprint profile queue random re reprlib sched secrets selectors shelve shlex shutil signal smtplib socket sqlite3 \
        statistics string string.templatelib struct subprocess symtable tarfile tempfile textwrap threading time timeit \
        tokenize tomllib traceback types typing unicodedata unittest.mock urllib.request uuid warnings wave weakref \
        wsgiref.simple_server xml.dom.minidom xml.etree.ElementTree xml.sax xmlrpc.client zipfile zlib zoneinfo";
    let imports: String = names.split_whitespace().map(|name| format!("import {name}\n")).collect();
    let checks = r"
import automa, datetime, hashlib, sqlite3, zipfile, gzip, decimal
there = zoneinfo.ZoneInfo('Europe/Berlin')
assert datetime.datetime(2026, 7, 1, 12, tzinfo=there).utcoffset() == datetime.timedelta(hours=2)
assert len(zoneinfo.available_timezones()) > 400
try: zoneinfo.ZoneInfo('Nowhere/Land'); raise AssertionError
except zoneinfo.ZoneInfoNotFoundError: pass
assert hashlib.sha256(b'x').hexdigest().startswith('2d711642')
db = sqlite3.connect(':memory:'); assert db.execute('select 1 + 1').fetchone() == (2,)
assert gzip.decompress(gzip.compress(b'x' * 1000)) == b'x' * 1000
with zipfile.ZipFile('z.zip', 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('a', 'b' * 1000)
assert zipfile.ZipFile('z.zip').read('a') == b'b' * 1000
import time
assert abs(time.time() - float(automa.input['now'])) < 60
";
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let input = automa_core::json::JsonObject::parse(format!("{{\"now\": {now}}}").as_bytes()).unwrap();
    let sandbox = WasmSandbox::new();
    let (sender, _reader) = OutputSender::channel(64);
    let source = format!("{imports}{checks}");
    let outcome = sandbox.run(Task { input, ..Task::new(source) }, sender, CancellationToken::new()).await;
    assert_eq!(outcome.exit, Exit::Code(0), "{outcome:?}");
}

/// Runs a script and gives its ending, and all that it wrote.
async fn run_and_read(sandbox: &WasmSandbox, source: &str) -> (Outcome, String) {
    let (sender, mut reader) = OutputSender::channel(64);
    let task = Task { limits: Limits::default().with_memory(Bytes::mib(256)), ..Task::new(source) };
    let reading = tokio::spawn(async move {
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.recv().await {
            bytes.extend(chunk.bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let outcome = sandbox.run(task, sender, CancellationToken::new()).await;
    (outcome, reading.await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_exit_code_becomes_success_by_being_cut() {
    let sandbox = WasmSandbox::new();
    for (code, cut) in [("256", 1), ("2**31", 1), ("-256", 1), ("2**70", 255), ("-1", 255), ("257", 1), ("0", 0)] {
        let outcome = run(&sandbox, &format!("import sys; sys.exit({code})")).await;
        assert_eq!(outcome.exit, Exit::Code(cut), "{code}");
    }
    for (code, cut) in [("256", 1), ("2**31", 1), ("-1", 255), ("0", 0)] {
        let outcome = run(&sandbox, &format!("import os; os._exit({code})")).await;
        assert_eq!(outcome.exit, Exit::Code(cut), "{code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_of_very_many_values_is_refused_and_the_last_good_one_kept() {
    let source = "import automa
automa.set_result([{}] * 150_000)
try:
    automa.set_result([{}] * 300_000)
except ValueError as error:
    print(error)
";
    let (outcome, shown) = run_and_read(&WasmSandbox::new(), source).await;
    assert_eq!(outcome.exit, Exit::Code(0), "{outcome:?} {shown}");
    assert_eq!(shown, "the result is too complex; give at most 200000 values, or a file\n");
    assert_eq!(outcome.result.unwrap().value().as_array().unwrap().len(), 150_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_the_sandbox_ends_is_told_why_on_stderr() {
    let source = "from wit_world.imports import host\nprint('before')\nhost.set_result('x' * 50_000_000)";
    let (outcome, shown) = run_and_read(&WasmSandbox::new(), source).await;
    assert_eq!(outcome.exit, Exit::Code(1), "{outcome:?}");
    assert!(shown.starts_with("before\nautoma: it was ended by the sandbox: "), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_chain_of_objects_changes_nothing_about_the_ending() {
    let chain = |length: usize, end: &str| {
        format!(
            "class Last:\n    def __del__(self):\n        print('gone')\nlast = Last()\nclass N:\n    pass\nhead = None\nfor _ in range({length}):\n    n = N(); n.next = head; head = n\ndel n\nprint('built')\n{end}"
        )
    };
    let sandbox = WasmSandbox::new();
    let (outcome, shown) = run_and_read(&sandbox, &chain(100_000, "head = None\nprint('freed')")).await;
    assert_eq!((outcome.exit, &*shown), (Exit::Code(0), "built\nfreed\ngone\n"));
    // Too long for the machine stack: the interpreter crashes over it, but only after the script has ended.
    for (end, exit) in [("", 0), ("import sys; sys.exit(3)", 3)] {
        let (outcome, shown) = run_and_read(&sandbox, &chain(1_000_000, end)).await;
        assert_eq!(outcome.exit, Exit::Code(exit), "{outcome:?} {shown}");
        assert_eq!(outcome.reason.is_none(), exit == 0);
        assert!(shown.starts_with("built\n"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_was_refused_and_forgiven_is_not_the_cause_of_a_later_crash() {
    let sandbox = WasmSandbox::new();
    let refused = "try:\n    x = bytes(1 << 30)\nexcept MemoryError:\n    print('caught')\n";
    let source = format!("{refused}y = bytearray(b'x' * (50 << 20))\nimport os\nos.abort()");
    let (outcome, shown) = run_and_read(&sandbox, &source).await;
    assert_eq!((outcome.exit, &*shown), (Exit::Signal(6), "caught\n"), "{:?}", outcome.reason);
    let (outcome, _) = run_and_read(&sandbox, &format!("{refused}raise MemoryError")).await;
    assert_eq!(outcome.exit, Exit::OutOfMemory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_with_limits_out_of_range_is_refused_in_words() {
    let sandbox = WasmSandbox::new();
    let (sender, _reader) = OutputSender::channel(1);
    let task = Task { limits: Limits::default().with_wall_time(Duration::MAX), ..Task::new("print(1)") };
    let outcome = sandbox.run(task, sender, CancellationToken::new()).await;
    assert_eq!(outcome.exit, Exit::SandboxError);
    assert!(outcome.reason.as_deref().is_some_and(|reason| reason.contains("wall_time: ")), "{:?}", outcome.reason);
}
