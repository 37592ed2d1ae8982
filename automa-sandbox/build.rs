//! Puts the Python guest, where it has been built, into `OUT_DIR` for `src/wasm/guest.rs` to embed.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

const NAME: &str = "automa-guest.wasm.zst";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=AUTOMA_GUEST_FILE");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let candidates = candidates(&out);
    // Without a guest the crate builds all the same, and says at run time what is missing. A path that is not there
    // makes cargo look again at every build, so that a guest that is made later is found.
    let found = candidates.iter().find(|path| path.is_file());
    if let Some(path) = found.or(candidates.first()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let bytes = found.map(fs::read).transpose()?.unwrap_or_default();
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=AUTOMA_GUEST_SHA256={hash}");
    fs::write(out.join(NAME), bytes)?;
    println!("cargo::rustc-env=AUTOMA_WASMTIME_VERSION={}", wasmtime_version());
    Ok(())
}

/// The version of wasmtime, for people to read: from the lock file beside this workspace, where there is one.
fn wasmtime_version() -> String {
    let lock = Path::new("../Cargo.lock");
    let text = fs::read_to_string(lock).unwrap_or_default();
    if !text.is_empty() {
        println!("cargo::rerun-if-changed={}", lock.display());
    }
    let mut after = text.lines().skip_while(|line| *line != "name = \"wasmtime\"");
    let version = after.nth(1).and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    version.unwrap_or("48").to_owned()
}

/// Where the guest may be: where the environment says, in this build's target folder, in the usual one.
fn candidates(out: &Path) -> Vec<PathBuf> {
    if let Some(path) = env::var_os("AUTOMA_GUEST_FILE").filter(|path| !path.is_empty()) {
        return vec![PathBuf::from(path)];
    }
    // OUT_DIR is <target>[/<triple>]/<profile>/build/<package>/out.
    let mut places: Vec<_> = out.ancestors().skip(4).take(2).map(|target| target.join("guest").join(NAME)).collect();
    if let Some(home) = env::var_os("HOME") {
        places.push(Path::new(&home).join(".cache/automa/target/guest").join(NAME));
    }
    places
}
