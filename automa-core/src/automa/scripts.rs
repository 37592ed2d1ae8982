//! Scripts: made, changed, uploaded anew, removed.

use std::time::Duration;

use super::{ATTEMPTS_ON_STALE, Acting};
use crate::access::Action;
use crate::agent::BackendChoice;
use crate::error::{Error, Invalid, Result};
use crate::id::{Kind, Ref, ScriptId};
use crate::limits::{Bytes, Limits};
use crate::name::{Description, Name};
use crate::sandbox::{Exit, OutputSender, Task};
use crate::script::{Script, ScriptVersion, Source, VersionNumber};
use crate::store::{Batch, Key, Page, PageRequest, Query, Require, Revision, StoreExt as _, Unique};

/// What can be said of a script beside its source.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptSpec {
    /// Its name; unique among scripts.
    pub name: Name,
    /// What it is for.
    pub description: Description,
}

impl ScriptSpec {
    /// A script of this name, without a description.
    #[must_use]
    pub fn new(name: Name) -> Self {
        Self { name, description: Description::default() }
    }
}

impl Acting {
    /// Makes a script; its source becomes version 1.
    ///
    /// [`Error::Invalid`] for `source` when it does not compile, [`Error::Exists`] when the name is taken.
    pub async fn create_script(&self, spec: ScriptSpec, source: Source) -> Result<Script> {
        self.permit(Action::ScriptCreate, Ref::new(Kind::Script, &spec.name)).await?;
        self.compile(&source, spec.name.as_str()).await?;
        let now = self.inner.clock.now();
        let mut script = Script {
            id: ScriptId::new(),
            name: spec.name,
            description: spec.description,
            owner: self.principal.user_id(),
            latest: VersionNumber::FIRST,
            created_at: now,
            updated_at: now,
            revision: Revision::default(),
        };
        let version = self.version(&script, source);
        let event = self
            .event(Action::ScriptCreate, script.id.to_ref())
            .with("name", script.name.as_str())
            .with("sha256", version.sha256.to_string());
        self.commit(Batch::new().insert(script.clone()).insert(version), event).await?;
        script.revision = script.revision.next();
        Ok(script)
    }

    /// Changes a script's name and description, and adds a version if a source is given.
    ///
    /// With `expected`, [`Error::Stale`] unless the script is at that revision; without, the newest state is changed.
    pub async fn update_script(
        &self,
        id: ScriptId,
        spec: Option<ScriptSpec>,
        source: Option<Source>,
        expected: Option<Revision>,
    ) -> Result<Script> {
        self.permit(Action::ScriptUpdate, id.to_ref()).await?;
        if let Some(source) = &source {
            let script: Script = self.require(id).await?;
            self.compile(source, spec.as_ref().map_or(script.name.as_str(), |spec| spec.name.as_str())).await?;
        }
        for _ in 0..ATTEMPTS_ON_STALE {
            let mut script: Script = self.require(id).await?;
            super::check_revision(script.revision, expected, id.to_ref())?;
            let mut event = self.event(Action::ScriptUpdate, id.to_ref());
            if let Some(spec) = spec.clone() {
                (script.name, script.description) = (spec.name, spec.description);
            }
            let mut batch = Batch::new();
            if let Some(source) = source.clone() {
                script.latest = script.latest.next();
                let version = self.version(&script, source);
                event = event.with("version", script.latest.0).with("sha256", version.sha256.to_string());
                batch = batch.insert(version);
            }
            script.updated_at = self.inner.clock.now();
            match self.commit(batch.update(script.clone()), event).await {
                Err(Error::Stale(_)) if expected.is_none() => {}
                done => {
                    script.revision = script.revision.next();
                    return done.map(|()| script);
                }
            }
        }
        Err(Error::Stale(id.to_ref()))
    }

    /// Removes a script and its versions; [`Error::InUse`] while an agent runs it.
    pub async fn delete_script(&self, id: ScriptId, expected: Option<Revision>) -> Result<()> {
        self.permit(Action::ScriptDelete, id.to_ref()).await?;
        let in_use = "agents run it; remove them or give them another script first";
        let batch = Batch::new()
            .require(Require::None(Query::Agents(Some(id)), id.to_ref(), in_use))
            .delete(Key::Script(id), expected);
        self.commit(batch, self.event(Action::ScriptDelete, id.to_ref())).await
    }

    /// The script with this id, or [`Error::NotFound`].
    pub async fn script(&self, id: ScriptId) -> Result<Script> {
        self.permit(Action::ScriptRead, id.to_ref()).await?;
        self.require(id).await
    }

