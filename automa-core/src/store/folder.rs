//! The data folder: whose it is, which format it has, and that one process at a time uses it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, FolderProblem, Result};

/// The newest format that this program reads, and the one that it writes.
const FORMAT: u32 = 1;

/// The first line of the file that says what the folder is.
const TITLE: &str = "automa data folder";

const FORMAT_FILE: &str = "format";
const FORMAT_DRAFT: &str = "format.new";
const LOCK_FILE: &str = "lock";

/// A data folder that is ours until this is dropped.
///
/// | in it | |
/// |---|---|
/// | `lock` | held while the folder is in use; says by which process |
/// | `format` | what the folder is, and which version of its format it has |
/// | `store/` | the store |
/// | `keys/` | keys that must not lie in the store |
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Locked: the lock goes with it, also when the process dies.
    _lock: File,
}

impl DataFolder {
    /// Takes the folder, and makes it first if it is not there (readable by nobody else).
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] when another process has it, when a newer version of Automa wrote it, when it holds files
    /// that are not Automa's, in which case nothing in it is touched, or when it cannot be made, read or written, with
    /// the reason. [`Error::DiskFull`] when there is no room for the little that it needs.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        make(path)?;
        let path = path.canonicalize().map_err(|error| cannot(path, "found", &error))?;
        let problem = |problem| Error::Folder { path: path.clone(), problem };
        let names = names_in(&path)?;
        // Before anything is written: a folder of somebody else's stays as it is.
        if !names.is_empty() && !names.iter().any(|name| name == FORMAT_FILE || name == LOCK_FILE) {
            return Err(problem(FolderProblem::Foreign));
        }
        let mut lock = take_lock(&path)?;
        match read_format(&path)? {
            Some(Some(FORMAT)) => {}
            Some(Some(found)) if found > FORMAT => {
                return Err(problem(FolderProblem::Newer { found, known: FORMAT }));
            }
            Some(_) => return Err(problem(FolderProblem::Foreign)),
            None => {
                // Only what an opening that was interrupted can have left.
                let ours = |name: &String| name == LOCK_FILE || name == FORMAT_DRAFT;
                if !names_in(&path)?.iter().all(ours) {
                    return Err(problem(FolderProblem::Foreign));
                }
                write_format(&path)?;
            }
        }
        say_who(&mut lock).map_err(|error| cannot(&path, "written", &error))?;
        Ok(Self { path, _lock: lock })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the store lies. Made if it is not there.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), when it cannot be made.
    pub fn store(&self) -> Result<PathBuf> {
        self.below("store")
    }

    /// Where keys lie that must not be in the store. Made if it is not there, readable by nobody else.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), when it cannot be made.
    pub fn keys(&self) -> Result<PathBuf> {
        self.below("keys")
    }

    fn below(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        make(&path)?;
        Ok(path)
    }
}

/// Makes a folder that only we can look into, unless it is there.
fn make(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            let text = "it, or something on the way to it, is a file; give a folder, or the name of one to be made";
            cannot(path, "made", &io::Error::new(io::ErrorKind::NotADirectory, text))
        }
        _ => cannot(path, "made", &error),
    })
}

fn names_in(path: &Path) -> Result<Vec<String>> {
    let read = || -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    read().map_err(|error| cannot(path, "read", &error))
}

/// Takes the lock without touching what the file says.
fn take_lock(path: &Path) -> Result<File> {
    let file = path.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut lock = options.open(&file).map_err(|error| cannot(path, "written", &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            Err(Error::Folder { path: path.to_owned(), problem: FolderProblem::InUse(pid) })
        }
        Err(TryLockError::Error(error)) => Err(cannot(path, "locked", &error)),
    }
}

/// Writes our process id into the lock, for whoever finds it held.
fn say_who(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

/// What the format file says: `None` when there is none, `Some(None)` when it is not one of ours.
fn read_format(path: &Path) -> Result<Option<Option<u32>>> {
    let mut text = String::new();
    let file = match File::open(path.join(FORMAT_FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(path, "read", &error)),
    };
    match file.take(4_096).read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(Some(None)),
        Err(error) => return Err(cannot(path, "read", &error)),
    }
    let mut lines = text.lines();
    let ours = lines.next() == Some(TITLE);
    let format = lines.next().and_then(|line| line.strip_prefix("format ")?.parse().ok());
    Ok(Some(format.filter(|_| ours)))
}

/// Writes the format file so that it is there whole or not at all.
fn write_format(path: &Path) -> Result<()> {
    let write = || -> io::Result<()> {
        let draft = path.join(FORMAT_DRAFT);
        let mut file = File::create(&draft)?;
        write!(file, "{TITLE}\nformat {FORMAT}\n")?;
        file.sync_all()?;
        fs::rename(&draft, path.join(FORMAT_FILE))?;
        sync_names(path)
    };
    write().map_err(|error| cannot(path, "written", &error))
}

/// Makes durable which names a folder holds.
pub(super) fn sync_names(folder: &Path) -> io::Result<()> {
    // Elsewhere, folders cannot be opened as files, and names are durable with the files.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The error for a folder that cannot be used for a reason of the machine's; a full disk is told apart.
fn cannot(path: &Path, what: &str, error: &io::Error) -> Error {
    match Error::store(io::Error::new(error.kind(), error.to_string())) {
        full @ Error::DiskFull(_) => full,
        _ => {
            let problem = FolderProblem::Unusable(format!("it cannot be {what}: {error}"));
            Error::Folder { path: path.to_owned(), problem }
        }
    }
}
