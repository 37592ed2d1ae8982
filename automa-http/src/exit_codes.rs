//! What the exit code of the program `automa` means.
//!
//! `automa run` ends with the script's own code where the script ended by itself; the codes from 124 on say what else
//! ended it, as `timeout`, the shell and Docker say it. `docs/src/cli.md` lists them, and a test compares.

use automa_core::error::{Error, FolderProblem};

macro_rules! exit_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: u8 = $code;)+

        /// Every code and what it means.
        pub const ALL: &[(u8, &str)] = &[$(($code, concat!($($doc),+))),+];
    };
}

exit_codes! {
    /// All went well.
    OK = 0;
    /// It failed; the line on stderr says why.
    FAILED = 1;
    /// The command line or a setting is wrong.
    USAGE = 2;
    /// The data folder is in use by another process.
    FOLDER_IN_USE = 3;
    /// The data folder was written by a newer version.
    FOLDER_NEWER = 4;
    /// The folder holds files that are not Automa's.
    FOLDER_FOREIGN = 5;
    /// The address to listen on cannot be had.
    CANNOT_LISTEN = 6;
    /// The disk that holds the data folder is full.
    DISK_FULL = 7;
    /// Stored data, or the audit log, is damaged.
    DAMAGED = 8;
    /// `run`: the time was up.
    TIMED_OUT = 124;
    /// `run`: the sandbox could not be built or broke; never the script's fault.
    SANDBOX_ERROR = 125;
    /// Interrupted (Ctrl-C).
    INTERRUPTED = 130;
    /// `run`: the script asked for more memory than it may have.
    OUT_OF_MEMORY = 137;
    /// `run`: nobody reads the output any more.
    BROKEN_PIPE = 141;
    /// Told to end (SIGTERM).
    TERMINATED = 143;
    /// `run`: the script printed more than it may.
    OUTPUT_LIMIT = 153;
}

/// The code for an error of the engine.
pub(crate) fn of(error: &Error) -> u8 {
    match error {
        Error::Invalid(_) => USAGE,
        Error::Folder { problem: FolderProblem::InUse(_), .. } => FOLDER_IN_USE,
        Error::Folder { problem: FolderProblem::Newer { .. }, .. } => FOLDER_NEWER,
        Error::Folder { problem: FolderProblem::Foreign, .. } => FOLDER_FOREIGN,
        Error::DiskFull(_) => DISK_FULL,
        Error::Damaged(_) => DAMAGED,
        _ => FAILED,
    }
}
