//! Promises about files.

use super::given::{Subject, run, run_task, task};
use crate::limits::Bytes;
use crate::sandbox::{Exit, Task};

/// What programs do with files works.
pub async fn scratch_holds_files_and_folders(sandbox: Subject) {
    let source = r#"
import os, shutil, tempfile, json, pathlib, csv, io
root = pathlib.Path("/scratch")
(root / "a").mkdir()
(root / "a" / "x.txt").write_text("ünï\n" * 3)
assert (root / "a" / "x.txt").read_text() == "ünï\n" * 3
with open("/scratch/a/x.txt", "a") as f: f.write("end")
assert open("/scratch/a/x.txt", "rb").read().endswith(b"end")
with open("/scratch/b.bin", "w+b") as f:
    f.write(bytes(range(256)) * 1000); f.seek(1000); f.write(b"xyz"); f.seek(999)
    assert f.read(5) == bytes([231]) + b"xyz" + bytes([235]), "seek and read back"
    f.truncate(1001)
assert os.path.getsize("/scratch/b.bin") == 1001
os.rename("/scratch/b.bin", "/scratch/a/c.bin")
os.replace("/scratch/a/c.bin", "/scratch/a/x.txt")
assert os.stat("/scratch/a/x.txt").st_size == 1001
assert sorted(os.listdir("/scratch")) == ["a"], os.listdir("/scratch")
assert [e.name for e in os.scandir("/scratch/a") if e.is_file()] == ["x.txt"]
for i in range(300): (root / f"f{i:03}").write_text(str(i))
assert sorted(os.listdir("/scratch"))[1:] == [f"f{i:03}" for i in range(300)]
assert len(list(root.glob("f1*"))) == 100
with tempfile.TemporaryDirectory() as d:
    assert d.startswith("/scratch/"), d
    with open(os.path.join(d, "deep"), "x") as f: json.dump({"a": 1}, f)
    try: open(os.path.join(d, "deep"), "x"); raise AssertionError("made twice")
    except FileExistsError: pass
assert not os.path.exists(d)
shutil.copytree("/scratch/a", "/scratch/copy")
shutil.rmtree("/scratch/a")
assert os.path.exists("/scratch/copy/x.txt") and not os.path.exists("/scratch/a")
for call, error in [
    (lambda: open("/scratch/none"), FileNotFoundError), (lambda: os.mkdir("/scratch/copy"), FileExistsError),
    (lambda: os.rmdir("/scratch/copy"), OSError), (lambda: open("/scratch/copy", "w"), IsADirectoryError),
    (lambda: os.listdir("/scratch/copy/x.txt"), NotADirectoryError), (lambda: os.rename("/scratch/copy", "/scratch/copy/in"), OSError),
]:
    try: call(); raise AssertionError(f"worked: {error}")
    except error: pass
with open("/scratch/gone", "w+") as f:
    f.write("still"); f.flush(); os.remove("/scratch/gone"); f.seek(0)
    assert f.read() == "still"
assert not os.path.exists("/scratch/gone")
os.utime("/scratch/copy/x.txt", (1, 2)); assert os.stat("/scratch/copy/x.txt").st_mtime == 2
open(os.devnull, "w").write("x"); assert open(os.devnull).read() == ""
print("done")
"#;
    let ran = run(&sandbox, source).await.well();
    assert_eq!(ran.stdout(), "done\n");
}

/// A relative path is one in `/scratch`, which is empty at first.
pub async fn the_working_folder_is_scratch(sandbox: Subject) {
    let source = "import os\nprint(os.getcwd(), os.listdir(), os.listdir('/scratch'))\nopen('x', 'w').write('y')\nprint(open('/scratch/x').read())";
    assert_eq!(run(&sandbox, source).await.well().stdout(), "/scratch [] []\ny\n");
}

