//! Scripts and their versions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use automa_core::automa::ScriptSpec;
use automa_core::error::Invalid;
use automa_core::name::{Description, Name};
use automa_core::script::{Script, ScriptVersion, Source};

use super::Faults;
use crate::extract::Input;

/// A script.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Script)]
pub(crate) struct ScriptOut {
    /// Which script.
    #[schema(format = Uuid)]
    id: String,
    /// Its name; unique among scripts.
    #[schema(example = "daily report")]
    name: String,
    /// What it is for.
    description: String,
    /// Who made it; `null` for the program itself.
    #[schema(format = Uuid)]
    owner_id: Option<String>,
    /// The number of its newest version.
    #[schema(example = 1)]
    latest_version: u32,
    /// When it was made.
    created_at: Timestamp,
    /// When it, or its newest version, was last changed.
    updated_at: Timestamp,
    /// Which state this is; also the `ETag`.
    #[schema(example = 1)]
    revision: u64,
}

impl From<Script> for ScriptOut {
    fn from(script: Script) -> Self {
        Self {
            id: script.id.to_string(),
            name: script.name.to_string(),
            description: script.description.as_str().to_owned(),
            owner_id: script.owner.map(|id| id.to_string()),
            latest_version: script.latest.0,
            created_at: script.created_at,
            updated_at: script.updated_at,
            revision: script.revision.0,
        }
    }
}

/// One version of a script. Never changes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScriptVersion)]
pub(crate) struct VersionOut {
    /// Whose version.
    #[schema(format = Uuid)]
    script_id: String,
    /// Which version, from 1.
    #[schema(example = 1)]
    number: u32,
    /// SHA-256 of the source, in hexadecimal digits.
    sha256: String,
    /// The length of the source in bytes.
    size: usize,
    /// Who uploaded it; `null` for the program itself.
    #[schema(format = Uuid)]
    created_by: Option<String>,
    /// When it was uploaded.
    created_at: Timestamp,
}

impl From<&ScriptVersion> for VersionOut {
    fn from(version: &ScriptVersion) -> Self {
        Self {
            script_id: version.script.to_string(),
            number: version.number.0,
            sha256: version.sha256.to_string(),
            size: version.source.as_str().len(),
            created_by: version.created_by.map(|id| id.to_string()),
            created_at: version.created_at,
        }
    }
}

impl From<ScriptVersion> for VersionOut {
    fn from(version: ScriptVersion) -> Self {
        Self::from(&version)
    }
}

/// One version of a script, with its source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScriptVersionWithSource)]
pub(crate) struct VersionWithSource {
    #[serde(flatten)]
    version: VersionOut,
    /// The program.
    #[schema(example = "print('hello')\n")]
    source: String,
}

impl From<ScriptVersion> for VersionWithSource {
    fn from(version: ScriptVersion) -> Self {
        Self { version: VersionOut::from(&version), source: version.source.as_str().to_owned() }
    }
}

/// A script that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewScript)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptIn {
    /// 1 to 128 characters; unique among scripts.
    #[schema(example = "daily report")]
    name: String,
    /// What it is for; at most 4,096 characters.
    description: Option<String>,
    /// The program: at most 1 MiB of Python.
    #[schema(example = "print('hello')\n")]
    source: String,
}

impl Input for ScriptIn {
    /// A source of 1 MiB, with room for the backslashes of its JSON string.
    const BYTES_MAX: usize = 5 * 1024 * 1024 / 2;
}

impl ScriptIn {
    /// What the engine is asked for.
    pub(crate) fn read(self) -> Result<(ScriptSpec, Source), Invalid> {
        let mut faults = Faults::default();
        let spec = spec(&mut faults, &self.name, self.description.as_deref());
        let source = faults.parse("source", &self.source);
        let (Some(spec), Some(source)) = (spec, source) else { return Err(faults.into_invalid()) };
        Ok((spec, source))
    }
}

/// What a script is to be from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ScriptChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptPut {
    /// 1 to 128 characters; unique among scripts.
    #[schema(example = "daily report")]
    name: String,
    /// What it is for; at most 4,096 characters. Empty unless given.
    description: Option<String>,
    /// The program, which becomes a new version; the newest version stays what it is unless given.
    source: Option<String>,
}

impl Input for ScriptPut {
    const BYTES_MAX: usize = ScriptIn::BYTES_MAX;
}

impl ScriptPut {
    /// What the engine is asked for.
    pub(crate) fn read(self) -> Result<(ScriptSpec, Option<Source>), Invalid> {
        let mut faults = Faults::default();
        let spec = spec(&mut faults, &self.name, self.description.as_deref());
        let source = self.source.map(|source| faults.parse("source", &source));
        let (Some(spec), Some(source)) = (spec, source.map_or(Some(None), |it| it.map(Some))) else {
            return Err(faults.into_invalid());
        };
        Ok((spec, source))
    }
}

fn spec(faults: &mut Faults, name: &str, description: Option<&str>) -> Option<ScriptSpec> {
    let name = faults.parse::<Name>("name", name);
    let description = faults.parse_or_default::<Description>("description", description);
    Some(ScriptSpec { name: name?, description: description? })
}
