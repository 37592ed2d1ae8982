//! `cargo xtask guest`: builds the Python that runs inside the WebAssembly sandbox.

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::Args;
use crate::failure::{Failure, OrFail, Result};
use crate::process::{Run, exclusively, fingerprint, say};
use crate::python::Venv;
use crate::workspace::Workspace;

/// Where its source is: the WIT world, the Python application, the build script and its pinned requirements.
const SOURCE: &str = "automa-sandbox/guest";
/// The finished guest, below the target folder; automa-sandbox's build looks for it there.
const FINISHED: &str = "guest/automa-guest.wasm.zst";
/// What compresses it. Level 19 takes seconds here and saves megabytes in every binary.
const COMPRESSOR: &str = "zstandard==0.25.0";
const COMPRESS: &str = "import sys, zstandard
with open(sys.argv[1], 'rb') as whole, open(sys.argv[2], 'wb') as small:
    small.write(zstandard.ZstdCompressor(level=19, write_checksum=True).compress(whole.read()))";

/// `cargo xtask guest [--force]`.
pub(crate) fn main(ws: &Workspace, mut args: Args) -> Result {
    let force = args.flag("--force");
    args.finish()?;
    crate::setup::ensure(ws)?;
    if force {
        // The stamp says for which source the guest was built; without it, it is built for none.
        let stamp = stamp(&finished(ws));
        if stamp.exists() {
            fs::remove_file(&stamp).or_fail(format_args!("remove {}", stamp.display()))?;
        }
    }
    let guest = ensure(ws)?;
    say(format_args!("the guest is {}", guest.display()));
    Ok(())
}

/// The finished guest, built when it is not there or its source has changed.
pub(crate) fn ensure(ws: &Workspace) -> Result<PathBuf> {
    let finished = finished(ws);
    let stamp = stamp(&finished);
    exclusively(&finished.with_extension("lock"), || {
        let source = source_fingerprint(&ws.path(SOURCE))?;
        let same = fs::read_to_string(&stamp).is_ok_and(|built| built.trim() == source);
        if same && finished.exists() {
            return Ok(());
        }
        build(ws, &finished)?;
        replace(&stamp, |new| fs::write(new, &source).or_fail(format_args!("write {}", new.display())))
    })?;
    Ok(finished)
}

fn finished(ws: &Workspace) -> PathBuf {
    ws.target.join(FINISHED)
}

fn stamp(finished: &Path) -> PathBuf {
    finished.with_extension("stamp")
}

fn build(ws: &Workspace, finished: &Path) -> Result {
    say("  building the Python guest, which takes half a minute");
    let folder = finished.parent().unwrap_or(&ws.target);
    let listed = ws.path(SOURCE).join("requirements.txt");
    let mut requirements = fs::read_to_string(&listed).or_fail(format_args!("read {}", listed.display()))?;
    requirements.push_str(&format!("\n{COMPRESSOR}\n"));
    let venv = Venv::ensure(ws, folder, &requirements)?;
    let component = folder.join("automa-guest.wasm");
    let script = ws.path(SOURCE).join("build.py");
    venv.python(ws).arg(script).arg(&component).run()?;
    replace(finished, |new| venv.python(ws).args(["-c", COMPRESS]).arg(&component).arg(new).read().map(drop))
}

/// Writes a file beside its place and moves it there, so that no one ever reads half of it.
fn replace(file: &Path, write: impl FnOnce(&Path) -> Result) -> Result {
    let new = file.with_added_extension("new");
    write(&new)?;
    fs::rename(&new, file).or_fail(format_args!("move {} into place", new.display()))
}

/// A fingerprint of every file of the source, names and contents.
fn source_fingerprint(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect(folder, folder, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(Failure(format!("found no source of the guest in {}", folder.display())));
    }
    Ok(fingerprint(files.iter().flat_map(|(name, content)| [name.as_bytes(), content.as_slice()])))
}

fn collect(top: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> Result {
    let reading = || format!("read {}", folder.display());
    for entry in fs::read_dir(folder).or_fail(reading())? {
        let path = entry.or_fail(reading())?.path();
        if path.ends_with("__pycache__") {
            continue;
        }
        if path.is_dir() {
            collect(top, &path, files)?;
        } else {
            let content = fs::read(&path).or_fail(format_args!("read {}", path.display()))?;
            let name = path.strip_prefix(top).unwrap_or(&path);
            files.push((name.to_string_lossy().into_owned(), content));
        }
    }
    Ok(())
}
