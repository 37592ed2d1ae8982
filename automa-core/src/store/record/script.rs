//! Scripts and their versions, as stored.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::field::{Id, Instant, parse};
use crate::error::{Error, Result};
use crate::id::{ScriptId, UserId};
use crate::script::{ContentHash, Script, ScriptVersion, Source, VersionNumber};
use crate::store::Revision;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ScriptV1<'a> {
    id: Id,
    name: &'a str,
    description: &'a str,
    owner: Option<Id>,
    latest: u32,
    created_at: Instant,
    updated_at: Instant,
    revision: u64,
}

impl<'a> From<&'a Script> for ScriptV1<'a> {
    fn from(script: &'a Script) -> Self {
        Self {
            id: *script.id.as_bytes(),
            name: script.name.as_str(),
            description: script.description.as_str(),
            owner: script.owner.map(|owner| *owner.as_bytes()),
            latest: script.latest.0,
            created_at: script.created_at.into(),
            updated_at: script.updated_at.into(),
            revision: script.revision.0,
        }
    }
}

impl ScriptV1<'_> {
    pub(super) fn open(self) -> Result<Script> {
        Ok(Script {
            id: ScriptId::from_bytes(self.id),
            name: parse("a script's name", self.name)?,
            description: parse("a script's description", self.description)?,
            owner: self.owner.map(UserId::from_bytes),
            latest: VersionNumber(self.latest),
            created_at: self.created_at.open()?,
            updated_at: self.updated_at.open()?,
            revision: Revision(self.revision),
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VersionV1<'a> {
    script: Id,
    number: u32,
    source: &'a str,
    sha256: [u8; 32],
    created_by: Option<Id>,
    created_at: Instant,
}

impl<'a> From<&'a ScriptVersion> for VersionV1<'a> {
    fn from(version: &'a ScriptVersion) -> Self {
        Self {
            script: *version.script.as_bytes(),
            number: version.number.0,
            source: version.source.as_str(),
            sha256: version.sha256.0,
            created_by: version.created_by.map(|user| *user.as_bytes()),
            created_at: version.created_at.into(),
        }
    }
}

impl VersionV1<'_> {
    pub(super) fn open(self) -> Result<ScriptVersion> {
        let script = ScriptId::from_bytes(self.script);
        // Reading a source takes a byte order mark off; one that is part of the source needs a second one in front.
        let text = match self.source.starts_with('\u{FEFF}') {
            true => Cow::Owned(format!("\u{FEFF}{}", self.source)),
            false => Cow::Borrowed(self.source),
        };
        let damaged = |what: &str| Error::Damaged(format!("version {} of script {script}: {what}", self.number));
        let source: Source = text.parse().map_err(|error| damaged(&format!("the source {error}")))?;
        let sha256 = ContentHash(self.sha256);
        if source.hash() != sha256 {
            return Err(damaged("the source is not the one that was uploaded: its SHA-256 differs"));
        }
        Ok(ScriptVersion {
            script,
            number: VersionNumber(self.number),
            source,
            sha256,
            created_by: self.created_by.map(UserId::from_bytes),
            created_at: self.created_at.open()?,
        })
    }
}
