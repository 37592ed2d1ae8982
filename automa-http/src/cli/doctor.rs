//! `automa doctor`: what this machine can do, why not, and what to do about it.

use std::fs;
use std::path::Path;

use automa_core::error::FolderProblem;
use automa_core::limits::Limits;
use automa_core::sandbox::Probe;
use automa_core::{Automa, Error};
use serde_json::{Value, json};

use super::{Failure, Outcome, folder, output, small_runtime};
use crate::exit_codes;
use crate::problem::with_sources;
use crate::sandboxes::Sandboxes;
use crate::settings::Place;
use crate::wire::health::VersionInfo;

/// Arguments of `automa doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    folder: folder::FolderArgs,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// One line of the report.
struct Finding {
    name: String,
    found: String,
    /// What mends it; `None` when nothing is wrong.
    remedy: Option<String>,
}

pub(super) fn main(args: &Args) -> Outcome {
    let place = args.folder.place();
    small_runtime()?.block_on(async {
        let mut probes = Vec::new();
        for sandbox in Sandboxes::new().all() {
            probes.push((sandbox.capabilities().isolation, sandbox.probe().await));
        }
        let data = data(place).await;
        let able = probes.iter().any(|(_, probe)| probe.available);
        if args.json {
            output::say_json(&as_json(&probes, &data, able));
        } else {
            show(&probes, &data, able);
        }
        Ok(if able { exit_codes::OK } else { exit_codes::FAILED })
    })
}

/// The data folder: opened as the server would open it where it is there, and looked at from outside where it is not.
async fn data(place: Result<Place, Failure>) -> Finding {
    let name = "data folder".to_owned();
    let folder = match place {
        Ok(Place::Folder(folder)) => folder,
        Ok(Place::Memory) => {
            return Finding { name, found: "none: everything is kept in memory".to_owned(), remedy: None };
        }
        Err(failure) => return Finding { name, found: failure.line, remedy: Some("correct the setting".to_owned()) },
    };
    let shown = folder.display().to_string();
    // A folder that is not there, or has nothing in it, is not made by looking at it.
    let empty = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_none());
    if empty || !folder.exists() {
        let found = format!("{shown}: not there yet; `automa serve` makes it");
        return Finding { name, found, remedy: unwritable(&folder) };
    }
    match Automa::builder().folder(&folder).open().await {
        Ok(_) => Finding { name, found: format!("{shown}: readable and writable"), remedy: None },
        // That the server has it is as it should be.
        Err(Error::Folder { problem: FolderProblem::InUse(pid), .. }) => {
            let by = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            Finding { name, found: format!("{shown}: in use by {by}"), remedy: None }
        }
        Err(error) => {
            Finding { name, found: with_sources(&error), remedy: Some("see docs/src/configuration.md".to_owned()) }
        }
    }
}

/// What is wrong with the nearest folder above that exists.
fn unwritable(folder: &Path) -> Option<String> {
    let absolute = std::path::absolute(folder).ok()?;
    let there = absolute.ancestors().find(|folder| folder.exists())?;
    let metadata = fs::metadata(there).ok()?;
    if !metadata.is_dir() {
        return Some(format!("{} is a file; choose another place with --data", there.display()));
    }
    let readonly = metadata.permissions().readonly();
    readonly.then(|| format!("{} cannot be written to; choose another place with --data", there.display()))
}

fn limits() -> Vec<(&'static str, String)> {
    let limits = Limits::default();
    vec![
        ("memory", limits.memory.to_string()),
        ("wall time", format!("{} s", limits.wall_time.as_secs())),
        ("output", limits.output.to_string()),
        ("scratch", format!("{} in {} files", limits.scratch, limits.files)),
    ]
}

fn show(probes: &[(&'static str, Probe)], data: &Finding, able: bool) {
    let this = VersionInfo::this();
    output::say(format!("{} {} ({})", this.name, this.version, this.target));
    for (isolation, probe) in probes {
        output::say("");
        let state = if probe.available { "ready" } else { "NOT USABLE" };
        output::say(format!("sandbox {}: {state} ({isolation})", probe.backend));
        for check in &probe.checks {
            line(check.name, &check.found, check.remedy.as_deref());
        }
    }
    output::say("");
    line(&data.name, &data.found, data.remedy.as_deref());
    let limits: Vec<_> = limits().into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    line("limits", &format!("unless an agent says otherwise: {}", limits.join(", ")), None);
    output::say("");
    output::say(if able { "Scripts can run here." } else { "Scripts cannot run here: no sandbox is usable." });
}

fn line(name: &str, found: &str, remedy: Option<&str>) {
    let mark = if remedy.is_none() { "ok" } else { "!!" };
    output::say(format!("  {mark}  {name:<12} {found}"));
    if let Some(remedy) = remedy {
        output::say(format!("      {:<12} → {remedy}", ""));
    }
}

fn as_json(probes: &[(&'static str, Probe)], data: &Finding, able: bool) -> Value {
    let this = VersionInfo::this();
    let sandboxes: Vec<_> = probes
        .iter()
        .map(|(isolation, probe)| {
            let check =
                |it: &automa_core::sandbox::Check| json!({ "name": it.name, "found": it.found, "remedy": it.remedy });
            let checks: Vec<_> = probe.checks.iter().map(check).collect();
            json!({ "backend": probe.backend, "available": probe.available, "isolation": isolation, "checks": checks })
        })
        .collect();
    json!({
        "version": this.version,
        "target": this.target,
        "able": able,
        "sandboxes": sandboxes,
        "data": { "found": data.found, "remedy": data.remedy },
        "limits": limits().into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>(),
    })
}
