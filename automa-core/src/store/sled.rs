//! The default store: sled in a data folder, with our own lock, our own syncs and room kept free.
//!
//! Why each of these is needed is told in `docs/decisions/0002-sled-behind-one-writer.md`.

mod witness;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use self::witness::Witness;
use crate::error::{Error, Result};
use crate::store::Order;
use crate::store::folder::{DataFolder, sync_names};
use crate::store::kv::{Change, KeyValue, KvStore, Row, keys};

/// The default [`Store`](super::Store): everything in one folder, no other program needed.
pub type SledStore = KvStore<SledRows>;

/// How much of the store is kept in memory, in bytes. Sled's own default is 1 GiB.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// What must stay free on the disk, in bytes. Sled cannot take back a write that failed half-way, so none is begun
/// that might.
const FREE_BYTES: u64 = 8 * 1024 * 1024;

/// How much sled may write for each byte that it is given: pages are written whole, and moved.
const AMPLIFICATION: u64 = 4;

/// How long an earlier handle of this process may take to let go of the files, after it has let go of the folder.
const LET_GO: Duration = Duration::from_secs(5);

/// Sorted bytes in sled.
pub struct SledRows {
    // In this order: sled closes its files before the folder is given back.
    tree: sled::Tree,
    db: sled::Db,
    /// Sled's log, opened by ourselves: what it calls a flush does not reach the disk's own cache.
    log: File,
    store: PathBuf,
    repairs: Vec<String>,
    witness: Witness,
    folder: DataFolder,
}

impl std::fmt::Debug for SledRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledRows")
            .field("folder", &self.folder.path())
            .field("repairs", &self.repairs)
            .finish_non_exhaustive()
    }
}

impl SledStore {
    /// Opens the store in this data folder, and makes both if they are not there.
    ///
    /// Blocks: reading the index of a large store takes a while. Call it from `spawn_blocking`.
    ///
    /// # Errors
    ///
    /// As [`DataFolder::open`]; [`Error::DiskFull`] when less than 8 MiB are free; [`Error::Damaged`] when sled cannot
    /// read its files.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::on(SledRows::open(DataFolder::open(path)?)?)
    }

    /// The folder that everything lies in.
    #[must_use]
    pub fn folder(&self) -> &DataFolder {
        &self.kv().folder
    }

    /// What had to be mended to open the store, one sentence each; for the audit log.
    #[must_use]
    pub fn repairs(&self) -> &[String] {
        &self.kv().repairs
    }
}

impl SledRows {
    fn open(folder: DataFolder) -> Result<Self> {
        let store = folder.store()?;
        check_room(&store, 0)?;
        let mut repairs = remove_drafts(&store).map_err(Error::store)?;
        let db = match start(&store) {
            Err(sled::Error::Corruption { at: None, .. }) => {
                // A snapshot is a copy of what the log says, for a quicker start. Without it, sled reads the log.
                repairs.extend(set_snapshots_aside(&store).map_err(Error::store)?);
                start(&store)
            }
            other => other,
        };
        let db = db.map_err(|error| open_error(&store, error))?;
        for repair in &repairs {
            tracing::warn!("{repair}");
        }
        let log = File::options().read(true).write(true).open(store.join("db")).map_err(Error::store)?;
        // The log's and the store's own name, in case they are new.
        log.sync_all()
            .and_then(|()| sync_names(&store))
            .and_then(|()| sync_names(folder.path()))
            .map_err(Error::store)?;
        let witness = Witness::open(folder.path())?;
        witness.check(folder.path(), db.get(keys::audit_head()).map_err(error)?.as_deref())?;
        Ok(Self { tree: (*db).clone(), db, log, store, repairs, witness, folder })
    }
}

