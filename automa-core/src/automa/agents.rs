//! Agents: made, changed, removed, started, stopped, looked at, run once.

use jiff::Timestamp;

use super::{ATTEMPTS_ON_STALE, Acting, check_revision};
use crate::access::Action;
use crate::agent::{Agent, BackendChoice, RestartPolicy, VersionChoice};
use crate::error::{Error, Invalid, Problem, Result};
use crate::execution::{Execution, NewExecution, Origin, Status};
use crate::id::{AgentId, Kind, Ref, ScriptId};
use crate::job::RetryPolicy;
use crate::json::JsonObject;
use crate::limits::Limits;
use crate::name::{Description, Name};
use crate::permissions::Permissions;
use crate::scheduler::{active_execution, version_of};
use crate::script::{Script, ScriptVersion};
use crate::store::{Batch, Key, Page, PageRequest, Query, Require, Revision, Scope, StoreExt as _, Unique};

/// Everything that can be said of an agent. Its `default` parts are those of each type.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentSpec {
    /// Its name; unique among agents.
    pub name: Name,
    /// What it is for.
    pub description: Description,
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
    /// What happens when it was started and ends by itself.
    pub restart: RestartPolicy,
}

impl AgentSpec {
    /// An agent that runs the newest version of a script, with default limits and no permissions.
    #[must_use]
    pub fn new(name: Name, script: ScriptId) -> Self {
        Self {
            name,
            description: Description::default(),
            script,
            version: VersionChoice::default(),
            config: JsonObject::default(),
            backend: BackendChoice::default(),
            limits: Limits::default(),
            permissions: Permissions::default(),
            restart: RestartPolicy::default(),
        }
    }
}

/// What an agent does at this moment.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentStatus {
    /// The agent.
    pub agent: Agent,
    /// Its execution that is queued or running, if one is; the newest.
    pub active: Option<Execution>,
    /// Its newest execution of all.
    pub last: Option<Execution>,
    /// Since when the active execution runs.
    pub running_since: Option<Timestamp>,
}

impl Acting {
    /// Makes an agent.
    ///
    /// [`Error::Invalid`] when a limit or a permission is out of range, its script or version does not exist, or no
    /// sandbox here can hold to it; [`Error::Exists`] when the name is taken.
    pub async fn create_agent(&self, spec: AgentSpec) -> Result<Agent> {
        self.permit(Action::AgentCreate, Ref::new(Kind::Agent, &spec.name)).await?;
        self.check_agent(&spec).await?;
        let now = self.inner.clock.now();
        let mut agent = Agent {
            id: AgentId::new(),
            name: spec.name,
            description: spec.description,
            owner: self.principal.user_id(),
            script: spec.script,
            version: spec.version,
            config: spec.config,
            backend: spec.backend,
            limits: spec.limits,
            permissions: spec.permissions,
            restart: spec.restart,
            started: None,
            created_at: now,
            updated_at: now,
            revision: Revision::default(),
        };
        let event = self.event(Action::AgentCreate, agent.id.to_ref()).with("name", agent.name.as_str());
        let batch = Batch::new().require(Require::Exists(Key::Script(agent.script))).insert(agent.clone());
        self.commit(batch, event).await?;
        agent.revision = agent.revision.next();
        Ok(agent)
    }

    /// Replaces everything that can be said of an agent. What runs already goes on as it was.
    ///
    /// With `expected`, [`Error::Stale`] unless the agent is at that revision. Else as [`create_agent`](Self::create_agent).
    pub async fn update_agent(&self, id: AgentId, spec: AgentSpec, expected: Option<Revision>) -> Result<Agent> {
        self.permit(Action::AgentUpdate, id.to_ref()).await?;
        self.require::<Agent>(id).await?;
        self.check_agent(&spec).await?;
        self.change_agent(id, expected, Action::AgentUpdate, |agent, now| {
            let spec = spec.clone();
            agent.name = spec.name;
            agent.description = spec.description;
            agent.script = spec.script;
            agent.version = spec.version;
            agent.config = spec.config;
            agent.backend = spec.backend;
            agent.limits = spec.limits;
            agent.permissions = spec.permissions;
            agent.restart = spec.restart;
            agent.updated_at = now;
            Ok(Batch::new().require(Require::Exists(Key::Script(agent.script))))
        })
        .await
    }

