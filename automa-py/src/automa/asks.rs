//! What each method of `Automa` asks of the engine: arguments read, work begun, answers wrapped.

use std::sync::Arc;
use std::time::Duration;

use automa_core::Acting;
use automa_core::agent::Agent as CoreAgent;
use automa_core::automa::{AgentSpec, JobSpec, ScriptSpec};
use automa_core::error::{Error, Invalid};
use automa_core::execution::{self, Status};
use automa_core::id::{AgentId, ExecutionId, JobId};
use automa_core::job::Job as CoreJob;
use automa_core::json::JsonObject;
use automa_core::name::{Description, Name};
use automa_core::schedule::Schedule;
use automa_core::script::Script as CoreScript;
use automa_core::store::{PageRequest, Scope};
use jiff::Timestamp;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Automa, Verification};
use crate::agent::{self, Agent, script_pointer};
use crate::args::{self, Checked, Keywords};
use crate::execution::Execution;
use crate::failure::{Failure, Result};
use crate::given::{Text, Whole};
use crate::job::{self, Job, agent_pointer, job_pointer};
use crate::json;
use crate::lookup::{Pointer, collect, find};
use crate::runtime::Work;
use crate::schedule;
use crate::script::Script;
use crate::time::{self, Instant};

/// Something that can be run.
enum Runnable {
    Script(CoreScript),
    Agent(AgentId),
    Job(JobId),
}

impl Automa {
    pub(super) fn adding_script(&self, name: Text, source: &Bound<'_, PyAny>, about: Text) -> Result<Work<Script>> {
        let mut checked = Checked::default();
        let name = checked.keep(name.get("name").and_then(|name| name.parse::<Name>()))?;
        let description = checked.keep(about.get("description").and_then(|about| about.parse::<Description>()))?;
        let source = checked.keep(args::source(source))?;
        let ((name, description), source) = checked.finish(name.zip(description).zip(source))?;
        let handle = Arc::clone(&self.handle);
        self.handle.change(|acting| async move {
            let script = acting.create_script(ScriptSpec { name, description }, source).await?;
            Ok(Script::new(handle, script))
        })
    }

