//! Scripts and their immutable versions.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::error::Invalid;
use crate::id::{ScriptId, UserId};
use crate::name::{Description, Name};
use crate::store::Revision;

/// Python source with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// Which script.
    pub id: ScriptId,
    /// Its name; unique among scripts.
    pub name: Name,
    /// What it is for.
    pub description: Description,
    /// Who made it; `None` for the program that embeds Automa.
    pub owner: Option<UserId>,
    /// Its newest version.
    pub latest: VersionNumber,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it, or its newest version, was last changed.
    pub updated_at: Timestamp,
    /// Which state of the record this is.
    pub revision: Revision,
}

impl Script {
    /// The name that tracebacks show: the script's name with everything but letters, digits, `-`, `_` and `.`
    /// replaced by `_`, and `.py` behind it.
    #[must_use]
    pub fn file_name(&self) -> String {
        let keep = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let stem: String = self.name.as_str().trim_end_matches(".py").chars().map(keep).collect();
        format!("{stem}.py")
    }
}

/// Which version of a script: 1, 2, 3 and so on without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionNumber(pub u32);

impl VersionNumber {
    /// The first version of every script.
    pub const FIRST: Self = Self(1);

    /// The version behind this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a script said from one upload to the next. Never changed once written.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptVersion {
    /// Whose version.
    pub script: ScriptId,
    /// Which version.
    pub number: VersionNumber,
    /// The program.
    pub source: Source,
    /// SHA-256 of the source's bytes.
    pub sha256: ContentHash,
    /// Who uploaded it; `None` for the program that embeds Automa.
    pub created_by: Option<UserId>,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

/// A Python program: UTF-8, at least one character that is not white space, at most 1 MiB, no NUL. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Source(Arc<str>);

impl Source {
    /// The largest source, in bytes: 1 MiB.
    pub const BYTES_MAX: usize = 1024 * 1024;

    /// Reads an upload. A byte order mark in front is taken off.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for `source` when it is empty, too large, not UTF-8 or has a NUL.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Invalid> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(too_large(bytes.len()));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => text.parse(),
            Err(error) => {
                let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
                Err(Invalid::new("source", format!("is not UTF-8 (line {line}); save the file as UTF-8")))
            }
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    #[must_use]
    pub fn to_shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        ContentHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

fn too_large(bytes: usize) -> Invalid {
    let most = Source::BYTES_MAX;
    Invalid::new("source", format!("has {bytes} bytes; give at most {most}, and put data into files or the input"))
}

impl FromStr for Source {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        if text.len() > Self::BYTES_MAX {
            return Err(too_large(text.len()));
        }
        if text.trim().is_empty() {
            return Err(Invalid::new("source", "is empty; give a Python program"));
        }
        if let Some(at) = text.find('\0') {
            let line = text[..at].matches('\n').count() + 1;
            return Err(Invalid::new("source", format!("holds a NUL character (line {line}); leave it out")));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({} bytes)", self.0.len())
    }
}

/// A SHA-256 of some content, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}
