//! The cache of machine code: compiled once per machine, checked in full before it is loaded.
//!
//! Loading machine code is trusting it, so a file is loaded only from a folder that nobody else can write to, only when
//! it is ours, and only when its SHA-256 is the one in the note beside it. Anything else is compiled again and replaced.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::guest::{Guest, GuestError, hex};
use crate::error::Error;

/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Guest(#[from] GuestError),
    #[error("failed to compile the Python guest: {0:#}")]
    Compile(wasmtime::Error),
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Guest(GuestError::Missing) => Self::GuestMissing,
            other => Self::Unusable { reason: other.to_string() },
        }
    }
}

/// Where the machine code came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// From the cache.
    Cache(PathBuf),
    /// Compiled now, and kept for the next time.
    Compiled(PathBuf),
    /// Compiled now, in memory: the cache cannot be used, for this reason.
    Memory(String),
}

/// The folder, and the name that only this guest under this very engine has.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PathBuf,
    key: String,
}

impl Cache {
    /// The cache of `guest` for `engine` in `folder`, which need not exist.
    pub(super) fn new(folder: &Path, engine: &Engine, guest: &Guest) -> Self {
        let mut hasher = Sha(Sha256::new());
        hasher.write(guest.hash().as_bytes());
        // Wasmtime's version, its settings, and what this processor can do.
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let key = hex(&hasher.0.finalize()[..16]);
        Self { folder: folder.to_owned(), key }
    }

    /// The component: from the cache where it holds a good one, compiled otherwise.
    pub(super) fn load(&self, engine: &Engine, guest: &Guest) -> Result<(Component, Origin), LoadError> {
        if let Err(error) = self.secure_folder() {
            return compile_in_memory(engine, guest, &error);
        }
        if let Some(component) = self.find(engine) {
            return Ok((component, Origin::Cache(self.code_path())));
        }
        // One process compiles; the others wait for it and find what it made.
        let lock = match self.lock() {
            Ok(lock) => lock,
            Err(error) => return compile_in_memory(engine, guest, &error),
        };
        if let Some(component) = self.find(engine) {
            return Ok((component, Origin::Cache(self.code_path())));
        }
        let code = compile(engine, guest)?;
        if let Err(error) = self.keep(&code) {
            return compile_in_memory(engine, guest, &error);
        }
        drop(code);
        let found = self.find(engine);
        drop(lock);
        match found {
            Some(component) => Ok((component, Origin::Compiled(self.code_path()))),
            None => compile_in_memory(engine, guest, &io::Error::other("what was written does not read back")),
        }
    }

    /// The file with the machine code.
    fn code_path(&self) -> PathBuf {
        self.folder.join(format!("python-{}.cwasm", self.key))
    }

    fn note_path(&self) -> PathBuf {
        self.folder.join(format!("python-{}.sha256", self.key))
    }

