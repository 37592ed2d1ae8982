//! Agents, their limits and their permissions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use automa_core::agent::{Agent, BackendChoice, RestartPolicy, VersionChoice};
use automa_core::automa::{AgentSpec, AgentStatus};
use automa_core::error::Invalid;
use automa_core::limits::{Bytes, Limits};
use automa_core::permissions::{Network, Permissions};
use automa_core::script::VersionNumber;

use super::Faults;
use super::execution::ExecutionSummary;
use super::number::{DurationSchema, SizeSchema, duration, size};
use crate::extract::Input;

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Agent)]
pub(crate) struct AgentOut {
    /// Which agent.
    #[schema(format = Uuid)]
    id: String,
    /// Its name; unique among agents.
    #[schema(example = "reporter")]
    name: String,
    /// What it is for.
    description: String,
    /// Who made it; `null` for the program itself.
    #[schema(format = Uuid)]
    owner_id: Option<String>,
    /// What it runs.
    #[schema(format = Uuid)]
    script_id: String,
    /// Always this version of it; `null` for the newest.
    version: Option<u32>,
    /// What the script reads as `automa.config`.
    #[schema(value_type = Object)]
    config: Value,
    /// `auto`, or the sandbox that it always runs in.
    #[schema(example = "auto")]
    backend: String,
    /// What it may use up.
    limits: LimitsOut,
    /// What it may reach.
    permissions: PermissionsOut,
    /// What happens when it was started and ends by itself: `never`, `on_failure` or `always` runs it again.
    #[schema(example = "never")]
    restart: &'static str,
    /// Whether it has been started and not been stopped since.
    started: bool,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
    /// Which state this is; also the `ETag`.
    #[schema(example = 1)]
    revision: u64,
}

impl From<Agent> for AgentOut {
    fn from(agent: Agent) -> Self {
        Self {
            id: agent.id.to_string(),
            name: agent.name.to_string(),
            description: agent.description.as_str().to_owned(),
            owner_id: agent.owner.map(|id| id.to_string()),
            script_id: agent.script.to_string(),
            version: match agent.version {
                VersionChoice::Latest => None,
                VersionChoice::Pinned(number) => Some(number.0),
            },
            config: agent.config.to_value(),
            backend: agent.backend.to_string(),
            limits: LimitsOut::from(&agent.limits),
            permissions: PermissionsOut::from(agent.permissions),
            restart: agent.restart.name(),
            started: agent.started.is_some(),
            created_at: agent.created_at,
            updated_at: agent.updated_at,
            revision: agent.revision.0,
        }
    }
}

/// What one run may use up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Limits)]
pub(crate) struct LimitsOut {
    /// Memory in bytes, interpreter included.
    #[schema(example = 268_435_456)]
    memory: u64,
    /// Wall-clock time in seconds.
    #[schema(example = 300.0)]
    wall_time: f64,
    /// stdout and stderr together, in bytes.
    output: u64,
    /// Everything below `/scratch` together, in bytes.
    scratch: u64,
    /// Files and folders below `/scratch`.
    files: u32,
    /// Processes and threads at once.
    processes: u32,
    /// Processor time per second, in thousandths of a core.
    cpu_millis: u32,
}

impl From<&Limits> for LimitsOut {
    fn from(limits: &Limits) -> Self {
        Self {
            memory: limits.memory.0,
            wall_time: limits.wall_time.as_secs_f64(),
            output: limits.output.0,
            scratch: limits.scratch.0,
            files: limits.files,
            processes: limits.processes,
            cpu_millis: limits.cpu_millis,
        }
    }
}

/// What one run may reach beside its own memory and `/scratch`. The default grants nothing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Permissions)]
pub(crate) struct PermissionsOut {
    /// `none` or `full`.
    #[schema(example = "none")]
    network: &'static str,
    /// Environment variables. Whoever may look at the agent sees them.
    environment: BTreeMap<String, String>,
}

impl From<Permissions> for PermissionsOut {
    fn from(permissions: Permissions) -> Self {
        let network = if permissions.network == Network::None { "none" } else { "full" };
        Self { network, environment: permissions.environment }
    }
}

/// What an agent is to be. What is not given has its default.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AgentInput)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentIn {
    /// 1 to 128 characters; unique among agents.
    #[schema(example = "reporter")]
    name: String,
    /// What it is for; at most 4,096 characters.
    description: Option<String>,
    /// What it runs.
    #[schema(format = Uuid)]
    script_id: String,
    /// Always this version of it; the newest unless given.
    version: Option<u32>,
    /// What the script reads as `automa.config`: an object of at most 256 KiB and 64 levels.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// `auto` (unless given), or the sandbox that it always runs in, such as `wasm`.
    #[schema(example = "auto")]
    backend: Option<String>,
    /// What it may use up.
    limits: Option<LimitsIn>,
    /// What it may reach.
    permissions: Option<PermissionsIn>,
    /// `never` (unless given), `on_failure` or `always`.
    #[schema(example = "never")]
    restart: Option<String>,
}

impl Input for AgentIn {}

