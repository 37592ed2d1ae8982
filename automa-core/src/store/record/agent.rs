//! Agents, as stored.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::field::{Id, Instant, object_text, parse, parse_object};
use crate::agent::{Agent, VersionChoice};
use crate::error::Result;
use crate::id::{AgentId, ExecutionId, ScriptId, UserId};
use crate::limits::{Bytes, Limits};
use crate::permissions::{Network, Permissions};
use crate::script::VersionNumber;
use crate::store::Revision;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AgentV1<'a> {
    id: Id,
    name: &'a str,
    description: &'a str,
    owner: Option<Id>,
    script: Id,
    /// The version, if it is pinned to one.
    version: Option<u32>,
    #[serde(borrow)]
    config: Cow<'a, str>,
    #[serde(borrow)]
    backend: Cow<'a, str>,
    limits: LimitsV1,
    network: NetworkV1,
    #[serde(borrow)]
    environment: Vec<(&'a str, &'a str)>,
    restart: &'a str,
    started: Option<Id>,
    created_at: Instant,
    updated_at: Instant,
    revision: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct LimitsV1 {
    memory: u64,
    wall_time: Duration,
    output: u64,
    scratch: u64,
    files: u32,
    processes: u32,
    cpu_millis: u32,
}

#[derive(Debug, Serialize, Deserialize)]
enum NetworkV1 {
    None,
    Full,
}

impl<'a> From<&'a Agent> for AgentV1<'a> {
    fn from(agent: &'a Agent) -> Self {
        let environment = agent.permissions.environment.iter();
        Self {
            id: *agent.id.as_bytes(),
            name: agent.name.as_str(),
            description: agent.description.as_str(),
            owner: agent.owner.map(|owner| *owner.as_bytes()),
            script: *agent.script.as_bytes(),
            version: match agent.version {
                VersionChoice::Latest => None,
                VersionChoice::Pinned(number) => Some(number.0),
            },
            config: object_text(&agent.config),
            backend: Cow::Owned(agent.backend.to_string()),
            limits: LimitsV1::from(&agent.limits),
            network: match agent.permissions.network {
                Network::None => NetworkV1::None,
                Network::Full => NetworkV1::Full,
            },
            environment: environment.map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            restart: agent.restart.name(),
            started: agent.started.map(|id| *id.as_bytes()),
            created_at: agent.created_at.into(),
            updated_at: agent.updated_at.into(),
            revision: agent.revision.0,
        }
    }
}

impl AgentV1<'_> {
    pub(super) fn open(self) -> Result<Agent> {
        let environment = self.environment.into_iter();
        Ok(Agent {
            id: AgentId::from_bytes(self.id),
            name: parse("an agent's name", self.name)?,
            description: parse("an agent's description", self.description)?,
            owner: self.owner.map(UserId::from_bytes),
            script: ScriptId::from_bytes(self.script),
            version: self.version.map_or(VersionChoice::Latest, |number| VersionChoice::Pinned(VersionNumber(number))),
            config: parse_object("an agent's config", &self.config)?,
            backend: parse("an agent's backend", &self.backend)?,
            limits: self.limits.open(),
            permissions: Permissions {
                network: match self.network {
                    NetworkV1::None => Network::None,
                    NetworkV1::Full => Network::Full,
                },
                environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            },
            restart: parse("an agent's restart policy", self.restart)?,
            started: self.started.map(ExecutionId::from_bytes),
            created_at: self.created_at.open()?,
            updated_at: self.updated_at.open()?,
            revision: Revision(self.revision),
        })
    }
}

impl From<&Limits> for LimitsV1 {
    fn from(limits: &Limits) -> Self {
        Self {
            memory: limits.memory.0,
            wall_time: limits.wall_time,
            output: limits.output.0,
            scratch: limits.scratch.0,
            files: limits.files,
            processes: limits.processes,
            cpu_millis: limits.cpu_millis,
        }
    }
}

impl LimitsV1 {
    fn open(self) -> Limits {
        Limits {
            memory: Bytes(self.memory),
            wall_time: self.wall_time,
            output: Bytes(self.output),
            scratch: Bytes(self.scratch),
            files: self.files,
            processes: self.processes,
            cpu_millis: self.cpu_millis,
        }
    }
}