    pub(super) fn adding_agent(
        &self,
        name: Text,
        script: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> Result<Work<Agent>> {
        let mut checked = Checked::default();
        let name = checked.keep(name.get("name").and_then(|name| name.parse::<Name>()))?;
        let script = checked.keep(script_pointer("script", script))?;
        let change = agent::Change::read_new(options, &mut checked)?;
        let (name, script) = checked.finish(name.zip(script))?;
        let handle = Arc::clone(&self.handle);
        self.handle.change(|acting| async move {
            let script = find::<CoreScript>(&acting, script).await?;
            let spec = change.put_into(AgentSpec::new(name, script.id));
            Ok(Agent::new(handle, acting.create_agent(spec).await?))
        })
    }

    pub(super) fn adding_job(
        &self,
        name: Text,
        agent: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> Result<Work<Job>> {
        let mut checked = Checked::default();
        let name = checked.keep(name.get("name").and_then(|name| name.parse::<Name>()))?;
        let agent = checked.keep(agent_pointer("agent", agent))?;
        let change = job::Change::read_new(options, &mut checked, self.handle.now()?)?;
        let (name, agent) = checked.finish(name.zip(agent))?;
        let handle = Arc::clone(&self.handle);
        self.handle.change(|acting| async move {
            let agent = find::<CoreAgent>(&acting, agent).await?;
            let spec = change.put_into(JobSpec::new(name, agent.id, Schedule::Manual));
            Ok(Job::new(handle, acting.create_job(spec).await?))
        })
    }

    pub(super) fn running(&self, what: &Bound<'_, PyAny>, input: Option<&Bound<'_, PyAny>>) -> Result<Work<Execution>> {
        let what = runnable(what)?;
        let input = input.map(|input| json::object("input", input)).transpose()?;
        let handle = Arc::clone(&self.handle);
        self.handle.change(|acting| async move {
            let execution = match what {
                Runnable::Job(id) => acting.run_job(id, input).await?,
                Runnable::Agent(id) => acting.run_agent(id, input.unwrap_or_default()).await?,
                Runnable::Script(script) => run_script(&acting, script, input.unwrap_or_default()).await?,
            };
            Ok(Execution::new(handle, execution))
        })
    }

    pub(super) fn finding_script(&self, text: Text) -> Result<Work<Script>> {
        let (pointer, handle) = (Pointer::parse("script", &text.get("script")?)?, Arc::clone(&self.handle));
        self.handle.read(|acting| async move { Ok(Script::new(handle, find(&acting, pointer).await?)) })
    }

    pub(super) fn finding_agent(&self, text: Text) -> Result<Work<Agent>> {
        let (pointer, handle) = (Pointer::parse("agent", &text.get("agent")?)?, Arc::clone(&self.handle));
        self.handle.read(|acting| async move { Ok(Agent::new(handle, find(&acting, pointer).await?)) })
    }

    pub(super) fn finding_job(&self, text: Text) -> Result<Work<Job>> {
        let (pointer, handle) = (Pointer::parse("job", &text.get("job")?)?, Arc::clone(&self.handle));
        self.handle.read(|acting| async move { Ok(Job::new(handle, find(&acting, pointer).await?)) })
    }

    pub(super) fn finding_execution(&self, text: Text) -> Result<Work<Execution>> {
        let id = text.get("execution")?.parse::<ExecutionId>().map_err(|invalid| args::under("execution", invalid))?;
        let handle = Arc::clone(&self.handle);
        self.handle.read(move |acting| async move { Ok(Execution::new(handle, acting.execution(id).await?)) })
    }

    pub(super) fn listing_scripts(&self) -> Result<Work<Vec<Script>>> {
        let handle = Arc::clone(&self.handle);
        self.handle.read(|acting| async move {
            let acting = &acting;
            let all = collect(|page| async move { acting.scripts(&page).await }, oldest_first(), usize::MAX).await?;
            Ok(all.into_iter().map(|script| Script::new(Arc::clone(&handle), script)).collect())
        })
    }

    pub(super) fn listing_agents(&self, script: Option<&Bound<'_, PyAny>>) -> Result<Work<Vec<Agent>>> {
        let script = script.map(|script| script_pointer("script", script)).transpose()?;
        let handle = Arc::clone(&self.handle);
        self.handle.read(|acting| async move {
            let acting = &acting;
            let script = match script {
                Some(pointer) => Some(find::<CoreScript>(acting, pointer).await?.id),
                None => None,
            };
            let next = |page| async move { acting.agents(script, &page).await };
            let all = collect(next, oldest_first(), usize::MAX).await?;
            Ok(all.into_iter().map(|agent| Agent::new(Arc::clone(&handle), agent)).collect())
        })
    }

    pub(super) fn listing_jobs(&self, agent: Option<&Bound<'_, PyAny>>) -> Result<Work<Vec<Job>>> {
        let agent = agent.map(|agent| agent_pointer("agent", agent)).transpose()?;
        let handle = Arc::clone(&self.handle);
        self.handle.read(|acting| async move {
            let acting = &acting;
            let agent = match agent {
                Some(pointer) => Some(find::<CoreAgent>(acting, pointer).await?.id),
                None => None,
            };
            let next = |page| async move { acting.jobs(agent, &page).await };
            let all = collect(next, oldest_first(), usize::MAX).await?;
            Ok(all.into_iter().map(|job| Job::new(Arc::clone(&handle), job)).collect())
        })
    }

    pub(super) fn listing_executions(
        &self,
        job: Option<&Bound<'_, PyAny>>,
        agent: Option<&Bound<'_, PyAny>>,
        status: Option<&str>,
        limit: Whole,
    ) -> Result<Work<Vec<Execution>>> {
        let limit = limit.get("limit")?;
        if job.is_some() && agent.is_some() {
            return Err(Invalid::new("agent", "was given beside job; give one of them").into());
        }
        let job = job.map(|job| job_pointer("job", job)).transpose()?;
        let agent = agent.map(|agent| agent_pointer("agent", agent)).transpose()?;
        let status = status.map(str::parse::<Status>).transpose()?;
        let handle = Arc::clone(&self.handle);
        self.handle.read(move |acting| async move {
            let acting = &acting;
            let scope = match (job, agent) {
                (Some(job), _) => Scope::Job(find::<CoreJob>(acting, job).await?.id),
                (None, Some(agent)) => Scope::Agent(find::<CoreAgent>(acting, agent).await?.id),
                (None, None) => Scope::All,
            };
            let next = |page| async move { acting.executions(scope, status, &page).await };
            let all = collect(next, PageRequest::newest(PageRequest::LIMIT_MAX), limit).await?;
            Ok(all.into_iter().map(|execution| Execution::new(Arc::clone(&handle), execution)).collect())
        })
    }

    pub(super) fn awaiting_execution(
        &self,
        job: &Bound<'_, PyAny>,
        after: Option<&Bound<'_, Execution>>,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> Result<Work<Execution>> {
        let job = job_pointer("job", job)?;
        let after = after.map(|after| after.get().key());
        let timeout = timeout.map_or(Ok(Duration::MAX), |given| time::duration("timeout", given))?;
        let handle = Arc::clone(&self.handle);
        self.handle.read(move |acting| async move {
            let job = find::<CoreJob>(&acting, job).await?.id;
            match tokio::time::timeout(timeout, acting.next_execution(job, after)).await {
                Ok(found) => Ok(Execution::new(handle, found?)),
                Err(_) => Err(Failure::TimedOut(format!("job {job} had no newer execution within {timeout:?}"))),
            }
        })
    }

    pub(super) fn previewing_job(&self, job: &Bound<'_, PyAny>, count: Whole) -> Result<Work<Vec<Instant>>> {
        let count = count.get("count")?;
        let job = job_pointer("job", job)?;
        self.handle.read(move |acting| async move {
            let job = find::<CoreJob>(&acting, job).await?.id;
            Ok(instants(acting.preview_job(job, count).await?))
        })
    }

    pub(super) fn previewing(&self, count: Whole, given: Option<&Bound<'_, PyDict>>) -> Result<Work<Vec<Instant>>> {
        let count = count.get("count")?;
        let mut checked = Checked::default();
        let given = Keywords::of("preview", given, &schedule::KEYWORDS)?;
        let schedule = schedule::read(&given, &mut checked, self.handle.now()?)?;
        let schedule = checked.finish(Some(schedule))?.unwrap_or(Schedule::Manual);
        self.handle.read(move |acting| async move { Ok(instants(acting.preview(&schedule, count).await?)) })
    }

    pub(super) fn verifying(&self) -> Result<Work<Verification>> {
        self.handle.read(|acting| async move { Ok(Verification(acting.verify_audit().await?)) })
    }
}

fn oldest_first() -> PageRequest {
    PageRequest::first(PageRequest::LIMIT_MAX)
}

fn instants(all: Vec<Timestamp>) -> Vec<Instant> {
    all.into_iter().map(Instant).collect()
}

fn runnable(given: &Bound<'_, PyAny>) -> Result<Runnable> {
    if let Ok(job) = given.cast::<Job>() {
        Ok(Runnable::Job(job.get().key()))
    } else if let Ok(agent) = given.cast::<Agent>() {
        Ok(Runnable::Agent(agent.get().key()))
    } else if let Ok(script) = given.cast::<Script>() {
        Ok(Runnable::Script(script.get().last_read()))
    } else {
        let kind = given.get_type().name().map_err(Failure::Python)?;
        let text = format!("what is run must be a Job, an Agent or a Script, not {kind}");
        Err(Failure::Python(PyTypeError::new_err(text)))
    }
}

/// Runs a script by the agent of its name, which is made when it is not there.
async fn run_script(acting: &Acting, script: CoreScript, input: JsonObject) -> Result<execution::Execution> {
    let agent = match namesake(acting, &script).await? {
        Some(agent) => agent,
        None => match acting.create_agent(AgentSpec::new(script.name.clone(), script.id)).await {
            // Somebody else made it at the same moment; or another script's agent has the name, which is an error.
            Err(error @ Error::Exists { .. }) => namesake(acting, &script).await?.ok_or(error)?,
            made => made?,
        },
    };
    Ok(acting.run_agent(agent.id, input).await?)
}

/// The agent that has the script's name and runs it.
async fn namesake(acting: &Acting, script: &CoreScript) -> Result<Option<CoreAgent>, Error> {
    match acting.agent_named(&script.name).await {
        Ok(agent) => Ok(Some(agent).filter(|agent| agent.script == script.id)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
