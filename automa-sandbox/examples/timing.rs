//! Times complete runs of a script in the `wasm` sandbox: `cargo run --release --example timing -- SCRIPT [COUNT]`.

use std::error::Error;
use std::io::{Write as _, stderr, stdout};
use std::time::{Duration, Instant};

use automa_core::sandbox::{OutputSender, Sandbox as _, Task};
use automa_sandbox::WasmSandbox;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name a script")?;
    let count: usize = arguments.next().map_or(Ok(50), |count| count.parse())?;
    let source = std::fs::read_to_string(&path)?;
    let started = Instant::now();
    let sandbox = WasmSandbox::new();
    sandbox.load().await?;
    writeln!(stderr(), "loaded in {:?}", started.elapsed())?;
    let mut times = Vec::with_capacity(count);
    let mut computing = Vec::with_capacity(count);
    for round in 0..count {
        let (output, mut reader) = OutputSender::channel(64);
        let reading = tokio::spawn(async move {
            let mut bytes = Vec::new();
            while let Some(chunk) = reader.recv().await {
                bytes.extend(chunk.bytes);
            }
            bytes
        });
        let started = Instant::now();
        let outcome = sandbox.run(Task::new(source.as_str()), output, CancellationToken::new()).await;
        times.push(started.elapsed());
        computing.push(outcome.usage.cpu_time.unwrap_or_default());
        if round == 0 {
            stdout().write_all(&reading.await?)?;
            writeln!(stderr(), "{outcome:?}")?;
        }
        // Between two runs there is time to make the next instance ready, as on a machine that is not overloaded.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    times.sort_unstable();
    computing.sort_unstable();
    writeln!(stderr(), "median {:?}, fastest {:?}, slowest {:?}", times[count / 2], times[0], times[count - 1])?;
    writeln!(stderr(), "processor time inside: median {:?}, least {:?}", computing[count / 2], computing[0])?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("Rss") || line.starts_with("VmRSS")) {
        writeln!(stderr(), "{line}")?;
    }
    Ok(())
}
