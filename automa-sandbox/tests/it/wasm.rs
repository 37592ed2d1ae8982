//! Promises of the `wasm` backend alone: its guest, its cache of machine code, its idling.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
