//! Runs the measurements that were asked for and prints one table.

use std::error::Error;
use std::process::ExitCode;

use crate::figures::Figure;
use crate::{idle, path, sandbox, store};

const NAMES: [&str; 4] = ["sandbox", "store", "path", "idle"];

/// Runs what `names` names, or everything.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]
#[must_use]
pub fn run(names: &[String]) -> ExitCode {
    if let Some(unknown) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        eprintln!("automa-benches: {unknown:?} is none of {}", NAMES.join(", "));
        return ExitCode::from(2);
    }
    let wanted: Vec<&str> =
        NAMES.into_iter().filter(|name| names.is_empty() || names.iter().any(|it| it == name)).collect();
    let measured =
        tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(all(&wanted)));
    match measured {
        Ok(figures) => {
            println!("{}", machine());
            println!();
            println!("| what | Automa | against | counts | goal |");
            println!("|---|---|---|---|---|");
            for it in figures {
                println!("| {} | {} | {} | **{}** | {} |", it.what, it.ours, it.against, it.counts, it.goal);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("automa-benches: failed to measure: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn all(names: &[&str]) -> Result<Vec<Figure>, Box<dyn Error>> {
    let mut figures = Vec::new();
    for name in names {
        figures.extend(match *name {
            "sandbox" => sandbox::measure().await?,
            "store" => store::measure().await?,
            "path" => path::measure().await?,
            _ => tokio::task::block_in_place(idle::measure)?,
        });
    }
    Ok(figures)
}

/// What the figures were measured on.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("unknown", |(_, it)| it);
    let kernel = read("/proc/sys/kernel/osrelease");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let build = if cfg!(debug_assertions) { "development build" } else { "release build" };
    format!("{}: {cores} cores of {model}, Linux {}, {build}.", jiff::Zoned::now().date(), kernel.trim())
}
