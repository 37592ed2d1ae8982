//! Agents: a script plus how to run it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::error::Invalid;
use crate::id::{AgentId, ExecutionId, ScriptId, UserId};
use crate::json::JsonObject;
use crate::limits::Limits;
use crate::name::{Description, Name};
use crate::permissions::Permissions;
use crate::script::VersionNumber;
use crate::store::Revision;
use crate::words::words;

/// A script plus how to run it.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Which agent.
    pub id: AgentId,
    /// Its name; unique among agents.
    pub name: Name,
    /// What it is for.
    pub description: Description,
    /// Who made it; `None` for the program that embeds Automa.
    pub owner: Option<UserId>,
    /// What it runs.
    pub script: ScriptId,
    /// Which version of that.
    pub version: VersionChoice,
    /// What the script reads as `automa.config`.
    pub config: JsonObject,
    /// Where it runs.
    pub backend: BackendChoice,
    /// What it may use up.
    pub limits: Limits,
    /// What it may reach.
    pub permissions: Permissions,
    /// What happens when a started agent ends by itself.
    pub restart: RestartPolicy,
    /// The run that somebody started and nobody has stopped since, by its first attempt: what its restart policy is
    /// about. `None` when it is not started.
    pub started: Option<ExecutionId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Which state of the record this is.
    pub revision: Revision,
}

impl Agent {
    /// Whether it has been started and not been stopped since.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.started.is_some()
    }
}

/// Which version of a script an agent runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionChoice {
    /// The newest at the moment at which an execution is queued.
    #[default]
    Latest,
    /// Always this one.
    Pinned(VersionNumber),
}

/// Which sandbox an agent runs in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BackendChoice {
    /// The strongest backend that can do what the agent asks for.
    #[default]
    Auto,
    /// The backend with this name, and no other.
    Named(String),
}

impl FromStr for BackendChoice {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "auto" => Ok(Self::Auto),
            name if !name.is_empty()
                && name.len() <= 32
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') =>
            {
                Ok(Self::Named(name.to_owned()))
            }
            _ => Err(Invalid::new("backend", "must be auto or a backend's name, such as wasm")),
        }
    }
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// What happens when a started agent ends by itself. Stopping it ends this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum RestartPolicy {
    /// Nothing: it has done its work.
    #[default]
    Never,
    /// It runs again unless it succeeded.
    OnFailure,
    /// It runs again.
    Always,
}

words!("restart", RestartPolicy { Never => "never", OnFailure => "on_failure", Always => "always" });