/// Not by a path, not by `..`, not by a link.
pub async fn nothing_but_scratch_can_be_written(sandbox: Subject) {
    let source = r#"
import os
paths = ["/x", "/tmp/x", "/etc/x", "/etc/passwd", "/usr/x", "/dev/x", "/proc/x", "/home/x", "/root/x", "/var/tmp/x",
    "/scratch/../x", "../x", "../../../../../../x", "/scratch/./../tmp/x", "//x", "/python/x", "/dev/shm/x", "/run/x"]
for path in paths:
    for call in [lambda: open(path, "w"), lambda: open(path, "a"), lambda: open(path, "xb"), lambda: os.mkdir(path + "d"),
                 lambda: os.rename("/scratch/own", path), lambda: os.open(path, os.O_CREAT | os.O_RDWR)]:
        open("/scratch/own", "w").close()
        try: call(); print("worked:", path)
        except OSError: pass
for call in [lambda: os.symlink("/etc", "/scratch/l"), lambda: os.link("/etc/passwd", "/scratch/l")]:
    try: call()
    except (OSError, AttributeError): continue
    try: open("/scratch/l/x", "w"); print("worked: a link")
    except OSError: pass
for path in ["/", "/scratch", "/dev", "/etc"]:
    for call in [lambda: os.rmdir(path), lambda: os.rename(path, "/scratch/moved"), lambda: os.chmod(path, 0o777), lambda: os.unlink(path)]:
        try: call()
        except (OSError, NotImplementedError, AttributeError): pass
open("/scratch/still", "w").write("x")
print("checked")
"#;
    assert_eq!(run(&sandbox, source).await.well().stdout(), "checked\n");
}

fn limited(source: &str, bytes: u64, files: u32) -> Task {
    let mut task = task(source);
    task.limits = task.limits.with_scratch(Bytes(bytes), files);
    task
}

/// Writing answers `ENOSPC`; what is removed is free again; what was written before is whole.
pub async fn scratch_bytes_are_limited(sandbox: Subject) {
    let source = r#"
import errno, os
written = 0
try:
    with open("big", "wb", 0) as f:
        while True: written += f.write(b"x" * 65536)
except OSError as error:
    print(errno.errorcode[error.errno])
assert written <= 2 ** 20 and os.path.getsize("big") <= 2 ** 20, written
assert written >= 2 ** 19, written
os.remove("big")
for _ in range(5):
    with open("again", "wb") as f: f.write(b"x" * 500000)
print("free again")
"#;
    assert_eq!(run_task(&sandbox, limited(source, 1 << 20, 100)).await.well().stdout(), "ENOSPC\nfree again\n");
    run_task(&sandbox, limited("with open('x', 'w') as f:\n    f.write('y' * 5000)", 1 << 10, 10))
        .await
        .ended(Exit::Code(1));
}

/// Files and folders count alike.
pub async fn scratch_files_are_limited(sandbox: Subject) {
    let source = r#"
import errno, os
made = 0
try:
    while True:
        if made % 2: os.mkdir(f"d{made}")
        else: open(f"f{made}", "w").close()
        made += 1
except OSError as error:
    print(errno.errorcode[error.errno], made)
os.remove("f0")
open("again", "w").close()
"#;
    assert_eq!(run_task(&sandbox, limited(source, 1 << 20, 20)).await.well().stdout(), "ENOSPC 20\n");
}

/// Its size is not believed and not made.
pub async fn a_file_of_a_pebibyte_is_refused(sandbox: Subject) {
    let source = r#"
import errno, os
fd = os.open("big", os.O_CREAT | os.O_RDWR)
for call in [lambda: os.ftruncate(fd, 1 << 50), lambda: (os.lseek(fd, 1 << 50, 0), os.write(fd, b"x"))]:
    try: call(); print("worked")
    except OSError as error: print(errno.errorcode[error.errno] in ("ENOSPC", "EFBIG", "EINVAL"))
print(os.path.getsize("big"))
"#;
    assert_eq!(run(&sandbox, source).await.well().stdout(), "True\nTrue\n0\n");
}

/// No file, no module, no variable, no environment.
pub async fn nothing_survives_a_run(sandbox: Subject) {
    let leave = r#"
import os, sys, builtins, json, random
os.makedirs("/scratch/left/deep"); open("/scratch/left/deep/x", "w").write("x"); open("/scratch/helper.py", "w").write("x = 1")
import helper
builtins.left = json.left = sys.left = 1; os.environ["LEFT"] = "1"; sys.path.append("/left"); os.chdir("/scratch/left")
json.dumps = len = print = None; sys.setrecursionlimit(77)
"#;
    let look = r#"
import os, sys, builtins, json
found = [os.listdir("/scratch"), os.getcwd(), "LEFT" in os.environ, "/left" in sys.path, sys.getrecursionlimit() == 77]
found += [hasattr(m, "left") for m in (builtins, json, sys)] + ["helper" in sys.modules, json.dumps([1])]
print(found)
"#;
    for _ in 0..6 {
        run(&sandbox, leave).await.well();
        let ran = run(&sandbox, look).await.well();
        assert_eq!(ran.stdout(), "[[], '/scratch', False, False, False, False, False, False, False, '[1]']\n");
    }
}