impl AgentIn {
    /// What the engine is asked for.
    pub(crate) fn read(self) -> Result<AgentSpec, Invalid> {
        let mut faults = Faults::default();
        let name = faults.parse("name", &self.name);
        let description = faults.parse_or_default("description", self.description.as_deref());
        let script = faults.parse("script_id", &self.script_id);
        let version = match self.version {
            None => VersionChoice::Latest,
            Some(0) => {
                faults.add("version", "0 is not a version; they count from 1");
                VersionChoice::Latest
            }
            Some(number) => VersionChoice::Pinned(VersionNumber(number)),
        };
        let config = faults.object("config", self.config);
        let backend = faults.parse_or_default::<BackendChoice>("backend", self.backend.as_deref());
        let limits = self.limits.unwrap_or_default().read(&mut faults);
        let permissions = self.permissions.unwrap_or_default().read(&mut faults);
        let restart = faults.parse_or_default::<RestartPolicy>("restart", self.restart.as_deref());
        let (Some(name), Some(description), Some(script), Some(config), Some(backend), Some(restart)) =
            (name, description, script, config, backend, restart)
        else {
            return Err(faults.into_invalid());
        };
        faults.finish()?;
        Ok(AgentSpec { name, description, script, version, config, backend, limits, permissions, restart })
    }
}

/// What one run may use up. What is not given has its default.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = LimitsInput)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsIn {
    /// Memory, interpreter included: 48 MiB to 64 GiB; 256 MiB unless given.
    #[schema(value_type = Option<SizeSchema>)]
    memory: Option<Value>,
    /// Wall-clock time: 10 ms to 31 days; 5 minutes unless given.
    #[schema(value_type = Option<DurationSchema>)]
    wall_time: Option<Value>,
    /// stdout and stderr together: at most 1 GiB; 10 MiB unless given.
    #[schema(value_type = Option<SizeSchema>)]
    output: Option<Value>,
    /// Everything below `/scratch` together: at most 64 GiB; 64 MiB unless given.
    #[schema(value_type = Option<SizeSchema>)]
    scratch: Option<Value>,
    /// Files and folders below `/scratch`: at most 1,000,000; 1,000 unless given.
    files: Option<u32>,
    /// Processes and threads at once: 1 to 4,096; 32 unless given.
    processes: Option<u32>,
    /// Processor time per second, in thousandths of a core: 10 to 256,000; 1,000 unless given.
    cpu_millis: Option<u32>,
}

impl LimitsIn {
    /// The limits; those that cannot be read have their default, and a fault.
    fn read(self, faults: &mut Faults) -> Limits {
        let mut limits = Limits::default();
        let mut bytes = |name: &str, value: Option<Value>, into: &mut Bytes| {
            if let Some(read) = value.and_then(|value| faults.named(name, size(&value))) {
                *into = read;
            }
        };
        bytes("limits.memory", self.memory, &mut limits.memory);
        bytes("limits.output", self.output, &mut limits.output);
        bytes("limits.scratch", self.scratch, &mut limits.scratch);
        if let Some(read) = self.wall_time.and_then(|value| faults.named("limits.wall_time", duration(&value))) {
            limits.wall_time = read;
        }
        limits.files = self.files.unwrap_or(limits.files);
        limits.processes = self.processes.unwrap_or(limits.processes);
        limits.cpu_millis = self.cpu_millis.unwrap_or(limits.cpu_millis);
        limits
    }
}

/// What one run may reach. What is not given is not granted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = PermissionsInput)]
#[serde(deny_unknown_fields)]
pub(crate) struct PermissionsIn {
    /// `none` (unless given) or `full`.
    #[schema(example = "none")]
    network: Option<String>,
    /// Environment variables. Whoever may look at the agent sees them.
    environment: Option<BTreeMap<String, String>>,
}

impl PermissionsIn {
    fn read(self, faults: &mut Faults) -> Permissions {
        let network = match self.network.as_deref() {
            None | Some("none") => Network::None,
            Some("full") => Network::Full,
            Some(other) => {
                faults.add("permissions.network", format!("{other:?} is none of none, full"));
                Network::None
            }
        };
        Permissions { network, environment: self.environment.unwrap_or_default() }
    }
}

/// What an agent does at this moment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AgentStatus)]
pub(crate) struct AgentStatusOut {
    /// Which agent.
    #[schema(format = Uuid)]
    agent_id: String,
    /// `stopped`, `queued` or `running`.
    #[schema(example = "running")]
    state: &'static str,
    /// Whether it has been started and not been stopped since.
    started: bool,
    /// Since when the present run goes on.
    running_since: Option<Timestamp>,
    /// Its execution that is queued or running.
    active: Option<ExecutionSummary>,
    /// Its newest execution.
    last: Option<ExecutionSummary>,
}

impl From<AgentStatus> for AgentStatusOut {
    fn from(status: AgentStatus) -> Self {
        let state = match (&status.active, status.running_since) {
            (None, _) => "stopped",
            (Some(_), None) => "queued",
            (Some(_), Some(_)) => "running",
        };
        Self {
            agent_id: status.agent.id.to_string(),
            state,
            started: status.agent.is_started(),
            running_since: status.running_since,
            active: status.active.as_ref().map(ExecutionSummary::from),
            last: status.last.as_ref().map(ExecutionSummary::from),
        }
    }
}

/// The input of one run.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = RunInput)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunIn {
    /// An object of at most 256 KiB and 64 levels: `automa.input`, and the keyword arguments of `main`.
    #[schema(value_type = Option<Object>)]
    input: Option<Value>,
}

impl Input for RunIn {}

impl RunIn {
    /// The input, if one was given.
    pub(crate) fn read(self) -> Result<Option<automa_core::json::JsonObject>, Invalid> {
        let mut faults = Faults::default();
        let given = self.input.is_some();
        let input = faults.object("input", self.input);
        faults.finish()?;
        Ok(input.filter(|_| given))
    }
}