    /// The script with this name, in whatever case, or [`Error::NotFound`].
    pub async fn script_named(&self, name: &Name) -> Result<Script> {
        self.permit(Action::ScriptRead, Ref::new(Kind::Script, name)).await?;
        self.named(Unique::ScriptName(name.key()), Ref::new(Kind::Script, name)).await
    }

    /// A page of the scripts, by age.
    pub async fn scripts(&self, page: &PageRequest) -> Result<Page<Script>> {
        self.permit(Action::ScriptRead, Ref::system()).await?;
        self.inner.store.page(&Query::Scripts, page).await
    }

    /// One version of a script, or [`Error::NotFound`].
    pub async fn script_version(&self, id: ScriptId, number: VersionNumber) -> Result<ScriptVersion> {
        self.permit(Action::ScriptRead, id.to_ref()).await?;
        self.require((id, number)).await
    }

    /// A page of a script's versions, by number.
    pub async fn script_versions(&self, id: ScriptId, page: &PageRequest) -> Result<Page<ScriptVersion>> {
        self.permit(Action::ScriptRead, id.to_ref()).await?;
        self.require::<Script>(id).await?;
        self.inner.store.page(&Query::Versions(id), page).await
    }

    fn version(&self, script: &Script, source: Source) -> ScriptVersion {
        ScriptVersion {
            script: script.id,
            number: script.latest,
            sha256: source.hash(),
            source,
            created_by: self.principal.user_id(),
            created_at: self.inner.clock.now(),
        }
    }

    /// Refuses a source that does not compile. Python itself says so, inside a sandbox; where there is none, a source
    /// is taken as it is and fails when it runs.
    async fn compile(&self, source: &Source, name: &str) -> Result<()> {
        let (limits, permissions) = (Limits::default(), crate::permissions::Permissions::default());
        let able = |sandbox: &dyn crate::sandbox::Sandbox| sandbox.capabilities().refusal(&limits, &permissions);
        let Ok(sandbox) = self.inner.choose_sandbox(&BackendChoice::Auto, able) else { return Ok(()) };
        let _room = self.inner.compiling.acquire().await.map_err(Error::store)?;
        let mut task = Task::new(compile_check(source, name));
        task.limits.wall_time = COMPILE_TIME;
        task.limits.memory = COMPILE_MEMORY;
        let (output, mut ignored) = OutputSender::channel(16);
        let cancel = self.inner.stopping.child_token();
        let (outcome, ()) =
            tokio::join!(sandbox.run(task, output, cancel), async { while ignored.recv().await.is_some() {} });
        match outcome.result.as_ref().map(crate::json::Json::value) {
            Some(serde_json::Value::String(problem)) => Err(Invalid::new("source", problem.as_str()).into()),
            Some(serde_json::Value::Bool(true)) => Ok(()),
            _ if outcome.exit == Exit::Cancelled => Err(Error::ShuttingDown),
            _ if matches!(outcome.exit, Exit::TimedOut | Exit::OutOfMemory) => {
                let text = format!(
                    "takes more than {COMPILE_TIME:?} or {COMPILE_MEMORY} of memory to compile; make it smaller"
                );
                Err(Invalid::new("source", text).into())
            }
            _ if !sandbox.probe().await.available => Ok(()),
            _ => {
                let reason = outcome.reason.unwrap_or_else(|| format!("{:?}", outcome.exit));
                Err(Invalid::new("source", format!("could not be compiled: {reason}")).into())
            }
        }
    }
}

/// How long Python may take to compile a source.
const COMPILE_TIME: Duration = Duration::from_secs(5);

/// How much memory Python may take to compile a source: dense ones of 1 MiB take some hundred times their size.
const COMPILE_MEMORY: Bytes = Bytes::mib(1_024);

/// A script that compiles another and returns `True`, or what is wrong with it. A JSON string is a Python string, too.
fn compile_check(source: &Source, name: &str) -> String {
    let quote = |text: &str| serde_json::Value::from(text).to_string().replace('\u{7f}', "\\x7f");
    format!(
        "import automa
try:
    compile({source}, {name}, 'exec', dont_inherit=True)
    automa.set_result(True)
except SyntaxError as error:
    automa.set_result(f'does not compile: {{error.msg}} (line {{error.lineno}}, column {{error.offset}})')
except (ValueError, RecursionError, OverflowError) as error:
    automa.set_result(f'does not compile: {{type(error).__name__}}: {{error}}')
",
        source = quote(source.as_str()),
        name = quote(name),
    )
}