    /// Removes an agent; [`Error::InUse`] while a job runs it or an execution of it is queued or running.
    pub async fn delete_agent(&self, id: AgentId, expected: Option<Revision>) -> Result<()> {
        self.permit(Action::AgentDelete, id.to_ref()).await?;
        let mut batch = Batch::new().require(Require::None(
            Query::Jobs(Some(id)),
            id.to_ref(),
            "jobs run it; remove them or give them another agent first",
        ));
        for status in [Status::Queued, Status::Running] {
            let active = Query::Executions(Scope::Agent(id), Some(status));
            batch = batch.require(Require::None(active, id.to_ref(), "it is running or queued; stop it first"));
        }
        self.commit(batch.delete(Key::Agent(id), expected), self.event(Action::AgentDelete, id.to_ref())).await
    }

    /// The agent with this id, or [`Error::NotFound`].
    pub async fn agent(&self, id: AgentId) -> Result<Agent> {
        self.permit(Action::AgentRead, id.to_ref()).await?;
        self.require(id).await
    }

    /// The agent with this name, in whatever case, or [`Error::NotFound`].
    pub async fn agent_named(&self, name: &Name) -> Result<Agent> {
        self.permit(Action::AgentRead, Ref::new(Kind::Agent, name)).await?;
        self.named(Unique::AgentName(name.key()), Ref::new(Kind::Agent, name)).await
    }

    /// A page of the agents, by age; of one script if given.
    pub async fn agents(&self, script: Option<ScriptId>, page: &PageRequest) -> Result<Page<Agent>> {
        self.permit(Action::AgentRead, Ref::system()).await?;
        self.inner.store.page(&Query::Agents(script), page).await
    }

    /// Starts an agent: it runs until it ends by itself and its restart policy has nothing against that, or until it
    /// is stopped. [`Error::State`] when it is started already.
    pub async fn start_agent(&self, id: AgentId) -> Result<Execution> {
        self.permit(Action::AgentStart, id.to_ref()).await?;
        let agent: Agent = self.require(id).await?;
        let spec = self.agent_run(&agent, Origin::Start, JsonObject::default(), None).await?;
        let mut execution = Execution::queue(spec, self.inner.clock.now());
        self.change_agent(id, None, Action::AgentStart, |agent, _| {
            if agent.is_started() {
                return Err(Error::State(format!("agent {id} is started already; stop it first")));
            }
            agent.started = Some(execution.id);
            Ok(Batch::new().insert(execution.clone()))
        })
        .await?;
        execution.revision = execution.revision.next();
        Ok(execution)
    }