    /// Makes the folder, or makes sure that it is ours alone. What others could have written to is not believed.
    fn secure_folder(&self) -> io::Result<()> {
        if !self.folder.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        }
        let found = fs::symlink_metadata(&self.folder)?;
        if !found.is_dir() {
            return Err(io::Error::other("it is not a folder"));
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::other("it belongs to another user"));
        }
        if found.mode() & OTHERS != 0 {
            tracing::warn!(folder = %self.folder.display(), "the cache was open to other users; what it held is compiled again");
            fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700))?;
            remove(&self.note_path())?;
        }
        Ok(())
    }

    fn lock(&self) -> io::Result<File> {
        let path = self.folder.join("lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600).custom_flags(NOFOLLOW);
        let file = options.open(path)?;
        file.lock()?;
        Ok(file)
    }

    /// The component from the cache; `None`, with the reason logged, when there is none that can be trusted.
    fn find(&self, engine: &Engine) -> Option<Component> {
        match self.check() {
            Ok(Some(file)) => match load_code(engine, &file, &self.code_path()) {
                Ok(component) => return Some(component),
                Err(error) => {
                    tracing::warn!("the cached machine code cannot be loaded and is compiled again: {error:#}")
                }
            },
            Ok(None) => {}
            Err(error) => tracing::warn!("the cached machine code is not trusted and is compiled again: {error}"),
        }
        None
    }

    /// Opens the code and compares all of it with the note. `None` when there is nothing.
    fn check(&self) -> io::Result<Option<File>> {
        let (Some(mut code), Some(note)) = (open_own(&self.code_path())?, open_own(&self.note_path())?) else {
            return Ok(None);
        };
        let mut expected = String::new();
        note.take(1_024).read_to_string(&mut expected)?;
        let mut hasher = Sha256::new();
        let size = stream(&mut code, &mut hasher)?;
        let found = note_text(&self.key, size, &hex(&hasher.finalize()));
        if found == expected {
            Ok(Some(code))
        } else {
            Err(io::Error::other("its SHA-256 differs from the note beside it"))
        }
    }

    /// Writes the code and then the note, each whole or not at all, and removes what other versions left.
    fn keep(&self, code: &[u8]) -> io::Result<()> {
        let note = note_text(&self.key, code.len() as u64, &hex(&Sha256::digest(code)));
        remove(&self.note_path())?;
        self.write(&self.code_path(), code)?;
        self.write(&self.note_path(), note.as_bytes())?;
        self.clean();
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut name = String::from("tmp");
        let _ = write!(name, "-{}-{}", std::process::id(), self.key);
        let temporary = self.folder.join(name);
        remove(&temporary)?;
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written?;
        File::open(&self.folder)?.sync_all()
    }

    /// Removes the code of other guests and engines that nobody has used for a month.
    fn clean(&self) {
        let month = std::time::Duration::from_secs(30 * 86_400);
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let ours = name.to_string_lossy().contains(&self.key) || name == "lock";
            let used = entry.metadata().and_then(|found| found.accessed());
            let stale = used.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > month));
            if !ours && stale {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Do not open what a symbolic link leads to.
const NOFOLLOW: i32 = OFlags::NOFOLLOW.bits() as i32;

/// Opens a plain file that is ours and that nobody else can write; `None` when there is none.
fn open_own(path: &Path) -> io::Result<Option<File>> {
    let file = match OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let found = file.metadata()?;
    if !found.is_file() || found.uid() != rustix::process::geteuid().as_raw() || found.mode() & OTHERS != 0 {
        return Err(io::Error::other("it is not a private file of this user"));
    }
    Ok(Some(file))
}

fn note_text(key: &str, size: u64, hash: &str) -> String {
    format!("automa-machine-code 1\nkey {key}\nsize {size}\nsha256 {hash}\n")
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Feeds a whole file to the hasher without keeping it; returns its size.
fn stream(file: &mut File, hasher: &mut Sha256) -> io::Result<u64> {
    let mut buffer = vec![0; 1024 * 1024];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(size);
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
    }
}

fn compile(engine: &Engine, guest: &Guest) -> Result<Vec<u8>, LoadError> {
    tracing::info!("compiling the Python guest to machine code; this takes about 10 seconds, once per machine");
    let started = std::time::Instant::now();
    let wasm = guest.unpack()?;
    let code = engine.precompile_component(&wasm).map_err(LoadError::Compile)?;
    tracing::info!(seconds = started.elapsed().as_secs_f32(), bytes = code.len(), "compiled the Python guest");
    Ok(code)
}

fn compile_in_memory(engine: &Engine, guest: &Guest, why: &io::Error) -> Result<(Component, Origin), LoadError> {
    tracing::warn!("the cache of machine code cannot be used, so the Python guest is compiled at every start: {why}");
    let wasm = guest.unpack()?;
    let component = Component::new(engine, &wasm).map_err(LoadError::Compile)?;
    Ok((component, Origin::Memory(why.to_string())))
}

/// Maps machine code from the very file that was checked.
#[expect(unsafe_code, reason = "wasmtime cannot know whether machine code is what it once compiled; here it is known")]
fn load_code(engine: &Engine, file: &File, path: &Path) -> wasmtime::Result<Component> {
    use std::os::fd::AsRawFd;
    // The path of the descriptor leads to the file that was checked, whatever the path of the cache leads to by now.
    let checked = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let path = if checked.exists() { checked.as_path() } else { path };
    // SAFETY: the file was written by `Cache::keep` from the output of `Engine::precompile_component`: it is ours, lies
    // in a folder that only we can write to, was read in full and has the SHA-256 that was noted when it was written.
    // It is only ever replaced by renaming, never written to in place, so what is mapped stays as it was checked.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Lets anything that can be hashed feed a SHA-256.
struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The smallest component: it has nothing and does nothing, and is compiled in no time.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    struct Given {
        folder: tempfile::TempDir,
        engine: Engine,
        guest: Guest,
    }

    impl Given {
        fn new() -> Self {
            let engine = super::super::engine::engine().unwrap();
            Self { folder: tempfile::tempdir().unwrap(), engine, guest: Guest::given(EMPTY.to_vec()) }
        }

        fn cache(&self) -> Cache {
            Cache::new(&self.folder.path().join("cache"), &self.engine, &self.guest)
        }

        fn load(&self) -> Origin {
            self.cache().load(&self.engine, &self.guest).unwrap().1
        }

        #[track_caller]
        fn is_rebuilt(&self) {
            assert!(matches!(self.load(), Origin::Compiled(_)));
            assert!(matches!(self.load(), Origin::Cache(_)), "and good again afterwards");
        }
    }

    #[test]
    fn what_was_compiled_once_is_loaded_after_that() {
        let given = Given::new();
        given.is_rebuilt();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&given.cache().folder), 0o700);
        assert_eq!(mode(&given.cache().code_path()), 0o600);
    }

    #[test]
    fn damaged_and_cut_and_foreign_code_is_rebuilt() {
        let given = Given::new();
        given.load();
        let (code, note) = (given.cache().code_path(), given.cache().note_path());
        let good = fs::read(&code).unwrap();
        let change = |bytes: &[u8]| fs::write(&code, bytes).unwrap();
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 1;
        change(&flipped);
        given.is_rebuilt();
        change(&good[..good.len() - 1]);
        given.is_rebuilt();
        change(b"");
        given.is_rebuilt();
        change(&[&good[..], b"x"].concat());
        given.is_rebuilt();
        for text in ["", "nonsense", "automa-machine-code 1\n"] {
            fs::write(&note, text).unwrap();
            given.is_rebuilt();
        }
        fs::remove_file(&note).unwrap();
        given.is_rebuilt();
        // Somebody else's machine code with a note that fits it, under our name.
        let other = b"\x7fELF, or so it says";
        change(other);
        fs::write(&note, note_text(&given.cache().key, other.len() as u64, &hex(&Sha256::digest(other)))).unwrap();
        given.is_rebuilt();
    }

    #[test]
    fn links_and_open_files_are_not_followed_or_believed() {
        let given = Given::new();
        given.load();
        let code = given.cache().code_path();
        let elsewhere = given.folder.path().join("elsewhere");
        fs::rename(&code, &elsewhere).unwrap();
        symlink(&elsewhere, &code).unwrap();
        given.is_rebuilt();
        fs::set_permissions(&code, fs::Permissions::from_mode(0o666)).unwrap();
        given.is_rebuilt();
    }

    #[test]
    fn a_folder_that_was_open_to_others_is_closed_and_rebuilt() {
        let given = Given::new();
        given.load();
        fs::set_permissions(&given.cache().folder, fs::Permissions::from_mode(0o777)).unwrap();
        given.is_rebuilt();
        assert_eq!(fs::metadata(&given.cache().folder).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn where_no_folder_can_be_made_it_works_from_memory_and_says_so() {
        let given = Given::new();
        fs::write(given.folder.path().join("cache"), "a file").unwrap();
        let Origin::Memory(why) = given.load() else { panic!("it found a folder") };
        assert!(why.contains("not a folder"), "{why}");
    }

    #[test]
    fn another_guest_or_engine_has_another_name() {
        let given = Given::new();
        let other = Guest::given([EMPTY, b"\0\x01\0"].concat());
        let other = Cache::new(&given.cache().folder, &given.engine, &other);
        assert_ne!(given.cache().key, other.key);
        let mut config = wasmtime::Config::new();
        config.cranelift_opt_level(wasmtime::OptLevel::None);
        let engine = Engine::new(&config).unwrap();
        let other = Cache::new(&given.cache().folder, &engine, &given.guest);
        assert_ne!(given.cache().key, other.key);
    }

    #[test]
    fn many_at_once_compile_once() {
        let given = Given::new();
        let origins: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| given.load())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(origins.iter().filter(|origin| matches!(origin, Origin::Compiled(_))).count(), 1);
        assert_eq!(origins.iter().filter(|origin| matches!(origin, Origin::Cache(_))).count(), 7);
    }
}
