//! The whole path: queued durably, run in the sandbox, result and audit durable. In executions per second.

use std::error::Error;
use std::time::Instant;

use automa_core::Principal;
use automa_core::automa::{AgentSpec, ScriptSpec};
use automa_core::execution::Status;
use automa_core::json::JsonObject;

use crate::figures::Figure;

/// How many executions are timed, and how many callers queue them.
const EXECUTIONS: usize = 1_000;
const CALLERS: usize = 16;

/// Runs the hello script 1,000 times through an engine on a fresh store in the current folder's file system.
///
/// # Errors
///
/// When the engine cannot be opened or an execution does not succeed.
pub async fn measure() -> Result<Vec<Figure>, Box<dyn Error>> {
    let folder = tempfile::tempdir_in(".")?;
    let automa = automa_sandbox::open(folder.path()).await?;
    automa.start().await?;
    let me = automa.acting_as(Principal::owner("bench"));
    let source = include_str!("../scripts/hello.py").parse()?;
    let script = me.create_script(ScriptSpec::new("hello".parse()?), source).await?;
    let agent = me.create_agent(AgentSpec::new("hello".parse()?, script.id)).await?;
    for _ in 0..20 {
        let warm = me.run_agent(agent.id, JsonObject::default()).await?;
        me.wait(warm.id).await?;
    }
    let begun = Instant::now();
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let (me, agent) = (me.clone(), agent.id);
        callers.push(tokio::spawn(async move {
            let mut queued = Vec::new();
            for _ in 0..EXECUTIONS.div_ceil(CALLERS) {
                queued.push(me.run_agent(agent, JsonObject::default()).await?.id);
            }
            let mut failed = 0;
            for id in &queued {
                failed += usize::from(me.wait(*id).await?.status() != Status::Succeeded);
            }
            Ok::<_, automa_core::Error>((queued.len(), failed))
        }));
    }
    let (mut done, mut failed) = (0, 0);
    for caller in callers {
        let (queued, bad) = caller.await??;
        done += queued;
        failed += bad;
    }
    let took = begun.elapsed();
    automa.shutdown(std::time::Duration::from_secs(10)).await?;
    if failed > 0 {
        return Err(format!("{failed} of {done} executions did not succeed").into());
    }
    Ok(vec![Figure {
        what: format!("whole path, {done} executions of hello world"),
        ours: format!("{:.2} s in all", took.as_secs_f64()),
        against: "every write synced to the disk, wasm sandbox, one process".to_owned(),
        counts: format!("{:.0} executions per second", done as f64 / took.as_secs_f64()),
        goal: "100 per second",
    }])
}
