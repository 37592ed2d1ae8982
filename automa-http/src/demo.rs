//! A demonstration: a script, an agent, and a job that runs it every minute.

use automa_core::automa::{AgentSpec, JobSpec, ScriptSpec};
use automa_core::error::Result;
use automa_core::id::JobId;
use automa_core::name::{Description, Name};
use automa_core::schedule::Zone;
use automa_core::script::Source;
use automa_core::store::PageRequest;
use automa_core::{Automa, Principal, Schedule};

/// What was made.
#[derive(Debug)]
pub(crate) struct Made {
    job: JobId,
}

/// Makes the demonstration where there is no script yet.
pub(crate) async fn create(automa: &Automa) -> Result<Option<Made>> {
    let acting = automa.acting_as(Principal::owner("demo"));
    if !acting.scripts(&PageRequest::first(1)).await?.items.is_empty() {
        return Ok(None);
    }
    let about = |text: &str| text.parse::<Description>();
    let source = Source::from_bytes(include_bytes!("demo.py"))?;
    let description = about("Counts words, finds primes, and shows what a script sees.")?;
    let script = acting.create_script(ScriptSpec { name: "demo-report".parse()?, description }, source).await?;
    let mut agent = AgentSpec::new("demo-reporter".parse::<Name>()?, script.id);
    agent.description = about("Runs demo-report.")?;
    let agent = acting.create_agent(agent).await?;
    let every_minute = Schedule::Cron { expression: "* * * * *".parse()?, zone: Zone::default() };
    let mut job = JobSpec::new("demo-every-minute".parse::<Name>()?, agent.id, every_minute);
    job.description = about("Runs demo-reporter every minute.")?;
    let job = acting.create_job(job).await?;
    Ok(Some(Made { job: job.id }))
}

impl Made {
    /// How to look at it.
    pub(crate) fn hint(&self, base: &str) -> String {
        format!(
            "Demonstration: the job demo-every-minute runs a script each minute. Once you have made your account:\n  \
             TOKEN=$(curl -s {base}/auth/login -d username=NAME --data-urlencode 'password=PASSWORD' | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')\n  \
             curl -s -H \"Authorization: Bearer $TOKEN\" '{base}/api/v1/jobs/{job}/executions?limit=1'\n  \
             curl -s -H \"Authorization: Bearer $TOKEN\" '{base}/api/v1/executions/ID/logs?format=text'",
            job = self.job
        )
    }
}
