//! Remembers outside of sled how far the store had come, so that a store which has lost its end is not taken for whole.
//!
//! Sled takes a damaged end of its log for one that was never finished, and drops it without a word. After each sync the
//! newest audit event's place and hash are written to the file `head` beside the store. That write itself is not synced:
//! `head` may be behind the store, never ahead of what was acknowledged.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::store::kv::keys;

/// The file's name in the data folder.
const FILE: &str = "head";

/// How many bytes of a SHA-256 stand behind what is noted, to tell a damaged note.
const CHECK_BYTES: usize = 8;

/// The file, open.
#[derive(Debug)]
pub(super) struct Witness {
    file: File,
}

impl Witness {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        Ok(Self { file: options.open(folder.join(FILE)).map_err(Error::store)? })
    }

    /// Notes the newest audit event, in the form in which the store keeps it.
    pub(super) fn note(&self, head: &[u8]) -> Result<()> {
        let mut note = head.to_vec();
        note.extend_from_slice(&Sha256::digest(head)[..CHECK_BYTES]);
        write_at_start(&self.file, &note).map_err(Error::store)
    }

    /// Whether the store, whose newest audit event is `stored`, holds at least what was noted.
    pub(super) fn check(&self, folder: &Path, stored: Option<&[u8]>) -> Result<()> {
        let mut note = Vec::new();
        (&self.file).take(1_024).read_to_end(&mut note).map_err(Error::store)?;
        if note.is_empty() {
            return Ok(());
        }
        let file = folder.join(FILE);
        let remedy = format!(
            "put back a whole copy of the data folder; to go on with what is there instead, remove {}",
            file.display()
        );
        let (noted, check) = note.split_at(note.len().saturating_sub(CHECK_BYTES));
        if Sha256::digest(noted)[..CHECK_BYTES] != *check {
            return Err(Error::Damaged(format!("{} is not as it was written; {remedy}", file.display())));
        }
        let (noted_seq, noted_hash) = keys::read_head(noted)?;
        let (seq, hash) = match stored {
            Some(stored) => keys::read_head(stored).map(|(seq, hash)| (seq.0, Some(hash)))?,
            None => (0, None),
        };
        if seq < noted_seq.0 {
            let what = format!("the store ends at audit event {seq}, and {} had been acknowledged", noted_seq.0);
            return Err(Error::Damaged(format!("{what}: its end was lost; {remedy}")));
        }
        if seq == noted_seq.0 && hash != Some(noted_hash) {
            return Err(Error::Damaged(format!("audit event {seq} is another than the one acknowledged; {remedy}")));
        }
        Ok(())
    }
}

#[cfg(unix)]
fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

#[cfg(not(unix))]
fn write_at_start(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek as _, Write as _};
    file.rewind()?;
    file.write_all(bytes)
}
