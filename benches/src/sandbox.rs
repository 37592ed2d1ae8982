//! A complete sandboxed run, from the task to the outcome in hand, against bare `/usr/bin/python3 -I` on the same file.

use std::error::Error;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use automa_core::sandbox::{Exit, OutputSender, Sandbox, Task};
use automa_sandbox::WasmSandbox;
use tokio_util::sync::CancellationToken;

use crate::figures::{Figure, median, millis, ratio};

/// How many pairs of runs each script gets.
const PAIRS: usize = 60;
const PYTHON: &str = "/usr/bin/python3";

/// Measures each script.
///
/// # Errors
///
/// When the sandbox cannot be opened or a script does not succeed.
pub async fn measure() -> Result<Vec<Figure>, Box<dyn Error>> {
    let sandbox = WasmSandbox::new();
    sandbox.load().await?;
    let scripts = [
        ("hello world", include_str!("../scripts/hello.py"), "5 times"),
        ("six imports", include_str!("../scripts/imports.py"), "8 times"),
        ("six imports and some work", include_str!("../scripts/work.py"), "(no goal)"),
    ];
    let mut figures = Vec::new();
    for (name, source, goal) in scripts {
        let file = tempfile::Builder::new().suffix(".py").tempfile()?;
        std::fs::write(file.path(), source)?;
        let shared: Arc<str> = source.into();
        for _ in 0..5 {
            sandboxed(&sandbox, &shared).await?;
            bare(file.path())?;
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            ours.push(sandboxed(&sandbox, &shared).await?);
            theirs.push(bare(file.path())?);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        figures.push(Figure {
            what: format!("one run, {name}"),
            ours: format!("{} (wasm sandbox)", millis(ours)),
            against: format!("{} ({PYTHON} -I, no isolation)", millis(theirs)),
            counts: format!("{:.1} times faster", ratio(theirs, ours)),
            goal,
        });
    }
    Ok(figures)
}

/// One run in the sandbox, its output read to the end.
async fn sandboxed(sandbox: &WasmSandbox, source: &Arc<str>) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let (sender, mut output) = OutputSender::channel(64);
    let run = sandbox.run(Task::new(Arc::clone(source)), sender, CancellationToken::new());
    let (outcome, bytes) = tokio::join!(run, async {
        let mut bytes = 0;
        while let Some(chunk) = output.recv().await {
            bytes += chunk.bytes.len();
        }
        bytes
    });
    let took = begun.elapsed();
    if outcome.exit != Exit::Code(0) || bytes == 0 {
        return Err(format!("the script did not succeed: {outcome:?}").into());
    }
    Ok(took)
}

/// One run of the rival, its output read to the end.
fn bare(file: &std::path::Path) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let output = Command::new(PYTHON).arg("-I").arg(file).stdin(Stdio::null()).output()?;
    let took = begun.elapsed();
    if output.status.success() { Ok(took) } else { Err("the rival did not succeed".into()) }
}