impl KeyValue for SledRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.tree.get(key).map_err(error)?.map(|value| value.to_vec()))
    }

    fn range(&self, from: &[u8], to: &[u8], order: Order, limit: usize) -> Result<Vec<Row>> {
        if from >= to {
            return Ok(Vec::new());
        }
        let rows = self.tree.range(from..to);
        let copy = |row: sled::Result<(sled::IVec, sled::IVec)>| {
            row.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(error)
        };
        match order {
            Order::OldestFirst => rows.take(limit).map(copy).collect(),
            Order::NewestFirst => rows.rev().take(limit).map(copy).collect(),
        }
    }

    fn room(&self, bytes: usize) -> Result<()> {
        check_room(&self.store, bytes as u64 * AMPLIFICATION)
    }

    fn apply(&self, changes: Vec<Change>) -> Result<()> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.tree.apply_batch(batch).map_err(error)
    }

    fn sync(&self) -> Result<()> {
        self.db.flush().map_err(error)?;
        self.log.sync_data().map_err(Error::store)?;
        match self.tree.get(keys::audit_head()).map_err(error)? {
            Some(head) => self.witness.note(&head),
            None => Ok(()),
        }
    }
}

/// Starts sled. Without its flusher: we flush, and an idle store does nothing.
fn start(store: &Path) -> sled::Result<sled::Db> {
    let config = sled::Config::new().path(store).cache_capacity(CACHE_BYTES).flush_every_ms(None);
    let deadline = Instant::now() + LET_GO;
    loop {
        match config.open() {
            // The folder is ours alone, so this can only be a handle that is just being closed.
            Err(sled::Error::Io(error)) if is_locked(&error) && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}

/// Whether sled found its log locked. It says so in words only.
fn is_locked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string().contains("could not acquire lock")
}

/// Removes snapshots that sled began and did not finish, which it would take for finished ones.
fn remove_drafts(store: &Path) -> io::Result<Vec<String>> {
    let mut repairs = Vec::new();
    for draft in snapshots(store)? {
        if draft.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(&draft)?;
            repairs.push(format!(
                "removed {}, a snapshot that was not finished; no data was in it alone",
                draft.display()
            ));
        }
    }
    Ok(repairs)
}

/// Moves every snapshot into a folder of its own.
fn set_snapshots_aside(store: &Path) -> io::Result<Vec<String>> {
    let aside = store.join(format!("aside-{}", Timestamp::now().strftime("%Y%m%dT%H%M%S%fZ")));
    let mut repairs = Vec::new();
    for snapshot in snapshots(store)? {
        fs::create_dir_all(&aside)?;
        if let Some(name) = snapshot.file_name() {
            fs::rename(&snapshot, aside.join(name))?;
            let (from, to) = (snapshot.display(), aside.display());
            repairs
                .push(format!("moved {from}, a damaged snapshot, to {to}; everything was read from the log instead"));
        }
    }
    Ok(repairs)
}

/// Sled's snapshots, finished and not.
fn snapshots(store: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(store)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Refuses when the disk has less than [`FREE_BYTES`] and `bytes` left.
#[cfg(unix)]
fn check_room(store: &Path, bytes: u64) -> Result<()> {
    let disk = rustix::fs::statvfs(store).map_err(|error| Error::store(io::Error::from(error)))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let needed = FREE_BYTES.saturating_add(bytes);
    if free >= needed {
        return Ok(());
    }
    let (store, free, needed) = (store.display(), free / 1024, needed / 1024);
    let text = format!("the disk that holds {store} has {free} KiB free, and {needed} KiB are needed");
    Err(Error::DiskFull(io::Error::new(io::ErrorKind::StorageFull, text)))
}

/// Nothing is known about the disk here: a write finds out.
#[cfg(not(unix))]
fn check_room(_store: &Path, _bytes: u64) -> Result<()> {
    Ok(())
}

/// A failure of sled as a decision of ours.
fn error(error: sled::Error) -> Error {
    match error {
        sled::Error::Io(error) => Error::store(error),
        sled::Error::Corruption { .. } => Error::Damaged(error.to_string()),
        other => Error::store(other),
    }
}

/// The same, while opening.
fn open_error(store: &Path, failure: sled::Error) -> Error {
    match error(failure) {
        Error::Damaged(what) => {
            let store = store.display();
            Error::Damaged(format!("{what} in {store}; put back a copy of the data folder, or begin with a new one"))
        }
        other => other,
    }
}
