//! Automa inside your own program: a Python script, on a cron schedule, in a sandbox, its result in hand.

use automa_core::automa::{AgentSpec, JobSpec, ScriptSpec};
use automa_core::{Principal, Schedule};

const SCRIPT: &str = r#"
import statistics

def main(numbers):
    print("computing the mean of", len(numbers), "numbers")
    return {"mean": statistics.mean(numbers)}
"#;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example talks to its reader")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let automa = automa_sandbox::open(folder.path()).await?;
    automa.start().await?;

    let me = automa.acting_as(Principal::owner("embed example"));
    let script = me.create_script(ScriptSpec::new("mean".parse()?), SCRIPT.parse()?).await?;
    let agent = me.create_agent(AgentSpec::new("mean".parse()?, script.id)).await?;
    let every_second = Schedule::Cron { expression: "* * * * * *".parse()?, zone: "Europe/Berlin".parse()? };
    let mut job = JobSpec::new("mean every second".parse()?, agent.id, every_second);
    job.input = automa_core::json::JsonObject::parse(br#"{"numbers": [1, 2, 3, 10]}"#)?;
    let job = me.create_job(job).await?;

    let mut last = None;
    for _ in 0..3 {
        let queued = me.next_execution(job.id, last).await?;
        let ended = me.wait(queued.id).await?;
        let result = ended.result().map_or_else(String::new, ToString::to_string);
        println!("{}: {} {result}", ended.queued_at, ended.status());
        last = Some(ended.id);
    }
    automa.shutdown(std::time::Duration::from_secs(5)).await?;
    Ok(())
}