    /// Stops an agent: nothing restarts it, and what it started is cancelled. [`Error::State`] when it is not started.
    pub async fn stop_agent(&self, id: AgentId) -> Result<Agent> {
        self.permit(Action::AgentStop, id.to_ref()).await?;
        let agent = self
            .change_agent(id, None, Action::AgentStop, |agent, _| {
                if !agent.is_started() {
                    return Err(Error::State(format!("agent {id} is not started")));
                }
                agent.started = None;
                Ok(Batch::new())
            })
            .await?;
        for status in [Status::Queued, Status::Running] {
            let active = Query::Executions(Scope::Agent(id), Some(status));
            let found =
                self.inner.store.page::<Execution>(&active, &PageRequest::newest(PageRequest::LIMIT_MAX)).await?;
            for execution in found.items.into_iter().filter(|it| it.spec.origin == Origin::Start) {
                match self.request_cancel(execution.id, "its agent was stopped").await {
                    Ok(_) | Err(Error::State(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(agent)
    }

    /// What an agent does at this moment.
    pub async fn agent_status(&self, id: AgentId) -> Result<AgentStatus> {
        self.permit(Action::AgentRead, id.to_ref()).await?;
        let agent: Agent = self.require(id).await?;
        let active = active_execution(&*self.inner.store, Scope::Agent(id)).await?;
        let all = Query::Executions(Scope::Agent(id), None);
        let last = self.inner.store.page::<Execution>(&all, &PageRequest::newest(1)).await?.items.into_iter().next();
        let running_since = active.as_ref().filter(|it| it.status() == Status::Running).and_then(Execution::started_at);
        Ok(AgentStatus { agent, active, last, running_since })
    }

    /// Queues one run of an agent, with this input. It is tried again only where the script was not at fault.
    pub async fn run_agent(&self, id: AgentId, input: JsonObject) -> Result<Execution> {
        self.permit(Action::AgentRun, id.to_ref()).await?;
        let agent: Agent = self.require(id).await?;
        let spec = self.agent_run(&agent, Origin::Manual, input, None).await?;
        self.queue(Execution::queue(spec, self.inner.clock.now()), Action::AgentRun).await
    }

    async fn agent_run(
        &self,
        agent: &Agent,
        origin: Origin,
        input: JsonObject,
        retry: Option<RetryPolicy>,
    ) -> Result<NewExecution> {
        Ok(NewExecution {
            agent: agent.id,
            job: None,
            script: agent.script,
            version: version_of(&*self.inner.store, agent).await?,
            origin,
            scheduled_at: None,
            input,
            retry: retry.unwrap_or_default(),
        })
    }

    /// Commits a new execution, as long as its agent is there.
    pub(super) async fn queue(&self, mut execution: Execution, action: Action) -> Result<Execution> {
        let event = self.event(action, execution.id.to_ref()).with("agent", execution.spec.agent.to_string());
        let batch = Batch::new().require(Require::Exists(Key::Agent(execution.spec.agent))).insert(execution.clone());
        self.commit(batch, event).await?;
        execution.revision = execution.revision.next();
        Ok(execution)
    }

    /// Applies `change` to the newest state of an agent and commits it with what `change` adds.
    async fn change_agent(
        &self,
        id: AgentId,
        expected: Option<Revision>,
        action: Action,
        change: impl Fn(&mut Agent, Timestamp) -> Result<Batch> + Send + Sync,
    ) -> Result<Agent> {
        for _ in 0..ATTEMPTS_ON_STALE {
            let mut agent: Agent = self.require(id).await?;
            check_revision(agent.revision, expected, id.to_ref())?;
            let batch = change(&mut agent, self.inner.clock.now())?;
            match self.commit(batch.update(agent.clone()), self.event(action, id.to_ref())).await {
                Err(Error::Stale(_)) if expected.is_none() => {}
                done => {
                    agent.revision = agent.revision.next();
                    return done.map(|()| agent);
                }
            }
        }
        Err(Error::Stale(id.to_ref()))
    }

    /// Whether an agent can be as it is asked for.
    async fn check_agent(&self, spec: &AgentSpec) -> Result<()> {
        let mut problems = Vec::new();
        if let Err(invalid) = spec.limits.check() {
            problems.extend(invalid.within("limits").into_problems());
        }
        match spec.backend.to_string().parse::<BackendChoice>() {
            Ok(same) if same == spec.backend => {}
            Ok(_) => problems.push(Problem::new("backend", "auto is no backend's name")),
            Err(invalid) => problems.extend(invalid.into_problems()),
        }
        if let Err(invalid) = spec.permissions.check() {
            problems.extend(invalid.within("permissions").into_problems());
        }
        match self.inner.store.read::<Script>(spec.script).await? {
            None => problems.push(Problem::new("script_id", format!("there is no script {}", spec.script))),
            Some(script) => {
                if let VersionChoice::Pinned(number) = spec.version
                    && self.inner.store.read::<ScriptVersion>((spec.script, number)).await?.is_none()
                {
                    let text = format!("script {} has no version {number}; it has 1 to {}", spec.script, script.latest);
                    problems.push(Problem::new("version", text));
                }
            }
        }
        if problems.is_empty() && !self.inner.sandboxes.is_empty() {
            let refusal = |it: &dyn crate::sandbox::Sandbox| it.capabilities().refusal(&spec.limits, &spec.permissions);
            if let Err(error) = self.inner.choose_sandbox(&spec.backend, refusal) {
                problems.push(Problem::new("backend", error.to_string()));
            }
        }
        Ok(Invalid::unless_empty(problems)?)
    }
}
